"""The retailer's year, tampered with: what can't be taken is set aside with its line, the rest is taken."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from sqlalchemy import select

from crm_store.intake.events import Events
from crm_store.intake.importers import complete_journey as journey
from crm_store.intake.importing import Intake, Line, import_lines
from crm_store.intake.outcome import Outcome
from crm_store.intake.products import Products
from crm_store.intake.readers import Rejects
from crm_store.intake.records import EventRecord
from crm_store.schema import event, product
from tests.intake.desk import holdings
from tests.world import Shop

NOON = datetime(2017, 3, 1, 17, tzinfo=UTC)
Row = dict[str, Any]


def line(basket: int, value: float | None = 1.25, **other: Any) -> Row:
    """A purchase line of household 1."""
    usual = {"household_id": 1, "basket_id": basket, "product_id": 7, "quantity": 1.0, "sales_value": value, "store_id": 9}
    return {**usual, "transaction_timestamp": NOON, **other}


def write(folder: Path, name: str, rows: list[Row]) -> None:
    """A parquet file; instants without a zone, in nanoseconds, as the package has them."""
    table = pa.Table.from_pylist(rows)
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            column = table.column(index).cast(pa.timestamp("ns", "UTC")).cast(pa.timestamp("ns"))
            table = table.set_column(index, field.name, column)
    parquet.write_table(table, folder / f"{name}.parquet")


def take(shop: Shop, intake: Intake[Any], lines: journey.Lines) -> tuple[Outcome, list[Row]]:
    """The outcome and the rejects."""
    path = shop.root / "rejects.jsonl"
    path.unlink(missing_ok=True)
    with Rejects(path) as rejects:
        outcome = import_lines(shop.store, intake, lines, rejects, journey.SOURCE)
    return outcome, [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []


def orders(lines: journey.Lines) -> dict[str | None, int | None]:
    """Amounts by basket."""
    taken = [one.record for one in lines if isinstance(one, Line)]
    return {record.id: record.amount for record in taken if isinstance(record, EventRecord)}


@pytest.mark.parametrize(
    ("tampered", "reason"),
    [
        ({"sales_value": None}, "sales_value: is missing"),
        ({"sales_value": float("nan")}, "sales_value: is not an amount of cents"),
        ({"sales_value": float("inf")}, "sales_value: is not an amount of cents"),
        ({"sales_value": 1.255}, "sales_value: is not an amount of cents"),
        ({"transaction_timestamp": None}, "transaction_timestamp: is missing"),
        ({"household_id": None}, "household_id: is missing"),
        ({"product_id": None}, "product_id: is missing"),
        ({"basket_id": None}, "basket_id: is missing"),
        ({"quantity": None}, "quantity: is missing"),
        ({"quantity": float("nan")}, "quantity: is not a number"),
        ({"store_id": None}, "store_id: is missing"),
    ],
)
def test_a_bad_purchase_line_is_set_aside_alone(shop: Shop, tampered: Row, reason: str) -> None:
    shop.customer("household-1")
    rows = [line(11), line(12, 0.1), line(12, 0.2, **tampered), line(12, 0.2), line(13, 0.0, quantity=0.0)]
    write(shop.root, "transactions", rows)
    outcome, rejects = take(shop, Events(), journey.orders(shop.root))
    assert (outcome.new, outcome.items, outcome.rejected, outcome.reasons) == (3, 4, 1, {reason: 1})
    assert [(one["_line"], one["_reason"]) for one in rejects] == [(3, reason)]
    assert rejects[0].keys() >= set(journey.LINE)
    with shop.store.read() as conn:
        amounts = dict(conn.execute(select(event.c.dedupe_key, event.c.amount)).all())
    assert amounts == {"id:11": 125, "id:12": 30, "id:13": 0}
    again, _ = take(shop, Events(), journey.orders(shop.root))
    assert (again.new, again.unchanged, again.rejected) == (0, 3, 1)


@pytest.mark.parametrize("where", [0, -1])
def test_a_bad_line_at_either_end_is_set_aside_too(shop: Shop, where: int) -> None:
    rows = [line(11), line(12), line(13)]
    rows[where]["sales_value"] = None
    write(shop.root, "transactions", rows)
    assert list(orders(journey.orders(shop.root)).values()) == [125, 125]


def test_a_basket_whose_lines_are_scattered_is_not_taken_for_two(shop: Shop) -> None:
    shop.customer("household-1")
    write(shop.root, "transactions", [line(11, 1.0), line(12, 2.0), line(11, 4.0)])
    outcome, rejects = take(shop, Events(), journey.orders(shop.root))
    assert (outcome.new, outcome.unchanged) == (2, 0)
    assert [one["_reason"] for one in rejects] == ["basket_id: the basket's lines do not stand together"]
    assert (rejects[0]["_line"], rejects[0]["sales_value"]) == (3, 4.0)


def test_cents_are_summed_as_whole_numbers(shop: Shop) -> None:
    write(shop.root, "transactions", [line(11, value) for value in (0.1, 0.2, 0.7, 1.15, 2.675 - 0.005, 8.29)])
    assert orders(journey.orders(shop.root)) == {"11": 10 + 20 + 70 + 115 + 267 + 829}


def test_orders_of_unknown_households_are_set_aside_by_basket(shop: Shop) -> None:
    shop.customer("household-1")
    write(shop.root, "transactions", [line(11), line(12, household_id=2), line(12, household_id=2)])
    outcome, rejects = take(shop, Events(), journey.orders(shop.root))
    assert (outcome.new, [(one["_line"], one["id"]) for one in rejects]) == (1, [(3, "12")])


def test_mailings_take_their_campaigns_start(shop: Shop) -> None:
    for key in ("household-1", "household-2"):
        shop.customer(key)
    starts = [{"campaign_id": 5, "campaign_type": "Type A", "start_date": datetime(2017, 7, 1, tzinfo=UTC)}]
    write(shop.root, "campaign_descriptions", [*starts, {"campaign_id": 6, "campaign_type": None, "start_date": None}])
    mailed = [(5, 1), (5, 2), (6, 1), (9, 1), (None, 1), (5, None)]
    write(shop.root, "campaigns", [{"campaign_id": campaign, "household_id": household} for campaign, household in mailed])
    outcome, rejects = take(shop, Events(), journey.mailings(shop.root))
    assert outcome.new == 2
    taken = {(row[2], row[5]["campaign"]) for row in holdings(shop.store)["events"]}
    assert taken == {(datetime(2017, 7, 1, 4, tzinfo=UTC), "5")}
    assert {one["_line"]: one["_reason"] for one in rejects} == {
        3: "campaign_id: the campaign has no start date",
        4: "campaign_id: the campaign has no start date",
        5: "campaign_id: is missing",
        6: "household_id: is missing",
    }


def test_redemptions_stand_at_the_beginning_of_their_day(shop: Shop) -> None:
    shop.customer("household-1")
    usual = {"household_id": 1, "coupon_upc": 77, "campaign_id": 5, "redemption_date": datetime(2017, 1, 15, tzinfo=UTC)}
    others: list[Row] = [{}, {"coupon_upc": 78}, {"redemption_date": None}, {"household_id": None}, {"campaign_id": None}]
    write(shop.root, "coupon_redemptions", [{**usual, **other} for other in others])
    outcome, rejects = take(shop, Events(), journey.redemptions(shop.root))
    assert (outcome.new, outcome.rejected) == (2, 3)
    assert {row[2] for row in holdings(shop.store)["events"]} == {datetime(2017, 1, 15, 5, tzinfo=UTC)}
    assert [(one["_line"], one["_reason"].split(":")[0]) for one in rejects] == [
        (3, "redemption_date"),
        (4, "household_id"),
        (5, "campaign_id"),
    ]


def test_products_become_paths_and_one_without_a_number_is_set_aside(shop: Shop) -> None:
    beans = {
        "product_id": 7,
        "manufacturer_id": 3,
        "department": "GROCERY",
        "product_category": "COFFEE/TEA ",
        "product_type": "BEANS",
        "brand": "National",
        "package_size": None,
    }
    bare = {**beans, "product_id": 8, "product_category": None, "product_type": None}
    write(shop.root, "products", [beans, bare, {**beans, "product_id": None}])
    outcome, rejects = take(shop, Products(), journey.products(shop.root))
    assert (outcome.new, [(one["_line"], one["_reason"]) for one in rejects]) == (2, [(3, "product_id: is missing")])
    with shop.store.read() as conn:
        columns = product.c.key, product.c.title, product.c.category, product.c.brand, product.c.attributes
        assert [tuple(row) for row in conn.execute(select(*columns).order_by(product.c.key))] == [
            ("7", "BEANS", "GROCERY/COFFEE & TEA/BEANS", "National", {"manufacturer": 3}),
            ("8", None, "GROCERY", "National", {"manufacturer": 3}),
        ]
    assert take(shop, Products(), journey.products(shop.root))[0].unchanged == 2


def test_households_are_those_with_a_basket_that_has_an_instant(shop: Shop) -> None:
    later = NOON.replace(month=5)
    rows = [line(1, household_id=3, transaction_timestamp=later), line(2, household_id=3), line(3, household_id=None)]
    write(shop.root, "transactions", [*rows, line(4, household_id=2, transaction_timestamp=None), line(5)])
    found = journey.first_baskets(shop.root)
    assert list(found.items()) == [(1, NOON), (3, NOON)]
    assert {type(instant) for instant in found.values()} == {datetime}
