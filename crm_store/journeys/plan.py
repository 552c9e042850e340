"""Planning a campaign: who leaves, who goes on, who enters - in slices, each one transaction, none over 200 ms.

Whoever plans, however often and beside whom: the same store and the same `now` give the same touches. A slice counts
what must exist from triggers and enrolments, then writes it; the sum law compares the two later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, func, select

from crm_store.journeys import entering
from crm_store.journeys.context import Runnable, Standing
from crm_store.journeys.due import Due, Look, due, waiting
from crm_store.journeys.feeds import held_as, held_for, hold
from crm_store.journeys.goal import aiming, aiming_versions, reach
from crm_store.journeys.moving import move_over
from crm_store.journeys.news import GOAL, WAY, News, in_parts
from crm_store.journeys.published import Running, runnable, running, versions_of_due
from crm_store.journeys.slices import Slice, in_turn
from crm_store.journeys.speaking import not_spoken_to, speak
from crm_store.journeys.steps import Pause, Speaking, Step
from crm_store.journeys.turn import Turn
from crm_store.ledger.expire import expire_held
from crm_store.ledger.pauses import open_pauses
from crm_store.ledger.states import FAILED, PASSED
from crm_store.many import ids_of
from crm_store.schema import enrolment, touch
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


def plan_campaign(store: Store, name: str, now: datetime) -> Planned:
    """Plan one published campaign as of `now`. Raises StoreError if it is not published."""
    with store.read() as conn:
        (one,), news = running(conn, name), News.read(conn, now)
    return plan_running(store, one, news)


def plan_running(store: Store, one: Running, news: News) -> Planned:
    """Plan a campaign as of the news' `now`."""
    with store.read() as conn:
        stale = held_for(conn, [one.newest, *one.followed], news.now)
    stands = held_as(one.stands, stale)
    planner = _Planner(store, replace(one, stands=stands), news)
    if stands.held != one.stands.held:
        store.write(hold, stands.name, stale, news.now)
    planner.expire()
    planner.lift()
    if stands.status == "draft" or stale:
        return planner.done()
    planner.follow()
    planner.move()
    while planner.expire():  # what was written just now may be over already
        planner.move()
    return planner.done()


def follow_newest(store: Store, name: str, now: datetime) -> None:
    """`changes: follow`: bring those under way in older versions over at once, so that whatever runs first sees them there.

    A planner does the same for whoever has entered an older version since. Raises StoreError if it is not published.
    """
    with store.read() as conn:
        (one,), news = running(conn, name), News.read(conn, now)
    if one.stands.status != "draft":
        _Planner(store, one, news).follow()


class _Planner:
    """Runs slices until nothing is left, and adds up what they did. Whether there is anything to do is asked before."""

    def __init__(self, store: Store, one: Running, news: News) -> None:
        self.store, self.one, self.news = store, one, news
        self.name, self.now = one.stands.name, news.now
        self.versions = one.followed
        # What was looked for in this planning, by version and step: whether it must be done in full once more.
        self.seen: dict[tuple[int, str | None], bool] = {}
        self.slices: list[Slice] = []

    @property
    def run_id(self) -> int | None:
        return self.slices[-1].run_id if self.slices else None

    def run(self, work: Callable[..., Slice], version: Runnable, *args: Any) -> Planned:
        """Slice after slice of one kind of work. Returns what they did."""
        before = len(self.slices)
        last: int | None = 0
        while last is not None:
            last = self.write(work, version, last, *args).last
        return self._total(self.slices[before:])

    def write(self, work: Callable[..., Slice], version: Runnable, *args: Any) -> Slice:
        self.slices.append(self.store.write_snapshot(in_turn, work, version, self.now, self.run_id, *args))
        return self.slices[-1]

    def expire(self) -> int:
        """End what nobody may claim once it is over. Returns how many."""
        passed_over = self.one.stands.passed_over
        with self.store.read() as conn:
            versions = versions_of_due(conn, self.name)
        held = [one for one in versions if passed_over or one.campaign.late.otherwise == "ask"]
        return sum(self.run(_expire_slice, version, passed_over).expired for version in held)

    def move(self) -> None:
        """Everybody goes on, and whoever the trigger takes enters."""
        stands = self.one.stands
        self.go_on()
        enters = stands.status in ("live", "paused") and stands.live_since is not None
        # Again until nobody enters: with `again: after D` one customer may enter several times at once.
        while enters and self.enter():
            self.go_on()

    def follow(self) -> None:
        """`changes: follow`: whoever is under way in another version goes over to the newest."""
        newest = self.one.newest
        older = [one for one in self.versions if one.id != newest.id] if newest.campaign.changes == "follow" else []
        for version in older:
            self.run(_follow_slice, newest, version)
        if older:
            self.versions = (newest,)

    def lift(self) -> None:
        """End pauses that were to last until something has come, also of those who are out."""
        with self.store.read() as conn:
            versions = [runnable(conn, definition_id) for definition_id in open_pauses(conn, self.name, self.now)]
        for version in versions:
            for step in version.campaign.course.steps:
                if isinstance(step, Pause):
                    self.run(_lift_slice, version, step)

    def go_on(self) -> None:
        """Move everybody as far as they can go by now: a second time, nobody would move."""
        self.measure()
        for version in self.versions:
            self.prepare(version)
            due = self.due(version)
            self.look_for_exits(version, due)
            for step in version.campaign.course.steps:
                due = self.pass_step(version, step, due)

    def prepare(self, version: Runnable) -> None:
        """What is to be done before anybody moves on: corrected waits, decided splits, settled touches."""
        for step in version.campaign.course.steps:
            if step.looks(version.campaign):
                self.run(_look_slice, version, step)
        settled = self.due(version).settled
        for step in version.campaign.course.steps:
            if isinstance(step, Speaking) and step.name in settled:
                self.run(_settle_slice, version, step)

    def measure(self) -> None:
        """Who has reached the goal, held-out customers and those who are out already too."""
        with self.store.read() as conn:
            versions = [runnable(conn, definition_id) for definition_id in aiming_versions(conn, self.name)]
        for version in [one for one in versions if (one.id, GOAL) not in self.seen]:
            self.seen[version.id, GOAL] = False
            with self.store.read() as conn:
                few = self.news.aiming(conn, version)
            for customers in in_parts(few):
                self._each(partial(aiming, definition_id=version.id, customers=customers), _goal_slice, version)

    def pass_step(self, version: Runnable, step: Step, due: Due) -> Due:
        """Move those who are at the step. Returns what is due then."""
        if (watched := step.watched()) is not None and self.look(version, Look(watched, step), due, _watch_slice, step):
            due = self.due(version)
        if step.name not in due.come:
            return due
        wrote = self.run(_advance_slice, version, step).touches
        if wrote and isinstance(step, Speaking):  # those of a moment that had passed are settled already
            self.run(_settle_slice, version, step)
        return self.due(version)

    def due(self, version: Runnable) -> Due:
        with self.store.read() as conn:
            return due(conn, version, self.now)

    def look_for_exits(self, version: Runnable, due: Due) -> None:
        exit_when = version.campaign.exit_when
        if self.one.all_leave:
            self._each(partial(waiting, version=version), _leave_slice, version, True)
        elif exit_when is not None:
            self.look(version, Look(exit_when), due, _leave_slice, False)

    def look(self, version: Runnable, what: Look, due: Due, work: Callable[..., Slice], *args: Any) -> int:
        """Look at those who came since, whom something was written about, whom time concerns. Returns how many moved."""
        before = len(self.slices)
        if due.unseen:
            self._each(partial(what.unseen, version=version, now=self.now), work, version, *args)
        for customers in self._concerned(version, what):
            self._each(partial(what.found, version=version, now=self.now, customers=customers), work, version, *args)
        return sum(one.moved + one.left for one in self.slices[before:])

    def _concerned(self, version: Runnable, what: Look) -> Iterator[Sequence[int] | None]:
        """The customers in slices; None: everybody. Later in this planning only if conditions may say something else."""
        key = version.id, what.step.name if what.step else None
        if key in self.seen:
            yield from [None] if self.seen[key] else []
            return
        with self.store.read() as conn:
            few = self.news.concerned(conn, version, what.condition, self.news.since(version, WAY))
            self.seen[key] = few is None and not self.news.tells(conn, version, what.condition)
        yield from in_parts(few)

    def _each(self, chosen: Callable[[Connection], Select[Any]], work: Callable[..., Slice], *args: Any) -> None:
        """Read whom it concerns, slice by slice, and write if there is anybody."""
        version, *more = args
        last: int | None = 0
        while last is not None:
            with self.store.read() as conn:
                ids = _ids(conn, chosen(conn).where(enrolment.c.id > last))
            if ids:
                self.write(work, version, ids, *more)
            last = _next(ids)

    def enter(self) -> int:
        """Whoever may enter does. Returns how many."""
        newest, stands = self.one.newest, self.one.stands
        with self.store.read() as conn:
            found = entering.entries(conn, newest, stands, self.news)
            # The first time it is written down that it was planned, whether or not anybody enters.
            if stands.planned or self.slices:
                found = [one for one in found if entering.anybody(conn, newest, stands, self.now, one)]
        entered = sum(self.run(_enter_slice, newest, stands, one).entered for one in found)
        if entered and newest.id not in {version.id for version in self.versions}:
            self.versions = (*self.versions, newest)
        return entered

    def _total(self, slices: list[Slice]) -> Planned:
        totals = {
            key: sum(getattr(one, key) for one in slices) for key in ("entered", "moved", "left", "touches", "expired")
        }
        return Planned(self.name, self.run_id, **totals)

    def done(self) -> Planned:
        return self._total(self.slices)


def _expire_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, passed_over: str | None
) -> Slice:
    """Touches that the claim passes over, at their expiry."""
    ended = expire_held(conn, version, now, passed_over, SLICE)
    return Slice(run_id, expired=ended, last=last if ended == SLICE else None)


def _goal_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, ids: Sequence[int]) -> Slice:
    """Who has reached the goal by now."""
    reach(Turn(conn, version, now), ids)
    return Slice(run_id)


def _follow_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, older: Runnable
) -> Slice:
    """Those of an older version go over to this one."""
    open_ = enrolment.c.definition_id == older.id, enrolment.c.state == "in", enrolment.c.id > last
    ids = _ids(conn, select(enrolment.c.id).where(*open_))
    move_over(conn, older, version, now, ids)
    turn = Turn(conn, version, now)
    turn.is_new_to(ids)
    reach(turn, ids)
    return Slice(run_id, moved=len(ids), last=_next(ids))


def _lift_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, step: Pause) -> Slice:
    """Pauses whose condition holds."""
    return Slice(run_id, last=step.lift(Turn(conn, version, now), last, SLICE))


def _look_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, step: Step) -> Slice:
    """What is to be done about a step before anybody moves."""
    return Slice(run_id, last=step.look(Turn(conn, version, now), last, SLICE))


def _leave_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, ids: Sequence[int], all_leave: bool
) -> Slice:
    """Those who wait and whose exit holds leave. Who has a touch under way is judged at its claim instead."""
    turn, ids = Turn(conn, version, now), _ids(conn, waiting(conn, version).where(enrolment.c.id.in_(ids_of(ids))))
    left = turn.leave(ids, "ended") if all_leave else turn.leave(turn.where_exit_holds(ids), "exit")
    watched = [step.name for step in version.campaign.course.steps if step.watched() is not None]
    turn.has_seen(
        _ids(conn, select(enrolment.c.id).where(enrolment.c.id.in_(ids_of(ids)), enrolment.c.step.not_in(watched)))
    )
    return Slice(run_id, left=left)


def _watch_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, ids: Sequence[int], step: Step
) -> Slice:
    """Enrolments that wait for something, before their time is up: those for which it has come go on."""
    watched = step.watched()
    assert watched is not None
    here = *_on_step(version, step), enrolment.c.next_at > now, enrolment.c.id.in_(ids_of(ids))
    turn, ids = Turn(conn, version, now), _ids(conn, select(enrolment.c.id).where(*here))
    seen = turn.holding(watched, ids)
    turn.has_seen(sorted(set(ids).difference(seen)))
    step.seen(turn, seen)
    return Slice(run_id, moved=len(seen))


def _advance_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, step: Step) -> Slice:
    """Enrolments whose turn at this step has come: their touch is written, or they go on."""
    come = select(enrolment.c.id).where(*_on_step(version, step), enrolment.c.next_at <= now, enrolment.c.id > last)
    ids = _ids(conn, come)
    if isinstance(step, Speaking):
        follows = version.campaign.changes == "follow"
        new = not_spoken_to(Turn(conn, version, now), step, ids) if follows else ids
        run_id, written = speak(conn, version, now, run_id, step, new, len(new))
        return Slice(run_id, touches=written, last=_next(ids))
    left = step.pass_on(Turn(conn, version, now), ids)
    return Slice(run_id, moved=len(ids) - left, left=left, last=_next(ids))


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
    going = sorted({row.id for row in rows}.difference(stopped))
    due_at = select(touch.c.due_at).where(*of_step).correlate(enrolment).scalar_subquery()
    turn = Turn(conn, version, now)
    turn.go(going, version.campaign.course.after(step.name), due_at)
    left = turn.leave(stopped, "failed")
    return Slice(run_id, moved=len(going), left=left, last=_next([row.id for row in rows]))


def _enter_slice(
    conn: Connection,
    version: Runnable,
    now: datetime,
    run_id: int | None,
    last: int,
    stands: Standing,
    entry: entering.Entry,
) -> Slice:
    """Candidates of the trigger become enrolments; if the journey begins with a send, their touches are written."""
    part = entering.part(conn, version, stands, now, last, SLICE, entry)
    chosen = part.chosen
    counted = conn.execute(select(func.count()).select_from(chosen.subquery())).scalar_one()
    if not counted:
        return Slice(run_id, last=part.upto)
    entered = entering.begin(Turn(conn, version, now), chosen)
    ids, first = [row.id for row in entered], version.campaign.course.tree[0]
    touches = 0
    if isinstance(first, Speaking):
        run_id, touches = speak(conn, version, now, run_id, first, ids, counted)
    full = counted == SLICE and not version.campaign.trigger.of_everybody
    last_customer = max((row.customer_id for row in entered), default=None) if full else None
    return Slice(run_id, entered=len(entered), touches=touches, last=part.upto or last_customer)


def _ids(conn: Connection, chosen: Select[Any]) -> list[int]:
    return list(conn.execute(chosen.order_by(enrolment.c.id).limit(SLICE)).scalars())


def _next(ids: list[int]) -> int | None:
    return ids[-1] if len(ids) == SLICE else None
