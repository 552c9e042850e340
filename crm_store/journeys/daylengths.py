"""Months and years in SQL: by how much each day is moved is worked out in Python and looked up.

A moment keeps its distance from the midnight before it (of the company's zone), so that one number serves a whole day.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import CTE, BigInteger, ColumnElement, FromClause, column, select, type_coerce, values

from crm_store.clock import local_date, start_of_day
from crm_store.content.literals import Duration
from crm_store.schema.types import Instant

_DAY = timedelta(days=1)
_SPREAD = 4 * _DAY  # months differ in length: within so many days of the nearest guess lies every day that is moved there


def moved_days(span: Duration, sign: int, first: datetime, last: datetime, zone: ZoneInfo) -> CTE:
    """A table (begins, ends, moved): each local day from `first` to `last`, and by how many microseconds it is moved."""
    day, until, rows = local_date(first, zone), local_date(last, zone), []
    while day <= until:
        begins = start_of_day(day, zone)
        moved = (start_of_day(span.shift_date(day, sign), zone) - begins) // timedelta(microseconds=1)
        rows.append((begins, start_of_day(day + _DAY, zone), moved))
        day += _DAY
    columns = column("begins", Instant), column("ends", Instant), column("moved", BigInteger)
    return values(*columns, name="moved_day", literal_binds=True).data(rows).cte("moved_day")


def days_that_reach(span: Duration, first: datetime, last: datetime, zone: ZoneInfo) -> CTE:
    """The days from which so much later lies between the two instants, and a few more."""
    return moved_days(span, 1, span.shift(first, -1, zone) - _SPREAD, span.shift(last, -1, zone) + _SPREAD, zone)


def moved(instant: ColumnElement[Any], table: CTE) -> ColumnElement[datetime]:
    """The instant, moved as its row of the table says."""
    return type_coerce(type_coerce(instant, BigInteger) + table.c.moved, Instant())


def look_up(instant: ColumnElement[Any], table: CTE, outer: FromClause) -> ColumnElement[Any]:
    """The same as a scalar of the outer row."""
    found = select(moved(instant, table)).where(instant >= table.c.begins, instant < table.c.ends)
    return type_coerce(found.correlate(outer).scalar_subquery(), Instant())
