"""The calendar in SQL, alike on both databases: local times of a day, and months and years later where somebody is.

What `clock.local_instant` and `Duration.shift` say in Python is said here of columns.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, cast, false, func, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from crm_store.clock import local_date, start_of_day
from crm_store.content.literals import Duration
from crm_store.dialect import DaysLater
from crm_store.schema import customer, zone
from crm_store.schema.types import DateText, Instant, Words, later

Column = ColumnElement[Any]
_DAY = timedelta(days=1)
_SPREAD = 5  # days: months differ in length


class local_time(FunctionElement[Any]):  # SQL functions are written in lower case
    """`local_time(day, time, zone)`: when it is that time on a day (its ISO text) there; NULL for what is no day.

    A time that is lost moves to the next valid instant, of one that comes twice it is the first.
    """

    type = Instant()
    inherit_cache = True
    name = "local_time"


class months_later(FunctionElement[Any]):
    """`months_later(instant, months, zone)`: at the same local time so many months later, on the last day of a month that
    is too short."""

    type = Instant()
    inherit_cache = True
    name = "months_later"


class day_months_later(FunctionElement[Any]):
    """`day_months_later(day, months)`: the ISO text of a day so many months later; NULL for what is no day."""

    type = DateText()
    inherit_cache = True
    name = "day_months_later"


@compiles(local_time, "sqlite")
@compiles(months_later, "sqlite")
@compiles(day_months_later, "sqlite")
def _of_sqlite(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> str:
    return f"rapport_{element.name}({compiler.process(element.clauses, **kw)})"


@compiles(local_time, "postgresql")
def _local_time(element: local_time, compiler: SQLCompiler, **kw: Any) -> str:
    day, at, where = (compiler.process(one, **kw) for one in element.clauses)
    valid = f"CASE WHEN pg_input_is_valid(CAST({day} AS text), 'date') THEN CAST({day} AS text) END"
    return _instant_of(f"CAST({valid} || ' ' || {at} AS timestamp)", where)


@compiles(months_later, "postgresql")
def _months_later(element: months_later, compiler: SQLCompiler, **kw: Any) -> str:
    instant, months, where = (compiler.process(one, **kw) for one in element.clauses)
    moved = f"timestamptz 'epoch' + interval '1 microsecond' * ({instant})"
    return _instant_of(f"(({moved}) AT TIME ZONE {where} + make_interval(months => {months}))", where)


@compiles(day_months_later, "postgresql")
def _day_months_later(element: day_months_later, compiler: SQLCompiler, **kw: Any) -> str:
    day, months = (compiler.process(one, **kw) for one in element.clauses)
    moved = f"to_char(CAST(CAST({day} AS text) AS date) + make_interval(months => {months}), 'YYYY-MM-DD')"
    return f"(CASE WHEN pg_input_is_valid(CAST({day} AS text), 'date') THEN {moved} END COLLATE \"C\")"


def _instant_of(local: str, where: str) -> str:
    """The instant of a local timestamp. PostgreSQL takes the second of two, and moves a lost one by the whole gap."""
    found = f"""SELECT local, local AT TIME ZONE {where} AS late FROM (SELECT {local} AS local) AS said"""
    first = " ".join(
        f"WHEN (late - interval '{gap}') AT TIME ZONE {where} = local THEN late - interval '{gap}'"
        for gap in ("2 hours", "1 hour", "30 minutes", "20 minutes")
    )
    # Clocks are changed at whole minutes.
    minutes = "generate_series(date_trunc('minute', late) - (late AT TIME ZONE {0} - local), late, interval '1 minute')"
    ends = f"(SELECT min(one) FROM {minutes.format(where)} AS one WHERE one AT TIME ZONE {where} > local)"
    chosen = f"CASE WHEN late AT TIME ZONE {where} <> local THEN {ends} {first} ELSE late END"
    return f"(SELECT CAST(extract(epoch FROM {chosen}) * 1000000 AS bigint) FROM ({found}) AS tried)"


def zone_of(customer_id: Column, company: str) -> Column:
    """SQL: the name of the zone that is used for a customer."""
    of_customer = select(func.coalesce(zone.c.name, company)).join(customer, customer.c.zone_id == zone.c.id)
    return of_customer.where(customer.c.id == customer_id).correlate_except(zone, customer).scalar_subquery()


def shifted(instant: Column, span: Duration | None, sign: int, where: Column) -> Column:
    """An instant so much later (sign 1) or earlier (sign -1); months and years by the calendar of the zone `where`."""
    if span is None:
        return instant
    return months_later(instant, _months(span, sign), where) if span.is_calendar else later(instant, span.fixed() * sign)


def may_reach(instant: Column, span: Duration, first: datetime, last: datetime, zone: ZoneInfo) -> ColumnElement[bool]:
    """Whether an instant lies in the days from which so many months or years later is between the two: what an index can
    tell before the rest are moved."""
    day, end = local_date(first, zone) - _DAY, local_date(last, zone)  # a lost day moves to the next
    near = [span.shift_date(day, -1) + n * _DAY for n in range(-_SPREAD, (end - day).days + _SPREAD)]
    days = [one for one in near if day <= span.shift_date(one, 1) <= end]
    if not days:
        return false()
    return and_(instant >= start_of_day(days[0], zone), instant < start_of_day(days[-1] + _DAY, zone))


def shifted_day(day: Column, span: Duration | None, sign: int) -> Column:
    """The ISO text of a day (a date, or its text) so much later or earlier. The span is in days, months or years."""
    if span is not None and span.is_calendar:
        return day_months_later(cast(day, Words), _months(span, sign))
    return DaysLater(day, (span.fixed() * sign).days if span else 0)


def at_local_time(day: Column, at: time, where: Column) -> Column:
    """When it is that time on a day (its ISO text) in a zone."""
    return local_time(day, literal_column(f"'{at:%H:%M}'", Words), where)


def _months(span: Duration, sign: int) -> Column:
    return literal_column(str(span.count * sign * (12 if span.unit == "year" else 1)))
