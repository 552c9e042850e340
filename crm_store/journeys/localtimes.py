"""Local times joined to rows: the few distinct zones get their instants in Python, exactly, and SQL looks them up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import CTE, BigInteger, Connection, Date, Integer, column, select, values

from crm_store.clock import EPOCH, local_date, local_instant, zone_or_none
from crm_store.schema import zone
from crm_store.schema.types import Instant, Words

Zones = Sequence[tuple[int, ZoneInfo]]


def zones(conn: Connection, company_zone: ZoneInfo) -> Zones:
    """(row id, zone) of all zones customers have; the company's where none is known."""
    rows = conn.execute(select(zone.c.id, zone.c.name).order_by(zone.c.id))
    return [(row.id, zone_or_none(row.name) or company_zone) for row in rows]


def days_around(first: datetime, last: datetime, ahead: timedelta = timedelta(days=1)) -> list[date]:
    """Every date that is local somewhere between the two instants, and so much further."""
    start = first.date() - timedelta(days=1)
    count = (last + ahead).date() - start + timedelta(days=2)
    return [start + timedelta(days=n) for n in range(count.days)]


def instants_at(zones: Zones, days: Iterable[date], at: time) -> CTE:
    """A table (zone_id, on_day, instant): when it is that local time there on that day."""
    rows = [(zone_id, day, local_instant(day, at, where)) for day in days for zone_id, where in zones]
    return _table("local_time", rows)


def instants_on(zones: Zones, days: Iterable[tuple[date, date]], at: time) -> CTE:
    """A table (zone_id, on_day, instant): for (key, day) pairs, the instant on `day` under the key in on_day."""
    rows = [(zone_id, key, local_instant(day, at, where)) for key, day in days for zone_id, where in zones]
    return _table("local_time", rows)


def _table(name: str, rows: list[tuple[int, date, datetime]]) -> CTE:
    columns = (column("zone_id", BigInteger), column("on_day", Date), column("instant", Instant))
    rows = rows or [(0, EPOCH.date(), EPOCH)]  # VALUES needs a row; that of zone 0 fits nobody
    return values(*columns, name=name, literal_binds=True).data(rows).cte(name)


@dataclass(frozen=True)
class Occurrence:
    """A day on which something comes round, for the customers of one zone: what to look for, and when to act."""

    zone_id: int
    month: int
    day: int
    occasion: str
    occurs_on: date
    not_since: date  # an earlier occurrence after this day would be too near
    right_at: datetime
    began_on: date  # the date itself, of which this is the day on which it comes round
    begins: datetime = EPOCH  # that day, where it matters when it begins and ends
    ends: datetime = EPOCH


def occurrences_table(rows: Iterable[Occurrence]) -> CTE:
    """A table of occurrences, to be joined to customers."""
    columns: tuple[Any, ...] = (
        column("zone_id", BigInteger),
        column("month", Integer),
        column("day", Integer),
        column("occasion", Words),
        column("occurs_on", Date),
        column("not_since", Date),
        column("right_at", Instant),
        column("began_on", Date),
        column("begins", Instant),
        column("ends", Instant),
    )
    # VALUES needs a row; that of zone 0 fits nobody.
    nobody = Occurrence(0, 0, 0, "", EPOCH.date(), EPOCH.date(), EPOCH, EPOCH.date())
    data = [astuple(one) for one in rows] or [astuple(nobody)]
    return values(*columns, name="occurrence", literal_binds=True).data(data).cte("occurrence")


@dataclass(frozen=True)
class Turn:
    """A time of a schedule, as the customers of one zone have it."""

    zone_id: int
    occasion: str
    right_at: datetime


def turns_table(rows: Iterable[Turn]) -> CTE:
    """A table of a schedule's times."""
    columns: tuple[Any, ...] = (column("zone_id", BigInteger), column("occasion", Words), column("right_at", Instant))
    data = [astuple(turn) for turn in rows] or [(0, "", EPOCH)]
    return values(*columns, name="turn", literal_binds=True).data(data).cte("turn")


def sending_days(zones: Zones, since: datetime, now: datetime, at: time) -> Iterable[tuple[int, date, datetime]]:
    """(zone row, local day, instant) of every local `at` that lies in [since, now]."""
    for zone_id, where in zones:
        day = local_date(since, where) - timedelta(days=1)
        while day <= local_date(now, where):
            instant = local_instant(day, at, where)
            if since <= instant <= now:
                yield zone_id, day, instant
            day += timedelta(days=1)
