"""The catalogue from files."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from crm_store.schema import product
from tests.intake.desk import Desk, row_counts

BEANS: dict[str, Any] = {
    "key": "beans",
    "title": "Coffee beans, 1 kg",
    "category": "Coffee/Beans",
    "brand": "Own",
    "price": 49.90,
    "currency": "USD",
    "attributes": {"weight": 0.1, "package": {"kind": "bag", "size": 1}},
}
READ = {**BEANS, "price": 4990, "stub": 0}


def stored(desk: Desk) -> dict[str, Any]:
    with desk.shop.store.read() as conn:
        row = conn.execute(select(product).where(product.c.key == "beans")).one()._asdict()
    return {name: row[name] for name in READ}


def test_every_field_is_stored_and_the_same_again_changes_nothing(desk: Desk) -> None:
    file = desk.json_lines([BEANS, {"key": "bare"}])
    assert desk.take("products", file)["new"] == 2
    assert stored(desk) == READ
    before = row_counts(desk.shop.store)
    again = desk.take("products", file)
    assert (again["new"], again["changed"], again["already there"]) == (0, 0, 2)
    assert row_counts(desk.shop.store) == before


@pytest.mark.parametrize(
    ("said", "stored_as"),
    [
        ({"title": "Beans"}, {"title": "Beans"}),
        ({"price": 5, "currency": "JPY"}, {"price": 5, "currency": "JPY"}),
        ({"price": "5"}, {"price": 500, "currency": "EUR"}),
        ({"price": None}, {"price": None, "currency": None}),
        ({"brand": None, "category": None}, {"brand": None, "category": None}),
        (
            {"attributes": {"weight": None, "package": {"size": 2}}},
            {"attributes": {"package": {"kind": "bag", "size": 2}}},
        ),
        ({"attributes.colour": "brown"}, {"attributes": {**BEANS["attributes"], "colour": "brown"}}),
    ],
)
def test_only_what_the_file_holds_changes(desk: Desk, said: dict[str, Any], stored_as: dict[str, Any]) -> None:
    desk.take("products", desk.json_lines([BEANS]))
    assert desk.take("products", desk.json_lines([{"key": "beans", **said}]))["changed"] == 1
    assert stored(desk) == {**READ, **stored_as}


def test_a_catalogue_in_csv(desk: Desk) -> None:
    header = ["sku", "title", "category", "brand", "price", "currency", "attributes"]
    row = ["beans", "Coffee beans, 1 kg", "Coffee/Beans", "Own", "49.90", "usd", '{"weight": 0.1}']
    file = desk.csv([[*header, "attributes.package.kind", "attributes.package.size"], [*row, "bag", "1"]])
    assert desk.take("products", file, "--map", "key=sku")["new"] == 1
    assert stored(desk) == {**READ, "attributes": {"weight": 0.1, "package": {"kind": "bag", "size": "1"}}}
