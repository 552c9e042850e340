"""The real year, taken whole: every figure is compared with one reckoned from the parquet files without our importer."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import parquet
from sqlalchemy import func, select

from console.cli.app import main
from console.demo.year import import_year
from crm_store.intake.importers.complete_journey import data_folder
from crm_store.schema import customer, event, event_item, product
from crm_store.store import Store
from tests.intake.desk import recount, row_counts, tallies
from tests.world import Shop

SHOP_ZONE = ZoneInfo("America/New_York")
EACH_DATABASE = pytest.mark.parametrize(
    "store_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True
)
AGAIN = """\
products: 0 new, 92331 there already, 0 set aside
households: 0 new, 2469 there already, 0 set aside
orders: 0 new, 155848 there already, 0 set aside
paper mailings: 0 new, 6589 there already, 0 set aside
coupons redeemed: 0 new, 2102 there already, 0 set aside
sign-ups: 0 new, 2469 there already, 0 set aside
"""


@EACH_DATABASE
def test_the_real_year_is_taken_whole_and_a_second_run_adds_nothing(
    shop: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: Counter[str] = Counter()
    done = import_year(shop.store, shop.root / "rejects", lambda name, more: seen.update({name: more}))
    assert not (shop.root / "rejects").exists()
    assert {name: outcome.new for name, outcome in done.items()} == seen
    assert done["orders"].items == 1_469_307
    ours, theirs = stored(shop.store), figures()
    assert [name for name in theirs if ours[name] != theirs[name]] == []
    assert tallies(shop.store) == recount(shop.store)
    before = row_counts(shop.store)
    monkeypatch.setenv("RAPPORT_STORE", "")
    words = ["rapport", "--workspace", str(shop.root), "--store", store_url, "import", "complete-journey"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out == AGAIN  # the rest is progress, a line every ten seconds
    assert row_counts(shop.store) == before


def test_the_figures_are_those_everybody_knows() -> None:
    """What is reckoned here from the files is what their publisher and the issue say of them."""
    known = figures()
    assert known["households"] == 2_469
    assert known["baskets"] == 155_848
    assert known["lines"] == 1_469_307
    assert known["revenue in cents"] == 459_603_958
    assert known["products"] == {"in the catalogue": 92_331, "stubs": 17, "lines on stubs": 4_836}
    assert known["lines of quantity 0"] == 8_869
    assert known["baskets of amount 0"] == 478
    assert str(known["last instant"])[:16] == "2018-01-01 04:01"
    assert sum(known["revenue by month"].values()) == sum(known["revenue by department"].values()) == 459_603_958
    assert len(known["revenue by month"]) == 13
    assert (len(known["mailings"]), sum(known["mailings"].values())) == (27, 6_589)
    assert sum(known["redemptions"].values()) == 2_102
    assert len(known["demographics"]) == 801


# Theirs: from the files


def read(name: str, columns: list[str] | None = None) -> Any:
    return parquet.read_table(data_folder() / f"{name}.parquet", columns=columns)


@cache
def figures() -> Mapping[str, Any]:
    """The figures by name."""
    lines = lines_with_departments()
    baskets = of_baskets(lines)
    return {
        "households": pc.count_distinct(lines["household_id"]).as_py(),
        "baskets": len(baskets),
        "lines": lines.num_rows,
        "revenue in cents": pc.sum(lines["cents"]).as_py(),
        "revenue by month": sums(lines, "month"),
        "revenue by department": sums(lines, "department"),
        "each basket": baskets,
        "each product": of_products(lines),
        "products": of_catalogue(lines),
        "lines of quantity 0": pc.sum(pc.equal(lines["quantity"], 0)).as_py(),
        "baskets of amount 0": sum(cents == 0 for _, _, cents, _ in baskets.values()),
        "last instant": instant(pc.max(lines["micros"]).as_py()),
        "mailings": of_mailings(),
        "redemptions": of_redemptions(),
        "demographics": of_demographics(),
    }


def lines_with_departments() -> Any:
    columns = ["household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp"]
    table = read("transactions", columns)
    table = table.append_column("cents", pc.cast(pc.round(pc.multiply(table["sales_value"], 100)), pa.int64()))
    table = table.append_column("month", pc.strftime(table["transaction_timestamp"], format="%Y-%m"))
    micros = pc.cast(pc.cast(table["transaction_timestamp"], pa.timestamp("us")), pa.int64())
    table = table.append_column("micros", micros)
    return table.join(read("products", ["product_id", "department"]), "product_id", join_type="left outer")


def sums(lines: Any, name: str) -> dict[str | None, int]:
    """Cents by name; a slash inside a department's name is ` & ` in our paths."""
    found = lines.group_by(name).aggregate([("cents", "sum")])
    names = [said and said.replace("/", " & ") for said in found[name].to_pylist()]
    return dict(zip(names, found["cents_sum"].to_pylist(), strict=True))


def of_baskets(lines: Any) -> dict[str, tuple[str, datetime, int, int]]:
    """(household, instant, cents, lines) by basket: each has one household and one instant."""
    asked = [("household_id", "min_max"), ("micros", "min_max"), ("cents", "sum"), ("cents", "count")]
    found = {}
    for row in lines.group_by("basket_id").aggregate(asked).to_pylist():
        household, at = row["household_id_min_max"], row["micros_min_max"]
        assert (household["min"], at["min"]) == (household["max"], at["max"])
        counted = row["cents_sum"], row["cents_count"]
        found[str(row["basket_id"])] = (f"household-{household['min']}", instant(at["min"]), *counted)
    return found


def of_products(lines: Any) -> dict[str, tuple[int, int, float]]:
    """(lines, cents, quantity) by product that was bought."""
    found = lines.group_by("product_id").aggregate([("cents", "count"), ("cents", "sum"), ("quantity", "sum")])
    rows = found.to_pylist()
    return {str(row["product_id"]): (row["cents_count"], row["cents_sum"], float(row["quantity_sum"])) for row in rows}


def of_catalogue(lines: Any) -> dict[str, int]:
    catalogue = read("products", ["product_id"])
    unknown = lines.filter(pc.invert(pc.is_in(lines["product_id"], catalogue["product_id"])))
    stubs = pc.count_distinct(unknown["product_id"]).as_py()
    return {"in the catalogue": catalogue.num_rows, "stubs": stubs, "lines on stubs": unknown.num_rows}


def of_mailings() -> Counter[tuple[str, str]]:
    """Mailings by (campaign, first day)."""
    days = read("campaign_descriptions", ["campaign_id", "start_date"])
    first = pc.strftime(days["start_date"], format="%F").to_pylist()
    starts = dict(zip(days["campaign_id"].to_pylist(), first, strict=True))
    return Counter((str(campaign), starts[campaign]) for campaign in read("campaigns")["campaign_id"].to_pylist())


def of_redemptions() -> Counter[tuple[str, str, str]]:
    """Redemptions by (campaign, coupon, day)."""
    table = read("coupon_redemptions")
    days = pc.strftime(table["redemption_date"], format="%F").to_pylist()
    campaigns, coupons = table["campaign_id"].to_pylist(), table["coupon_upc"].to_pylist()
    return Counter((str(one), str(coupon), day) for one, coupon, day in zip(campaigns, coupons, days, strict=True))


def of_demographics() -> dict[str, dict[str, str]]:
    rows = read("demographics").rename_columns({"age": "age_band"}).to_pylist()
    households = [f"household-{row.pop('household_id')}" for row in rows]
    known = [{name: said for name, said in row.items() if said is not None} for row in rows]
    return dict(zip(households, known, strict=True))


def instant(micros: int) -> datetime:
    return datetime.fromtimestamp(micros // 10**6, UTC).replace(microsecond=micros % 10**6)


# Ours: from the store


def stored(store: Store) -> Mapping[str, Any]:
    """The same figures, as the store has them."""
    baskets = stored_baskets(store)
    items = stored_items(store)
    stubs = [row for row in items if row.stub]
    return {
        "households": len({household for household, _, _, _ in baskets.values()}),
        "baskets": len(baskets),
        "lines": sum(row.lines for row in items),
        "revenue in cents": sum(cents for _, _, cents, _ in baskets.values()),
        "revenue by month": total((f"{at:%Y-%m}", cents) for _, at, cents, _ in baskets.values()),
        "revenue by department": total((row.category.split("/")[0] if row.category else None, row.cents) for row in items),
        "each basket": baskets,
        "each product": {row.key: (row.lines, row.cents, row.quantity) for row in items},
        "products": {**stored_catalogue(store), "lines on stubs": sum(row.lines for row in stubs)},
        "lines of quantity 0": one(store, select(func.count()).where(event_item.c.quantity == 0)),
        "baskets of amount 0": one(store, select(func.count()).where(event.c.kind == "order", event.c.amount == 0)),
        "last instant": one(store, select(func.max(event.c.at)).where(event.c.kind == "order")),
        "mailings": told(store, "mailed", "campaign"),
        "redemptions": told(store, "coupon_redeemed", "campaign", "coupon"),
        "demographics": stored_demographics(store),
    }


def one(store: Store, chosen: Any) -> Any:
    with store.read() as conn:
        return conn.execute(chosen).scalar_one()


def total(pairs: Any) -> dict[str | None, int]:
    found: Counter[str | None] = Counter()
    for name, cents in pairs:
        found[name] += cents
    return dict(found)


def stored_baskets(store: Store) -> dict[str, tuple[str, datetime, int, int]]:
    lines = select(event_item.c.event_id, func.count().label("lines")).group_by(event_item.c.event_id).subquery()
    chosen = select(event.c.dedupe_key, customer.c.key, event.c.at, event.c.amount, lines.c.lines)
    chosen = chosen.join(customer, customer.c.id == event.c.customer_id).join(lines, lines.c.event_id == event.c.id)
    with store.read() as conn:
        rows = conn.execute(chosen.where(event.c.kind == "order", event.c.currency == "USD"))
        return {row[0].removeprefix("id:"): (row[1], row[2], row[3], row[4]) for row in rows}


def stored_items(store: Store) -> Any:
    counted = func.count().label("lines"), func.sum(event_item.c.amount).label("cents")
    columns = product.c.key, product.c.category, product.c.stub, *counted, func.sum(event_item.c.quantity).label("quantity")
    chosen = select(*columns).join(event_item, event_item.c.product_id == product.c.id).group_by(product.c.id)
    with store.read() as conn:
        return conn.execute(chosen).all()


def stored_catalogue(store: Store) -> dict[str, int]:
    chosen = select(product.c.stub, func.count()).group_by(product.c.stub)
    with store.read() as conn:
        found = {row[0]: row[1] for row in conn.execute(chosen)}
    return {"in the catalogue": found[0], "stubs": found[1]}


def told(store: Store, kind: str, *names: str) -> Counter[tuple[str, ...]]:
    """Events of a kind by some of their properties and their day at the shop."""
    with store.read() as conn:
        rows = conn.execute(select(event.c.properties, event.c.at).where(event.c.kind == kind)).all()
    days = (str(row.at.astimezone(SHOP_ZONE).date()) for row in rows)
    return Counter((*(row.properties[name] for name in names), day) for row, day in zip(rows, days, strict=True))


def stored_demographics(store: Store) -> dict[str, dict[str, str]]:
    with store.read() as conn:
        rows = conn.execute(select(customer.c.key, customer.c.attributes)).all()
    found = {row.key: {name: said for name, said in row.attributes.items() if name != "made_up"} for row in rows}
    return {key: attributes for key, attributes in found.items() if attributes}
