"""What one transaction of planning does: the kinds of slices. Each looks again at whom it moves, however found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from crm_store.journeys import entering, slices
from crm_store.journeys.context import Runnable, Standing
from crm_store.journeys.due import waiting
from crm_store.journeys.goal import reach
from crm_store.journeys.moving import move_over
from crm_store.journeys.slices import Slice
from crm_store.journeys.speaking import not_spoken_to, speak
from crm_store.journeys.steps import Pause, Speaking, Step
from crm_store.journeys.turn import Turn
from crm_store.ledger.expire import expire_held
from crm_store.ledger.states import FAILED, PASSED
from crm_store.many import ids_of
from crm_store.schema import enrolment, touch


def begin_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None) -> Slice:
    """Nobody moves: the turn itself writes down that the campaign is planned."""
    return Slice(run_id)


def expire_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, passed_over: str | None
) -> Slice:
    """Touches that the claim passes over, at their expiry."""
    ended = expire_held(conn, version, now, passed_over, slices.SLICE)
    return Slice(run_id, expired=ended, last=last if ended == slices.SLICE else None)


def goal_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, ids: Sequence[int]) -> Slice:
    """Who has reached the goal by now."""
    reach(Turn(conn, version, now), ids)
    return Slice(run_id)


def follow_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, older: Runnable
) -> Slice:
    """Those of an older version go over to this one."""
    open_ = enrolment.c.definition_id == older.id, enrolment.c.state == "in", enrolment.c.id > last
    ids = first_ids(conn, select(enrolment.c.id).where(*open_))
    move_over(conn, older, version, now, ids)
    turn = Turn(conn, version, now)
    turn.is_new_to(ids)
    reach(turn, ids)
    return Slice(run_id, moved=len(ids), last=next_after(ids))


def lift_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, ids: Sequence[int], step: Pause
) -> Slice:
    """Pauses whose condition holds."""
    step.lift(Turn(conn, version, now), ids)
    return Slice(run_id)


def correct_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, ids: Sequence[int], step: Step
) -> Slice:
    """Those who wait for what was corrected."""
    step.correct(Turn(conn, version, now), ids)
    return Slice(run_id)


def decide_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, step: Step) -> Slice:
    """What is to be decided about a step."""
    step.decide(Turn(conn, version, now))
    return Slice(run_id)


def leave_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, ids: Sequence[int], all_leave: bool
) -> Slice:
    """Those who wait and whose exit holds leave. Who has a touch under way is judged at its claim instead."""
    turn, ids = Turn(conn, version, now), first_ids(conn, waiting(conn, version).where(enrolment.c.id.in_(ids_of(ids))))
    left = turn.leave(ids, "ended") if all_leave else turn.leave(turn.where_exit_holds(ids), "exit")
    watched = [step.name for step in version.campaign.course.steps if step.watched() is not None]
    turn.has_seen(
        first_ids(conn, select(enrolment.c.id).where(enrolment.c.id.in_(ids_of(ids)), enrolment.c.step.not_in(watched)))
    )
    return Slice(run_id, left=left)


def watch_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, ids: Sequence[int], step: Step
) -> Slice:
    """Enrolments that wait for something, before their time is up: those for which it has come go on."""
    watched = step.watched()
    assert watched is not None
    here = *_on_step(version, step), enrolment.c.next_at > now, enrolment.c.id.in_(ids_of(ids))
    turn, ids = Turn(conn, version, now), first_ids(conn, select(enrolment.c.id).where(*here))
    seen = turn.holding(watched, ids)
    turn.has_seen(sorted(set(ids).difference(seen)))
    step.seen(turn, seen)
    return Slice(run_id, moved=len(seen))


def advance_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, step: Step) -> Slice:
    """Enrolments whose turn at this step has come: their touch is written, or they go on."""
    come = select(enrolment.c.id).where(*_on_step(version, step), enrolment.c.next_at <= now)
    # In the index's order: who had her turn is no longer in it. By their numbers each slice would sort all that are left.
    in_order = come.order_by(enrolment.c.next_at, enrolment.c.id).limit(slices.SLICE)
    ids = sorted(conn.execute(in_order).scalars())
    # Who follows new versions may have been spoken to by the send she comes to: it looks for that when its turn comes.
    follows, moved, left, touches = version.campaign.changes == "follow", 0, 0, 0
    quiet, turn = Turn(conn, version, now), Turn(conn, version, now, spoken=[])
    if isinstance(step, Speaking):
        turn.go(not_spoken_to(quiet, step, ids) if follows else ids, step, enrolment.c.next_at)
    else:
        left = step.pass_on(quiet if follows else turn, ids)
        moved = len(ids) - left
    for send, whom in turn.spoken or ():
        run_id, written = speak(turn, run_id, send, whom, len(whom))
        touches += written
    return Slice(run_id, moved=moved, left=left, touches=touches, last=last if len(ids) == slices.SLICE else None)


def _on_step(version: Runnable, step: Step) -> tuple[Any, ...]:
    return enrolment.c.definition_id == version.id, enrolment.c.state == "in", enrolment.c.step == step.name


def settle_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, step: Speaking, exits: bool
) -> Slice:
    """Enrolments whose touch is settled go on, counted from the instant it was due; `on_error: stop` leaves. `exits`: they
    are looked at for the exit where they come to, before they move on."""
    of_step = touch.c.enrolment_id == enrolment.c.id, touch.c.step == step.name
    under_way = *_on_step(version, step), enrolment.c.next_at.is_(None), enrolment.c.id > last
    settled = select(touch.c.state).where(*of_step, touch.c.state.in_((*PASSED, FAILED))).correlate(enrolment)
    state = settled.scalar_subquery()  # looked up in the order of the index: of a join PostgreSQL sorts all in each slice
    found = select(enrolment.c.id, state).where(*under_way, state.is_not(None))
    in_order = found.order_by(enrolment.c.next_at, enrolment.c.id).limit(slices.SLICE)
    states = {row[0]: row[1] for row in conn.execute(in_order).all()}
    stopped = [one for one, state in states.items() if state == FAILED and step.on_error == "stop"]
    going = sorted(states.keys() - stopped) if stopped else list(states)
    due_at = select(touch.c.due_at).where(*of_step).correlate(enrolment).scalar_subquery()
    turn = Turn(conn, version, now)
    turn.go(going, version.campaign.course.after(step.name), due_at, looked=exits)
    left = turn.leave(stopped, "failed")
    if exits:
        left += turn.leave(turn.where_exit_holds(going), "exit")
    return Slice(run_id, moved=len(going), left=left, last=next_after(list(states)))


def enter_slice(
    conn: Connection,
    version: Runnable,
    now: datetime,
    run_id: int | None,
    last: int,
    stands: Standing,
    entry: entering.Entry,
) -> Slice:
    """Candidates of the trigger become enrolments; if the journey begins with a send, their touches are written."""
    part = entering.part(conn, version, stands, now, last, slices.SLICE, entry)
    chosen, first = part.chosen, version.campaign.course.tree[0]
    counted = 0  # touches that must exist, by the trigger's own select
    if isinstance(first, Speaking):
        counted = conn.execute(select(func.count()).select_from(chosen.subquery())).scalar_one()
    turn = Turn(conn, version, now, spoken=[])
    entered = entering.begin(turn, chosen)
    if not (entered or counted):
        return Slice(run_id, last=part.upto)
    ids, touches = [row.id for row in entered], 0
    if isinstance(first, Speaking):
        run_id, touches = speak(turn, run_id, first, ids, counted)
    full = len(entered) > slices.SLICE and not version.campaign.trigger.of_everybody
    last_customer = max((row.customer_id for row in entered), default=None) if full else None
    return Slice(run_id, entered=len(entered), touches=touches, last=part.upto or last_customer)


def first_ids(conn: Connection, chosen: Select[Any]) -> list[int]:
    return list(conn.execute(chosen.order_by(enrolment.c.id).limit(slices.SLICE)).scalars().all())


def next_after(ids: list[int]) -> int | None:
    return ids[-1] if len(ids) == slices.SLICE else None
