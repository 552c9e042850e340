"""When a wait ends: SQL for the instant, with local times looked up in tables that Python made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import CTE, ColumnElement, Connection, case, func, literal, select, type_coerce

from crm_store.calendar import shifted, zone_of
from crm_store.clock import local_instant
from crm_store.content.literals import Moment
from crm_store.dialect import as_date
from crm_store.journeys.localtimes import days_around, instants_at, instants_on, zones
from crm_store.journeys.moments import is_day, own_moment
from crm_store.schema import customer, enrolment
from crm_store.schema.types import Instant

if TYPE_CHECKING:
    from crm_store.journeys.context import Runnable
    from crm_store.journeys.steps.wait import Wait

Column = ColumnElement[Any]


@dataclass(frozen=True)
class Ends:
    """When a wait ends for each enrolment, and whether that moment had passed when it began. NULL: nobody knows."""

    at: Column
    past: Column | None = None


def wait_ends(conn: Connection, wait: Wait, base: Column, ids: Sequence[int], version: Runnable) -> Ends:
    """The end of a wait that begins at `base` (SQL on the enrolment row), for these enrolments."""
    if wait.until is None:
        start = shifted(base, wait.span, 1, zone_of(enrolment.c.customer_id, version.settings.company.zone.key))
        return Ends(_next_local(conn, start, wait.at, wait.days, ids, version) if wait.at else start)
    moment = moment_at(conn, wait.until, wait.at, base, ids, version)
    return Ends(_as_instant(case((moment < base, base), else_=moment)), moment < base)


def moment_at(
    conn: Connection, until: Moment, at: time | None, base: Column, ids: Sequence[int], version: Runnable
) -> Column:
    """When a moment is for each of these enrolments, at the local time `at` if one is said. Events count up to `base`."""
    zone = version.settings.company.zone
    moment = own_moment(until, at, base, version)
    if moment is not None:
        return _next_local(conn, moment, at, (), ids, version) if at and not is_day(until) else moment
    if isinstance(until.base, datetime):
        return literal(local_instant(until.base.date(), until.base.time(), zone), Instant())
    if until.anchor is None and isinstance(until.base, date):
        return _on_fixed_day(conn, until.base, at or time(0), version)
    return _on_own_day(conn, until, at or time(0), ids, version)


def _next_local(
    conn: Connection, start: Column, at: time, days: tuple[int, ...], ids: Sequence[int], version: Runnable
) -> Column:
    """The first local `at`, on one of these weekdays, that is not before `start`."""
    bounds = select(func.min(_as_instant(start)), func.max(_as_instant(start))).where(enrolment.c.id.in_(ids))
    first, last = conn.execute(bounds).one()
    if first is None:
        return start
    ahead = timedelta(days=8 if days else 1)
    wanted = [day for day in days_around(_instant(first), _instant(last), ahead) if not days or day.weekday() in days]
    table = instants_at(zones(conn, version.settings.company.zone), wanted, at)
    return _look_up(table, table.c.instant >= start)


def _on_fixed_day(conn: Connection, day: date, at: time, version: Runnable) -> Column:
    table = instants_on(zones(conn, version.settings.company.zone), [(day, day)], at)
    return _look_up(table)


def _on_own_day(conn: Connection, until: Moment, at: time, ids: Sequence[int], version: Runnable) -> Column:
    """Counted from the enrolment's own occurrence."""
    found = conn.execute(select(enrolment.c.occurs_on).where(enrolment.c.id.in_(ids)).distinct()).scalars()
    pairs = [(day, until.shifted_date(day)) for day in found if day is not None]
    table = instants_on(zones(conn, version.settings.company.zone), pairs, at)
    return _look_up(table, as_date(table.c.on_day) == enrolment.c.occurs_on)


def _look_up(table: CTE, *tests: ColumnElement[bool]) -> Column:
    of_customer = select(customer.c.zone_id).where(customer.c.id == enrolment.c.customer_id)
    zone_id = of_customer.correlate(enrolment).scalar_subquery()
    return _as_instant(
        select(func.min(table.c.instant)).where(table.c.zone_id == zone_id, *tests).correlate(enrolment).scalar_subquery()
    )


def _as_instant(value: Column) -> Column:
    return type_coerce(value, Instant())


def _instant(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(type(value).__name__)
    return value
