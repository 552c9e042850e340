"""`changes: follow`: those under way in an older version go over to the newest, step by step of the same name.

A step that is gone strands nobody: who stands there goes to the one that follows it in the version she came with and is
still there, at the instant at which she would have left. What was written for her stays, sent or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, delete, func, literal, select, update
from sqlalchemy.sql.selectable import TableClause

from crm_store.journeys.context import Runnable
from crm_store.journeys.course import Course
from crm_store.journeys.goal import aim
from crm_store.journeys.steps import Pause, Split, Step, Wait, WaitFor
from crm_store.journeys.turn import Turn
from crm_store.ledger.pauses import follow_pauses
from crm_store.many import ids_of
from crm_store.schema import assignment, enrolment, pause, split_decision, touch
from crm_store.schema.types import Instant

Column = ColumnElement[Any]


def renamed(old: Course, new: Course) -> dict[str, str]:
    """The steps of the old version that the new one has under another name."""
    before = {step.name for step in old.steps}
    return {step.was: step.name for step in new.steps if step.was in before and step.name not in before}


def counterpart(step: Step, old: Course, new: Course) -> Step | None:
    """The same step in the new version: of its name, or what was that, and of its verb."""
    name = renamed(old, new).get(step.name, step.name)
    return next((one for one in new.steps if one.name == name and one.verb == step.verb), None)


def destination(step: Step, old: Course, new: Course) -> Step | None:
    """Where those who stand at a step of the old version come to in the new one; None: to the end."""
    found: Step | None = step
    while found is not None:
        same = counterpart(found, old, new)
        if same is not None:
            return same
        found = old.after(found.name)
    return None


def move_over(conn: Connection, old: Runnable, newest: Runnable, now: datetime, ids: Sequence[int]) -> None:
    """Move open enrolments of an older version to the newest one."""
    turn = Turn(conn, newest, now)
    before, after = old.campaign.course, newest.campaign.course
    names = renamed(before, after)
    for name, name_now in names.items():
        _rename(conn, newest, ids, name, name_now)
    for step in after.steps:
        if isinstance(step, Split):
            _draw(turn, step, ids)
    _aim(turn, ids)
    follow_pauses(conn, ids, newest.id)
    for step in before.steps:
        at_step = select(enrolment.c.id, enrolment.c.next_at).where(enrolment.c.step == step.name)
        rows = conn.execute(at_step.where(enrolment.c.id.in_(ids_of(ids)), enrolment.c.definition_id == old.id)).all()
        waiting = [row.id for row in rows if row.next_at is not None]
        spoken_to = [row.id for row in rows if row.next_at is None]
        same, to = counterpart(step, before, after), destination(step, before, after)
        if same is not None:
            waits = isinstance(same, Wait | WaitFor)
            _wait_anew(turn, waiting if waits else [], same)
            _set(conn, spoken_to if waits else [*waiting, *spoken_to], step=same.name, definition_id=newest.id)
        else:
            due_at = select(touch.c.due_at).where(touch.c.enrolment_id == enrolment.c.id, touch.c.step == step.name)
            _go(turn, waiting, to, enrolment.c.next_at)
            _go(turn, spoken_to, to, due_at.correlate(enrolment).scalar_subquery())
    for step in after.steps:
        if isinstance(step, Pause):
            step.lift(turn, ids)


def _wait_anew(turn: Turn, ids: Sequence[int], step: Step) -> None:
    """Waits are as the new version has them, from the same instant on; one that is over by that ends now."""
    if not ids:
        return
    values = step.come(turn, ids, func.coalesce(enrolment.c.since, enrolment.c.next_at, type_=Instant()))
    now = literal(turn.now, Instant())
    ended = (values["next_at"] < now) & (enrolment.c.next_at >= now)
    next_at = case((ended, now), else_=values["next_at"])
    _set(turn.conn, ids, **{**values, "next_at": next_at, "step": step.name, "definition_id": turn.version.id})


def _go(turn: Turn, ids: Sequence[int], step: Step | None, base: Column) -> None:
    """At the instant at which she would have left; who comes to the end comes there now at the latest."""
    now = literal(turn.now, Instant())
    at = base if step is not None else case((base > now, now), else_=base)
    turn.go(ids, step, at, definition_id=turn.version.id)


def _set(conn: Connection, ids: Sequence[int], **values: Any) -> None:
    if ids:
        conn.execute(update(enrolment).where(enrolment.c.id.in_(ids_of(ids))).values(values))


def _rename(conn: Connection, newest: Runnable, ids: Sequence[int], name: str, name_now: str) -> None:
    """What is written of a step goes under its new name, so that nothing of it is done again."""
    first = func.coalesce(touch.c.first_step, touch.c.step)
    more: Mapping[TableClause, Mapping[str, Any]] = {
        touch: {"first_step": first, "definition_id": newest.id},
        assignment: {},
        pause: {},
    }
    for table, values in more.items():
        of_step = table.c.enrolment_id.in_(ids_of(ids)), table.c.step == name
        conn.execute(update(table).where(*of_step).values({**values, "step": name_now}))
    decided = split_decision.c.campaign == newest.campaign.name, split_decision.c.step == name
    conn.execute(update(split_decision).where(*decided).values(step=name_now))


def _aim(turn: Turn, ids: Sequence[int]) -> None:
    """The goal is that of the new version, from entry, for those who have not reached the old one's."""
    without = select(enrolment.c.id).where(enrolment.c.id.in_(ids_of(ids)), enrolment.c.goal_at.is_(None))
    aiming = list(turn.conn.execute(without.order_by(enrolment.c.id)).scalars())
    _set(turn.conn, aiming, goal_until=None)
    aim(turn, aiming)


def _draw(turn: Turn, split: Split, ids: Sequence[int]) -> None:
    """An arm for those who have none in this split, or one that is gone."""
    of_split = assignment.c.enrolment_id.in_(ids_of(ids)), assignment.c.step == split.name
    there = [one.name for one in split.variants]
    turn.conn.execute(delete(assignment).where(*of_split, assignment.c.variant.not_in(there)))
    drawn = set(turn.conn.execute(select(assignment.c.enrolment_id).where(*of_split)).scalars())
    split.entered(turn, sorted(set(ids).difference(drawn)))
