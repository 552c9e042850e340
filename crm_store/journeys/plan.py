"""Planning a campaign: who leaves, who goes on, who enters - in slices, each one transaction, none over 200 ms.

Whoever plans, however often and beside whom: the same store and the same `now` give the same touches. A slice counts
what must exist from triggers and enrolments, then writes it; the sum law compares the two later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, literal, null, select, text, update
from sqlalchemy import cast as sql_cast

from crm_store.journeys import entering
from crm_store.journeys.again import CANDIDATE
from crm_store.journeys.context import Runnable, Standing
from crm_store.journeys.feeds import held_as, held_for, hold
from crm_store.journeys.goal import aim, aiming, aiming_versions, reach
from crm_store.journeys.holdouts import draw_hold_outs
from crm_store.journeys.moving import move_over
from crm_store.journeys.published import current, ends_at_once, followed_versions, runnable, standing, versions_of_due
from crm_store.journeys.steps import Pause, Speaking, Step
from crm_store.journeys.turn import Turn
from crm_store.ledger.expire import expire_held
from crm_store.ledger.offers import end_at_step
from crm_store.ledger.pauses import open_pauses
from crm_store.ledger.runs import add_eligible, ensure_run
from crm_store.ledger.states import FAILED, PASSED
from crm_store.ledger.write import write_touches
from crm_store.many import ids_of
from crm_store.schema import campaign as campaign_table
from crm_store.schema import enrolment, touch
from crm_store.schema.types import Instant, Words
from crm_store.store import Store

SLICE = 2_000


@dataclass(frozen=True)
class Planned:
    """What one planning of a campaign did."""

    campaign: str
    run_id: int | None = None
    entered: int = 0
    moved: int = 0
    left: int = 0
    touches: int = 0
    expired: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.entered or self.moved or self.left or self.touches)


@dataclass(frozen=True)
class Slice:
    """What one transaction did. `last` is where the next one begins, None when there is nothing more."""

    run_id: int | None
    entered: int = 0
    moved: int = 0
    left: int = 0
    touches: int = 0
    expired: int = 0
    last: int | None = None


def plan_campaign(store: Store, name: str, now: datetime) -> Planned:
    """Plan one published campaign as of `now`. Raises StoreError if it is not published."""
    with store.read() as conn:
        stands, newest = standing(conn, name), current(conn, name)
        all_leave = ends_at_once(conn, name)
        stale = held_for(conn, [newest, *followed_versions(conn, name)], now)
    planner = _Planner(store, name, now)
    if stale or stands.held:
        store.write(hold, name, stale, now)
    stands = held_as(stands, stale)
    planner.expire(stands.passed_over)
    planner.lift()
    if stands.status == "draft" or stale:
        return planner.done()
    planner.follow(newest)
    planner.move(newest, stands, all_leave)
    while planner.expire(stands.passed_over):  # what was written just now may be over already
        planner.move(newest, stands, all_leave)
    return planner.done()


def follow_newest(store: Store, name: str, now: datetime) -> None:
    """`changes: follow`: bring those under way in older versions over at once, so that whatever runs first sees them there.

    A planner does the same for whoever has entered an older version since. Raises StoreError if it is not published.
    """
    with store.read() as conn:
        stands, newest = standing(conn, name), current(conn, name)
    if stands.status != "draft":
        _Planner(store, name, now).follow(newest)


class _Planner:
    """Runs slices until nothing is left, and adds up what they did."""

    def __init__(self, store: Store, name: str, now: datetime) -> None:
        self.store = store
        self.name = name
        self.now = now
        self.slices: list[Slice] = []

    @property
    def run_id(self) -> int | None:
        return self.slices[-1].run_id if self.slices else None

    def run(self, work: Callable[..., Slice], version: Runnable, *args: Any) -> Planned:
        """Slice after slice of one kind of work. Returns what they did."""
        before = len(self.slices)
        last: int | None = 0
        while last is not None:
            done = self.store.write_snapshot(_in_turn, work, version, self.now, self.run_id, last, *args)
            self.slices.append(done)
            last = done.last
        return self._total(self.slices[before:])

    def expire(self, passed_over: str | None) -> int:
        """End what nobody may claim once it is over. Returns how many."""
        with self.store.read() as conn:
            versions = versions_of_due(conn, self.name)
        return sum(self.run(_expire_slice, version, passed_over).expired for version in versions)

    def move(self, newest: Runnable, stands: Standing, all_leave: bool) -> None:
        """Everybody goes on, and whoever the trigger takes enters."""
        self.go_on(all_leave)
        enters = stands.status in ("live", "paused") and stands.live_since is not None
        # Again until nobody enters: with `again: after D` one customer may enter several times at once.
        while enters and self.run(_enter_slice, newest, stands).entered:
            self.go_on(all_leave)

    def follow(self, newest: Runnable) -> None:
        """`changes: follow`: whoever is under way in another version goes over to the newest."""
        older = self._versions() if newest.campaign.changes == "follow" else []
        for version in older:
            if version.id != newest.id:
                self.run(_follow_slice, newest, version)

    def lift(self) -> None:
        """End pauses that were to last until something has come, also of those who are out."""
        with self.store.read() as conn:
            versions = [runnable(conn, definition_id) for definition_id in open_pauses(conn, self.name, self.now)]
        for version in versions:
            for step in version.campaign.course.steps:
                if isinstance(step, Pause):
                    self.run(_lift_slice, version, step)

    def go_on(self, all_leave: bool) -> None:
        """Move everybody as far as they can go by now: a second time, nobody would move."""
        self.measure()
        for version in self._versions():
            for step in version.campaign.course.steps:
                if step.looks(version.campaign):
                    self.run(_look_slice, version, step)
            for step in version.campaign.course.steps:
                if isinstance(step, Speaking):
                    self.run(_settle_slice, version, step)
            if all_leave or version.campaign.exit_when is not None:
                self.run(_leave_slice, version, all_leave)
            for step in version.campaign.course.steps:
                if step.watched() is not None:
                    self.run(_watch_slice, version, step)
                wrote = self.run(_advance_slice, version, step).touches
                if wrote and isinstance(step, Speaking):  # those of a moment that had passed are settled already
                    self.run(_settle_slice, version, step)

    def measure(self) -> None:
        """Who has reached the goal, held-out customers and those who are out already too."""
        with self.store.read() as conn:
            versions = [runnable(conn, definition_id) for definition_id in aiming_versions(conn, self.name)]
        for version in versions:
            self.run(_goal_slice, version)

    def _versions(self) -> list[Runnable]:
        with self.store.read() as conn:
            return followed_versions(conn, self.name)

    def _total(self, slices: list[Slice]) -> Planned:
        totals = {
            key: sum(getattr(one, key) for one in slices) for key in ("entered", "moved", "left", "touches", "expired")
        }
        return Planned(self.name, self.run_id, **totals)

    def done(self) -> Planned:
        return self._total(self.slices)


def _in_turn(conn: Connection, work: Callable[..., Slice], version: Runnable, *args: Any) -> Slice:
    """One planner at a time, in the order they came. On SQLite the transaction has locked everything."""
    if conn.dialect.name == "postgresql":
        # Before the snapshot is taken. Waiting for the campaign's row instead made the second planner start anew each
        # time; beside a long planning it gave up after 50 times.
        conn.execute(text("LOCK TABLE campaign IN SHARE ROW EXCLUSIVE MODE"))
    of_name = campaign_table.c.name == version.campaign.name
    there = conn.execute(update(campaign_table).where(of_name).values(plans=campaign_table.c.plans + 1)).rowcount
    if not there:  # it was given another name since this planner began; under that it is planned next time
        return Slice(None)
    return work(conn, version, *args)


def _expire_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, passed_over: str | None
) -> Slice:
    """Touches that the claim passes over, at their expiry."""
    ended = expire_held(conn, version, now, passed_over, SLICE)
    return Slice(run_id, expired=ended, last=last if ended == SLICE else None)


def _goal_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int) -> Slice:
    """Who has reached the goal by now."""
    ids = _ids(conn, aiming(version.id).where(enrolment.c.id > last))
    reach(Turn(conn, version, now), ids)
    return Slice(run_id, last=_next(ids))


def _follow_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, older: Runnable
) -> Slice:
    """Those of an older version go over to this one."""
    open_ = enrolment.c.definition_id == older.id, enrolment.c.state == "in", enrolment.c.id > last
    ids = _ids(conn, select(enrolment.c.id).where(*open_))
    move_over(conn, older, version, now, ids)
    return Slice(run_id, moved=len(ids), last=_next(ids))


def _lift_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, step: Pause) -> Slice:
    """Pauses whose condition holds."""
    return Slice(run_id, last=step.lift(Turn(conn, version, now), last, SLICE))


def _look_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, step: Step) -> Slice:
    """What is to be done about a step before anybody moves."""
    return Slice(run_id, last=step.look(Turn(conn, version, now), last, SLICE))


def _leave_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, all_leave: bool
) -> Slice:
    """Those who wait and whose exit holds leave. Who has a touch under way is judged at its claim instead."""
    waiting = enrolment.c.definition_id == version.id, enrolment.c.state == "in", enrolment.c.next_at.is_not(None)
    ids = _ids(conn, select(enrolment.c.id).where(*waiting, enrolment.c.id > last))
    turn = Turn(conn, version, now)
    left = turn.leave(ids, "ended") if all_leave else turn.leave(turn.where_exit_holds(ids), "exit")
    return Slice(run_id, left=left, last=_next(ids))


def _watch_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, step: Step) -> Slice:
    """Enrolments that wait for something, before their time is up: those for which it has come go on."""
    watched = step.watched()
    assert watched is not None
    ids = _ids(
        conn, select(enrolment.c.id).where(*_on_step(version, step), enrolment.c.next_at > now, enrolment.c.id > last)
    )
    turn = Turn(conn, version, now)
    seen = turn.holding(watched, ids)
    step.seen(turn, seen)
    return Slice(run_id, moved=len(seen), last=_next(ids))


def _advance_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, step: Step) -> Slice:
    """Enrolments whose turn at this step has come: their touch is written, or they go on."""
    come = select(enrolment.c.id).where(*_on_step(version, step), enrolment.c.next_at <= now, enrolment.c.id > last)
    ids = _ids(conn, come)
    if isinstance(step, Speaking):
        follows = version.campaign.changes == "follow"
        new = _not_spoken_to(Turn(conn, version, now), step, ids) if follows else ids
        run_id, written = _speak(conn, version, now, run_id, step, new, len(new))
        return Slice(run_id, touches=written, last=_next(ids))
    left = step.pass_on(Turn(conn, version, now), ids)
    return Slice(run_id, moved=len(ids) - left, left=left, last=_next(ids))


def _not_spoken_to(turn: Turn, step: Speaking, ids: list[int]) -> list[int]:
    """Those who have no touch of the step yet. The others have come to it again, because the version they follow has it
    further down than the one they got it from: they go on."""
    spoken_to = select(touch.c.enrolment_id).where(touch.c.enrolment_id.in_(ids_of(ids)), touch.c.step == step.name)
    again = list(turn.conn.execute(spoken_to).scalars())
    turn.go(again, turn.version.campaign.course.after(step.name), enrolment.c.next_at)
    return sorted(set(ids).difference(again))


def _on_step(version: Runnable, step: Step) -> tuple[Any, ...]:
    return enrolment.c.definition_id == version.id, enrolment.c.state == "in", enrolment.c.step == step.name


def _settle_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, step: Speaking
) -> Slice:
    """Enrolments whose touch is settled go on, counted from the instant it was due; `on_error: stop` leaves."""
    of_step = touch.c.enrolment_id == enrolment.c.id, touch.c.step == step.name
    under_way = *_on_step(version, step), enrolment.c.next_at.is_(None), enrolment.c.id > last
    settled = touch.c.state.in_((*PASSED, FAILED))
    found = select(enrolment.c.id, touch.c.state).join(touch, of_step[0] & of_step[1]).where(*under_way, settled)
    rows = conn.execute(found.order_by(enrolment.c.id).limit(SLICE)).all()
    stopped = [row.id for row in rows if row.state == FAILED and step.on_error == "stop"]
    going = [row.id for row in rows if row.id not in set(stopped)]
    due_at = select(touch.c.due_at).where(*of_step).correlate(enrolment).scalar_subquery()
    turn = Turn(conn, version, now)
    turn.go(going, version.campaign.course.after(step.name), due_at)
    left = turn.leave(stopped, "failed")
    return Slice(run_id, moved=len(going), left=left, last=_next([row.id for row in rows]))


def _enter_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, stands: Standing
) -> Slice:
    """Candidates of the trigger become enrolments; if the journey begins with a send, their touches are written."""
    part = entering.part(conn, version, stands, now, last, SLICE)
    chosen = part.chosen
    counted = conn.execute(select(func.count()).select_from(chosen.subquery())).scalar_one()
    if not counted:
        return Slice(run_id, last=part.upto)
    entered = _enrol(conn, version, chosen)
    ids, first = [row.id for row in entered], version.campaign.course.tree[0]
    turn = Turn(conn, version, now)
    draw_hold_outs(turn, ids)
    aim(turn, ids)
    for step in version.campaign.course.steps:
        step.entered(turn, ids)
    turn.go(ids, first, enrolment.c.entered_at)
    touches = 0
    if isinstance(first, Speaking):
        run_id, touches = _speak(conn, version, now, run_id, first, ids, counted)
    full = counted == SLICE and not version.campaign.trigger.of_everybody
    last_customer = max((row.customer_id for row in entered), default=None) if full else None
    return Slice(run_id, entered=len(entered), touches=touches, last=part.upto or last_customer)


def _enrol(conn: Connection, version: Runnable, chosen: Select[Any]) -> list[Any]:
    rows = chosen.subquery("chosen")
    fixed = {
        "campaign": literal(version.campaign.name, Words),
        "definition_id": literal(version.id),
        "state": literal("in", Words),
        "past": literal(False),
        "step": sql_cast(null(), Words),
        "next_at": sql_cast(null(), Instant()),
    }
    names = [*CANDIDATE, *fixed]
    statement = insert(enrolment).from_select(names, select(*(rows.c[name] for name in CANDIDATE), *fixed.values()))
    return list(conn.execute(statement.returning(enrolment.c.id, enrolment.c.customer_id)).all())


def _speak(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, step: Speaking, ids: list[int], eligible: int
) -> tuple[int | None, int]:
    """Write the touches of enrolments whose turn to be spoken to has come. `eligible`: how many there must be."""
    if not eligible:
        return run_id, 0
    run_id = ensure_run(conn, run_id, version.campaign.name, now)
    add_eligible(conn, run_id, eligible)
    written = write_touches(conn, run_id, ids, step.message(version.campaign), version.settings.delivery.wait_at_most)
    end_at_step(conn, version, step.name, ids)
    conn.execute(update(enrolment).where(enrolment.c.id.in_(ids)).values(next_at=None))
    return run_id, written


def _ids(conn: Connection, chosen: Select[Any]) -> list[int]:
    return list(conn.execute(chosen.order_by(enrolment.c.id).limit(SLICE)).scalars())


def _next(ids: list[int]) -> int | None:
    return ids[-1] if len(ids) == SLICE else None
