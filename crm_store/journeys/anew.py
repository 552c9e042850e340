"""Waits for a date that somebody has corrected meanwhile are computed anew; what is past by then follows `if_past`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select, type_coerce, update

from crm_store.clock import is_leap_year
from crm_store.content.vocabulary import Attribute
from crm_store.dialect import unindexed
from crm_store.journeys.moments import own_date
from crm_store.journeys.triggers.date import DateTrigger
from crm_store.journeys.waiting import wait_ends
from crm_store.many import ids_of
from crm_store.schema import customer, customer_change, enrolment
from crm_store.schema.types import Instant
from crm_store.segmentation.anchors import AttributeAnchor
from crm_store.segmentation.attributes import stored_value

if TYPE_CHECKING:
    from crm_store.journeys.context import Runnable
    from crm_store.journeys.steps.wait import Wait
    from crm_store.journeys.triggers import Trigger
    from crm_store.journeys.turn import Turn


def corrected_by(wait: Wait, trigger: Trigger) -> tuple[str, ...]:
    """The changes of a customer (names in `customer_change`) that may move the end of a wait."""
    anchor = wait.until.base if wait.until else None
    if isinstance(anchor, AttributeAnchor):
        return _changes_of(anchor.attribute)
    own = _yearly(trigger) if wait.until and wait.until.anchor and wait.until.anchor == own_date(trigger) else None
    return _changes_of(own) if own else ()


def _changes_of(attribute: Attribute) -> tuple[str, ...]:
    if attribute.type == "yearly":
        return ("birth_month", "birth_day")
    return (attribute.name,) if attribute.built_in else (f"attributes.{attribute.name.partition('.')[0]}",)


def _yearly(trigger: Trigger) -> Attribute | None:
    """The date of the customer's record that comes round for the trigger."""
    if not (isinstance(trigger, DateTrigger) and trigger.is_yearly and isinstance(trigger.of, Attribute)):
        return None
    return trigger.of


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
        move_occurrences(turn, wait, waiting)
        _move_ends(turn, wait, waiting)


def _move_ends(turn: Turn, wait: Wait, ids: Sequence[int]) -> None:
    """Ends that are ahead move; who waits for one that is past or gone goes on now, or leaves."""
    ends = wait_ends(turn.conn, wait, enrolment.c.since, ids, turn.version)
    at = type_coerce(func.coalesce(ends.at, enrolment.c.since), Instant())
    over = or_(*(test for test in (ends.past, at < turn.now) if test is not None))
    chosen = select(enrolment.c.id, ends.at.is_(None).label("missing"), over.label("past"))
    rows = turn.conn.execute(chosen.where(enrolment.c.id.in_(ids_of(ids)), at != enrolment.c.next_at)).all()
    missing = [row.id for row in rows if row.missing]
    past = [row.id for row in rows if not row.missing and row.past]
    ahead = [row.id for row in rows if not row.missing and not row.past]
    _write(turn, ahead, next_at=at)
    _write(turn, past, next_at=turn.now, past=wait.if_past == "skip")
    _write(turn, missing, next_at=turn.now)
    turn.leave(past if wait.if_past == "exit" else [], "past")
    turn.leave(missing if wait.on_error == "stop" else [], "failed")


def _write(turn: Turn, ids: Sequence[int], **values: Any) -> None:
    if ids:
        turn.conn.execute(update(enrolment).where(enrolment.c.id.in_(ids_of(ids))).values(**{"past": False, **values}))


def move_occurrences(turn: Turn, wait: Wait, ids: Sequence[int]) -> None:
    """What comes round for a wait for the enrolment's own date is on the day that the record says now, of the same year."""
    trigger = turn.version.campaign.trigger
    of = _yearly(trigger) if wait.until and wait.until.anchor == own_date(trigger) else None
    if of is None or not isinstance(trigger, DateTrigger):
        return
    chosen = select(enrolment.c.id, enrolment.c.occurs_on, *_parts(of)).where(enrolment.c.id.in_(ids_of(ids)))
    found = turn.conn.execute(chosen.join(customer, customer.c.id == enrolment.c.customer_id)).all()
    moved = [
        {"moved": enrolment_id, "day": day}
        for enrolment_id, occurs_on, *said in found
        if (day := _in_year(occurs_on.year, _month_and_day(*said), trigger.leap_day)) not in (None, occurs_on)
    ]
    if moved:
        own = update(enrolment).where(enrolment.c.id == bindparam("moved"))
        turn.conn.execute(own.values(occurs_on=bindparam("day")), moved)


def _parts(of: Attribute) -> tuple[ColumnElement[Any], ...]:
    return (customer.c.birth_month, customer.c.birth_day) if of.type == "yearly" else (stored_value(of),)


def _month_and_day(said: Any, *day: int) -> tuple[int, int] | None:
    """From a month and a day, or from a date or its ISO text; None where she has none."""
    if said is None:
        return None
    if day:
        return said, day[0]
    began = date.fromisoformat(str(said))
    return began.month, began.day


def _in_year(year: int, began: tuple[int, int] | None, leap_day: str) -> date | None:
    """The day of a yearly date in that year, None where it has none."""
    if began is None:
        return None
    if began != (2, 29) or is_leap_year(year):
        return date(year, *began)
    return {"feb-28": date(year, 2, 28), "mar-1": date(year, 3, 1)}.get(leap_day)
