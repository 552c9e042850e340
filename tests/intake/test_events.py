"""Events from files: the exact form, who is not known yet, and what makes two of them the same."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crm_store.intake.events import UNKNOWN_CUSTOMER
from crm_store.schema import event, product
from tests.intake.desk import Desk, Rows, holdings, reasons, recount, row_counts, tallies

ORDER: dict[str, Any] = {
    "customer": "c1",
    "event": "order",
    "at": "2026-02-01T10:00:00+01:00",
    "id": "4711",
    "amount": 49.90,
    "currency": "USD",
    "items": [{"product": "beans", "quantity": 1.5, "amount": 39.95}, {"product": "cup", "quantity": 0, "amount": 0}],
    "properties": {"store": 12, "size": "1.50", "gift": "no", "extra": {"deep": 1.5}},
}
AT = datetime(2026, 2, 1, 9, tzinfo=UTC)


def events(desk: Desk) -> Rows:
    with desk.shop.store.read() as conn:
        columns = event.c.kind, event.c.at, event.c.amount, event.c.currency, event.c.properties
        return [tuple(row) for row in conn.execute(select(*columns).order_by(event.c.id))]


def test_every_field_of_the_exact_form_is_stored(desk: Desk) -> None:
    desk.customers("c1")
    summary = desk.take("events", desk.json_lines([ORDER]))
    assert (summary["new"], summary["items"], summary["stub products"]) == (1, 2, 2)
    properties = {"store": "12", "size": 1.5, "gift": False, "extra": {"deep": 1.5}}
    assert events(desk) == [("order", AT, 4990, "USD", properties)]
    assert holdings(desk.shop.store)["items"] == [
        ("c1", "order", AT, 1, "beans", 1.5, 3995),
        ("c1", "order", AT, 2, "cup", 0.0, 0),
    ]


def test_csv_says_the_same_as_json_lines(desk: Desk) -> None:
    desk.customers("c1")
    cells = {name: json.dumps(value) if name in ("items", "properties") else str(value) for name, value in ORDER.items()}
    desk.take("events", desk.csv([list(cells), list(cells.values())]))
    assert desk.take("events", desk.json_lines([ORDER]))["already there"] == 1
    assert events(desk)[0][2] == 4990


def test_customer_name_and_instant_are_enough(desk: Desk) -> None:
    desk.customers("c1")
    desk.take("events", desk.json_lines([{"customer": "c1", "event": "seen", "at": "2026-02-01"}]))
    assert events(desk) == [("seen", datetime(2026, 1, 31, 23, tzinfo=UTC), None, None, {})]  # midnight in Berlin


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-07-01T12:00:00Z", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("2026-07-01T12:00:00.123456-05:30", datetime(2026, 7, 1, 17, 30, 0, 123456, UTC)),
        ("2026-07-01T12:00:00", datetime(2026, 7, 1, 10, tzinfo=UTC)),  # in the company's zone
        ("2026-07-01 12:00", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("2026-07-01", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-03-29T02:30:00", datetime(2026, 3, 29, 1, tzinfo=UTC)),  # does not exist: the end of the gap
        ("2026-10-25T02:30:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # exists twice: the first
        ("1969-12-31T23:59:59.999999Z", datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)),
    ],
)
def test_an_instant_is_kept_in_utc(desk: Desk, written: str, instant: datetime) -> None:
    desk.customers("c1")
    desk.take("events", desk.json_lines([{"customer": "c1", "event": "seen", "at": written}]))
    assert [row[1] for row in events(desk)] == [instant]


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("49.9", "USD", 4990),
        ("1200", "JPY", 1200),
        ("1.234", "KWD", 1234),
        ("-5.00", "EUR", -500),
        ("0", "EUR", 0),
        ("1e3", "EUR", 100000),
        ("9.90000", "EUR", 990),
        ("999999999999.99", "EUR", 99999999999999),
    ],
)
def test_amounts_are_exact_in_minor_units(desk: Desk, amount: str, currency: str, minor: int) -> None:
    desk.customers("c1")
    numbers = f'{{"customer": "c1", "event": "order", "at": "2026-02-01", "amount": {amount}, "currency": "{currency}"}}'
    texts = {"customer": "c1", "event": "order", "at": "2026-02-02", "amount": amount, "currency": currency.lower()}
    desk.take("events", desk.json_lines([numbers, texts]))
    assert [row[2:4] for row in events(desk)] == [(minor, currency)] * 2


@pytest.mark.parametrize(("amount", "currency"), [("9.999", "EUR"), ("1200.5", "JPY"), ("1.2345", "KWD")])
def test_more_digits_than_the_currency_has_are_refused(desk: Desk, amount: str, currency: str) -> None:
    desk.customers("c1")
    file = desk.json_lines([{**ORDER, "items": [], "amount": amount, "currency": currency}])
    assert reasons(desk.rejects(desk.take("events", file))) == {1: f"amount: amount has more digits than {currency} has"}


@pytest.mark.parametrize("said", [{}, {"currency": None}, {"currency": ""}])
def test_without_a_currency_amounts_are_in_the_companys(desk: Desk, said: dict[str, Any]) -> None:
    desk.customers("c1")
    bare = {"customer": "c1", "event": "order", "at": "2026-02-01", **said}
    with_items = {**bare, "at": "2026-02-02", "items": [{"product": "cup", "amount": "3"}]}
    desk.take("events", desk.json_lines([{**bare, "amount": "7.50"}, with_items, {**bare, "at": "2026-02-03"}]))
    assert [row[2:4] for row in events(desk)] == [(750, "EUR"), (None, "EUR"), (None, None)]


def test_an_item_needs_neither_quantity_nor_amount(desk: Desk) -> None:
    desk.customers("c1")
    items = [{"product": "cup"}, {"product": "cup", "quantity": None, "amount": None}, {"product": "cup", "quantity": -1}]
    desk.take("events", desk.json_lines([{**ORDER, "items": items}]))
    assert [row[3:] for row in holdings(desk.shop.store)["items"]] == [
        (1, "cup", 1.0, None),
        (2, "cup", 1.0, None),
        (3, "cup", -1.0, None),
    ]


def test_an_order_may_have_any_number_of_items(desk: Desk) -> None:
    desk.customers("c1")
    items = [{"product": f"p{n}", "amount": 1} for n in range(40_000)]
    summary = desk.take("events", desk.json_lines([{**ORDER, "items": items}]))
    assert (summary["new"], summary["items"], summary["stub products"]) == (1, 40_000, 40_000)


# Who is not known yet


def test_an_event_of_an_unknown_customer_waits_in_the_rejects_file(desk: Desk) -> None:
    desk.customers("c1")
    unknown = {**ORDER, "customer": "c2", "id": "4712", "amount": 10.10}
    summary = desk.take("events", desk.json_lines([ORDER, unknown]))
    assert (summary["new"], summary["set aside"]) == (1, 1)
    assert desk.rejects(summary) == [{"_line": 2, "_reason": UNKNOWN_CUSTOMER, **unknown}]


@pytest.mark.parametrize("offered", ["the original", "the rejects file", "both", "both the other way round"])
@pytest.mark.parametrize("form", ["json lines", "csv"])
def test_it_is_taken_once_when_offered_again(desk: Desk, offered: str, form: str) -> None:
    desk.customers("c1")
    bare = {"event": "order", "at": "2026-02-01T10:00:00.5", "amount": "10.10"}
    records = [
        {"customer": "c1", **bare},
        {"customer": "c2", **bare, "id": "77", "properties": '{"size": 2.50, "odd": 10.10}'},
        {"customer": "c2", **bare, "properties": '{"size": 2.50, "odd": 10.10, "whole": 1.0, "big": 1e2}'},
    ]
    original = desk.json_lines(records) if form == "json lines" else _as_csv(desk, records)
    summary = desk.take("events", original)
    rejects = desk.folder / "kept.jsonl"
    shutil.copy(summary["rejects file"], rejects)
    desk.customers("c2")
    files = {"the original": [original], "the rejects file": [rejects], "both": [original, rejects]}.get(offered)
    done = [desk.take("events", file) for file in files or [rejects, original]]
    assert (sum(one["new"] for one in done), {one["set aside"] for one in done}) == (2, {0})
    assert [row[2] for row in events(desk)] == [1010] * 3
    assert len(holdings(desk.shop.store)["customers"]) == 2


def _as_csv(desk: Desk, records: list[dict[str, str]]) -> Path:
    header = ["customer", "event", "at", "id", "amount", "properties"]
    return desk.csv([header, *([record.get(name, "") for name in header] for record in records)])


def test_the_rejects_of_rejects_are_kept_as_well(desk: Desk) -> None:
    first = desk.take("events", desk.json_lines([ORDER]))
    second = desk.take("events", Path(first["rejects file"]))
    assert desk.rejects(second) == desk.rejects(first)
    assert second["rejects file"] != first["rejects file"]


def test_mapped_rejects_are_taken_with_the_same_map(desk: Desk) -> None:
    options = ("--map", "customer=who", "--map", "event=what", "--map", "at=when")
    file = desk.csv([["who", "what", "when"], ["c1", "seen", "2026-02-01"]])
    rejects = Path(desk.take("events", file, *options)["rejects file"])
    desk.customers("c1")
    assert desk.take("events", rejects, *options)["new"] == 1
    assert desk.take("events", file, *options)["already there"] == 1


# What makes two the same


def test_an_id_is_known_within_its_source(desk: Desk) -> None:
    desk.customers("c1")
    file = desk.json_lines([ORDER, {**ORDER, "amount": 1, "at": "2026-03-01"}])
    assert [desk.take("events", file, "--source", name)["new"] for name in ("till", "web", "till")] == [1, 1, 0]
    assert [row[2] for row in events(desk)] == [4990, 4990]


def test_without_an_id_the_whole_content_counts(desk: Desk) -> None:
    desk.customers("c1", "c2")
    bare = {name: value for name, value in ORDER.items() if name != "id"}
    others: list[dict[str, Any]] = [
        {"customer": "c2"},
        {"event": "return"},
        {"at": "2026-02-01T10:00:01+01:00"},
        {"amount": 49.91},
        {"currency": "EUR"},
        {"items": ORDER["items"][:1]},
        {"items": ORDER["items"][::-1]},
        {"properties": {"store": "13"}},
    ]
    file = desk.json_lines([bare, *({**bare, **other} for other in others), bare, {**bare, "id": None}, {**bare, "id": ""}])
    summary = desk.take("events", file)
    assert (summary["new"], summary["already there"]) == (1 + len(others), 3)


def test_the_same_content_in_other_words_is_the_same(desk: Desk) -> None:
    desk.customers("c1")
    bare = {name: value for name, value in ORDER.items() if name != "id"}
    properties = {"store": "12", "gift": False, "extra.deep": 1.50, "size": 1.5}
    same = {"at": "2026-02-01T09:00:00Z", "amount": "49.900", "properties": properties}
    summary = desk.take("events", desk.json_lines([bare, {**dict(reversed(bare.items())), **same}]))
    assert (summary["new"], summary["already there"]) == (1, 1)


# Tallies


def test_tallies_keep_currencies_apart_and_take_late_events(desk: Desk) -> None:
    desk.customers("c1", "c2")
    bare = {"customer": "c1", "event": "order"}
    first = [
        {**bare, "at": "2026-02-05", "amount": 10, "currency": "USD"},
        {**bare, "at": "2026-02-06", "amount": 20},
        {**bare, "at": "2026-02-07"},
        {**bare, "customer": "c2", "at": "2026-02-07", "amount": "-3.5"},
    ]
    late = [{**bare, "at": "2026-01-01", "amount": "0.01", "currency": "USD"}, {**bare, "at": "2027-01-01", "amount": 1}]
    for records in (first, late, first):
        desk.take("events", desk.json_lines(records))
        assert tallies(desk.shop.store) == recount(desk.shop.store)
    found = _sums(desk)
    assert found == {("c1", "USD"): (2, 1001), ("c1", "EUR"): (2, 2100), ("c1", ""): (1, 0), ("c2", "EUR"): (1, -350)}


def _sums(desk: Desk) -> dict[tuple[str, str], tuple[int, int]]:
    return {(row[0], row[2]): (row[3], row[4]) for row in holdings(desk.shop.store)["tallies"]}


# Products that items name


def test_items_make_stubs_that_a_later_catalogue_fills(desk: Desk) -> None:
    desk.customers("c1")
    items = [{"product": "beans", "category": "Coffee/Beans", "brand": "Own"}, {"product": "cup"}]
    assert desk.take("events", desk.json_lines([{**ORDER, "items": items}]))["stub products"] == 2
    assert _products(desk) == [("beans", None, "Coffee/Beans", "Own", 1), ("cup", None, None, None, 1)]
    catalogue = [{"key": "beans", "title": "Beans, 1 kg"}, {"key": "pot", "title": "A pot"}]
    summary = desk.take("products", desk.json_lines(catalogue))
    assert (summary["new"], summary["changed"]) == (1, 1)
    again = desk.take("events", desk.json_lines([{**ORDER, "id": "4713", "items": items}]))
    assert again["stub products"] == 0
    assert _products(desk) == [
        ("beans", "Beans, 1 kg", "Coffee/Beans", "Own", 0),
        ("cup", None, None, None, 1),
        ("pot", "A pot", None, None, 0),
    ]


def _products(desk: Desk) -> Rows:
    with desk.shop.store.read() as conn:
        columns = product.c.key, product.c.title, product.c.category, product.c.brand, product.c.stub
        return [tuple(row) for row in conn.execute(select(*columns).order_by(product.c.key))]


def test_a_refused_event_makes_no_stub(desk: Desk) -> None:
    before = row_counts(desk.shop.store)
    desk.take("events", desk.json_lines([ORDER]))
    assert row_counts(desk.shop.store) == before
