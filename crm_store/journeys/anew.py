"""Waits for a date that somebody has corrected meanwhile are computed anew; what is past by then follows `if_past`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, func, select, type_coerce, update

from crm_store.clock import is_leap_year
from crm_store.dialect import unindexed
from crm_store.journeys.moments import own_date
from crm_store.journeys.triggers.date import DateTrigger
from crm_store.journeys.waiting import wait_ends
from crm_store.many import ids_of
from crm_store.schema import customer, customer_change, enrolment
from crm_store.schema.types import Instant
from crm_store.segmentation.anchors import AttributeAnchor

if TYPE_CHECKING:
    from crm_store.journeys.context import Runnable
    from crm_store.journeys.steps.wait import Wait
    from crm_store.journeys.triggers import Trigger
    from crm_store.journeys.turn import Turn


def corrected_by(wait: Wait, trigger: Trigger) -> tuple[str, ...]:
    """The changes of a customer (names in `customer_change`) that may move the end of a wait."""
    anchor = wait.until.base if wait.until else None
    if isinstance(anchor, AttributeAnchor):
        name = anchor.attribute.name
        return (name,) if anchor.attribute.built_in else (f"attributes.{name.partition('.')[0]}",)
    if wait.until and wait.until.anchor and wait.until.anchor == own_date(trigger) and _comes_round(trigger):
        return ("birth_month", "birth_day")
    return ()


def _comes_round(trigger: Trigger) -> bool:
    return isinstance(trigger, DateTrigger) and trigger.is_yearly


def corrected(version: Runnable, wait: Wait, customers: Sequence[int] | None) -> Select[Any]:
    """A select of those who wait there and of whom such a change is known, all or of these customers. Whoever comes to it
    later waits for the date as it is then."""
    names = corrected_by(wait, version.campaign.trigger)
    whose = select(customer_change.c.id).where(customer_change.c.customer_id == enrolment.c.customer_id)
    changed = whose.where(customer_change.c.name.in_(names)).correlate(enrolment).exists()
    here = select(enrolment.c.id).where(enrolment.c.state == "in", enrolment.c.step == wait.name, changed)
    waiting = here.where(enrolment.c.next_at.is_not(None), enrolment.c.since.is_not(None))
    if customers is None:
        return waiting.where(enrolment.c.definition_id == version.id)
    of_version = unindexed(enrolment.c.definition_id) == version.id
    return waiting.where(of_version, enrolment.c.customer_id.in_(ids_of(customers)))


def wait_anew(turn: Turn, wait: Wait, ids: Sequence[int]) -> None:
    """Move the ends of the waits of those of these enrolments who still wait there."""
    there = enrolment.c.id.in_(ids_of(ids)), enrolment.c.state == "in", enrolment.c.step == wait.name
    still = select(enrolment.c.id).where(*there, unindexed(enrolment.c.definition_id) == turn.version.id)
    waiting = list(turn.conn.execute(still.where(enrolment.c.next_at.is_not(None)).order_by(enrolment.c.id)).scalars())
    if waiting:
        _move_occurrences(turn, waiting)
        _move_ends(turn, wait, waiting)


def _move_ends(turn: Turn, wait: Wait, ids: Sequence[int]) -> None:
    """Ends that are ahead move; who waits for one that is past or gone goes on now, or leaves."""
    ends = wait_ends(turn.conn, wait, enrolment.c.since, ids, turn.version).at
    at = type_coerce(func.coalesce(ends, enrolment.c.since), Instant())
    chosen = select(enrolment.c.id, at.label("at"), ends.is_(None).label("missing"))
    rows = turn.conn.execute(chosen.where(enrolment.c.id.in_(ids_of(ids)), at != enrolment.c.next_at)).all()
    missing = [row.id for row in rows if row.missing]
    past = [row.id for row in rows if not row.missing and row.at < turn.now]
    ahead = [row.id for row in rows if not row.missing and row.at >= turn.now]
    _write(turn, ahead, next_at=at)
    _write(turn, past, next_at=turn.now, past=wait.if_past == "skip")
    _write(turn, missing, next_at=turn.now)
    turn.leave(past if wait.if_past == "exit" else [], "past")
    turn.leave(missing if wait.on_error == "stop" else [], "failed")


def _write(turn: Turn, ids: Sequence[int], **values: Any) -> None:
    if ids:
        turn.conn.execute(update(enrolment).where(enrolment.c.id.in_(ids_of(ids))).values(**{"past": False, **values}))


def _move_occurrences(turn: Turn, ids: Sequence[int]) -> None:
    """A corrected birthday is on another day of the same year."""
    trigger = turn.version.campaign.trigger
    if not (isinstance(trigger, DateTrigger) and trigger.is_yearly):
        return
    columns = enrolment.c.id, enrolment.c.occurs_on, customer.c.birth_month, customer.c.birth_day
    chosen = select(*columns).join(customer, customer.c.id == enrolment.c.customer_id)
    found = turn.conn.execute(chosen.where(enrolment.c.id.in_(ids_of(ids)), customer.c.birth_month.is_not(None))).all()
    moved = [
        {"moved": row.id, "day": day}
        for row in found
        if (day := _in_year(row.occurs_on.year, row.birth_month, row.birth_day, trigger.leap_day))
        not in (None, row.occurs_on)
    ]
    if moved:
        own = update(enrolment).where(enrolment.c.id == bindparam("moved"))
        turn.conn.execute(own.values(occurs_on=bindparam("day")), moved)


def _in_year(year: int, month: int, day: int, leap_day: str) -> date | None:
    """The day of a yearly date in that year, None where it has none."""
    if (month, day) != (2, 29) or is_leap_year(year):
        return date(year, month, day)
    observed = {"feb-28": date(year, 2, 28), "mar-1": date(year, 3, 1)}
    return observed.get(leap_day)
