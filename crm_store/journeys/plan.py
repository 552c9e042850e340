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

from sqlalchemy import Connection, Select

from crm_store.journeys import entering, slices
from crm_store.journeys.closing import barred_slice, close_slice
from crm_store.journeys.context import Runnable
from crm_store.journeys.due import Due, Look, dues, waiting
from crm_store.journeys.feeds import held_as, held_for, hold
from crm_store.journeys.goal import aiming
from crm_store.journeys.moves import (
    advance_slice,
    begin_slice,
    correct_slice,
    decide_slice,
    enter_slice,
    expire_slice,
    first_ids,
    follow_slice,
    goal_slice,
    leave_slice,
    lift_slice,
    next_after,
    settle_slice,
    watch_slice,
)
from crm_store.journeys.news import GOAL, PAUSE, WAY, News, in_parts
from crm_store.journeys.published import Running, running, versions_of_due
from crm_store.journeys.renaming import finish_renames
from crm_store.journeys.slices import Slice, in_turn
from crm_store.journeys.steps import Pause, Speaking, Step
from crm_store.journeys.turn import Turn
from crm_store.ledger.expire import barred_by_runs
from crm_store.ledger.runs import in_planning
from crm_store.schema import enrolment
from crm_store.store import Store


@dataclass(frozen=True)
class Planned:
    """What one planning of a campaign did. `held`: runs that their guard keeps back."""

    campaign: str
    run_id: int | None = None
    entered: int = 0
    moved: int = 0
    left: int = 0
    touches: int = 0
    expired: int = 0
    held: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.entered or self.moved or self.left or self.touches)


def plan_campaign(store: Store, name: str, now: datetime) -> Planned:
    """Plan one published campaign as of `now`. Raises StoreError if it is not published."""
    finish_renames(store)
    with store.read() as conn:
        (one,) = running(conn, now, name)
        news = News.read(conn, now, one.followed)
    return plan_running(store, one, news)


def plan_running(store: Store, one: Running, news: News) -> Planned:
    """Plan a campaign as of the news' `now`; nothing is done while somebody is at renaming it."""
    if one.stands.renamed_from is not None:
        return Planned(one.stands.name)
    with store.read() as conn:
        # A draft sends nothing anyway: that it would be held besides is no news.
        stale = None if one.stands.status == "draft" else held_for(conn, [one.newest, *one.followed], news.now)
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
    while planner.expire() or planner.close():  # what was written just now may be over already
        planner.move()
    return planner.done()


def follow_newest(store: Store, name: str, now: datetime) -> None:
    """`changes: follow`: bring those under way in older versions over at once, so that whatever runs first sees them there.

    A planner does the same for whoever has entered an older version since. Raises StoreError if it is not published.
    """
    with store.read() as conn:
        (one,) = running(conn, now, name)
        news = News.read(conn, now, one.followed)
    if one.stands.status != "draft" and one.stands.renamed_from is None:
        _Planner(store, one, news).follow()


class _Planner:
    """Runs slices until nothing is left, and adds up what they did. Whether there is anything to do is asked before."""

    def __init__(self, store: Store, one: Running, news: News) -> None:
        self.store, self.one, self.news = store, one, news
        self.name, self.now = one.stands.name, news.now
        self.versions = one.followed
        self.due = dict(news.due)  # what is known of versions, until something is written
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
        self.due.clear()
        self.slices.append(self.store.write_snapshot(in_turn, work, version, self.now, self.run_id, *args))
        return self.slices[-1]

    def expire(self) -> int:
        """End what nobody may claim once it is over, and what was stopped. Returns how many."""
        passed_over = self.one.stands.passed_over
        versions: Sequence[Runnable] = self.one.due
        if self.slices:
            with self.store.read() as conn:
                versions = versions_of_due(conn, self.name)
        held = [one for one in versions if passed_over or one.campaign.late.otherwise == "ask"]
        return self._end_barred() + sum(self.run(expire_slice, version, passed_over).expired for version in held)

    def _end_barred(self) -> int:
        """What is over or was stopped in runs that are barred: as the tick found them, or by this planning."""
        if not (self.one.has_barred_runs or self.slices):
            return 0
        with self.store.read() as conn:
            barred = barred_by_runs(conn, self.name, self.now)
        return self.run(barred_slice, self.one.newest).expired if barred else 0

    def close(self) -> bool:
        """Close the run in planning, be it another planner's. Returns whether it is held now."""
        if not (self.one.has_barred_runs or self.slices):
            return False
        with self.store.read() as conn:
            planning = in_planning(conn, self.name)
        return planning is not None and bool(self.run(close_slice, self.one.newest).held)

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
            self.run(follow_slice, newest, version)
        if older:
            self.versions = (newest,)

    def lift(self) -> None:
        """End pauses that were to last until something has come, also of those who are out."""
        for version in self.one.pausing:
            for step in version.campaign.course.steps:
                if isinstance(step, Pause) and step.until is not None:
                    self.look_among(version, Look(step.until, step), PAUSE, lift_slice, step)

    def go_on(self) -> None:
        """Move everybody as far as they can go by now: a second time, nobody would move."""
        self.measure()
        for version in self.versions:
            self.prepare(version)
            due = self.due_in(version)
            self.look_for_exits(version, due)
            for step in version.campaign.course.steps:
                due = self.pass_step(version, step, due)

    def prepare(self, version: Runnable) -> None:
        """What is to be done before anybody moves on: corrected waits, decided splits, settled touches."""
        for step in version.campaign.course.steps:
            self.correct(version, step)
            if step.may_be_decided():
                self.decide(version, step)
        settled = self.due_in(version).settled
        for step in version.campaign.course.steps:
            if isinstance(step, Speaking) and step.name in settled:
                self.run(settle_slice, version, step, not self.one.all_leave)

    def correct(self, version: Runnable, step: Step) -> None:
        """Those who wait for a date of their own that somebody has corrected since the last tick wait anew."""
        key = version.id, f"corrected at {step.name}"
        if key in self.seen or not step.may_be_corrected(version.campaign):
            return
        self.seen[key] = False
        with self.store.read() as conn:
            few = self.news.written(conn, version)
        for customers in in_parts(few):
            self._each(partial(step.corrected, version=version, customers=customers), correct_slice, version, step)

    def decide(self, version: Runnable, step: Step) -> None:
        with self.store.read() as conn:
            ripe = step.is_ripe(Turn(conn, version, self.now))
        if ripe:
            self.write(decide_slice, version, step)

    def measure(self) -> None:
        """Who has reached the goal, held-out customers and those who are out already too."""
        for version in [one for one in self.one.aiming if (one.id, GOAL) not in self.seen]:
            self.seen[version.id, GOAL] = False
            with self.store.read() as conn:
                few = self.news.aiming(conn, version)
            for customers in in_parts(few):
                self._each(partial(aiming, definition_id=version.id, customers=customers), goal_slice, version)

    def pass_step(self, version: Runnable, step: Step, due: Due) -> Due:
        """Move those who are at the step. Returns what is due then."""
        if (watched := step.watched()) is not None and self.look(version, Look(watched, step), due, watch_slice, step):
            due = self.due_in(version)
        if step.name in due.come:
            self.run(advance_slice, version, step)
            due = self.due_in(version)
        if isinstance(step, Speaking) and step.name in due.settled:  # those of a moment that had passed are settled already
            self.run(settle_slice, version, step, False)
            due = self.due_in(version)
        return due

    def due_in(self, version: Runnable) -> Due:
        if version.id not in self.due:
            with self.store.read() as conn:
                self.due.update(dues(conn, [version], self.now))
        return self.due[version.id]

    def look_for_exits(self, version: Runnable, due: Due) -> None:
        exit_when = version.campaign.exit_when
        if self.one.all_leave:
            self._each(partial(waiting, version=version), leave_slice, version, True)
        elif exit_when is not None:
            self.look(version, Look(exit_when), due, leave_slice, False)

    def look(self, version: Runnable, what: Look, due: Due, work: Callable[..., Slice], *args: Any) -> int:
        """Look at those who came since, whom something was written about, whom time concerns. Returns how many moved."""
        before = len(self.slices)
        if due.unseen:
            self._each(partial(what.unseen, version=version, now=self.now), work, version, *args)
        self.look_among(version, what, WAY, work, *args)
        return sum(one.moved + one.left for one in self.slices[before:])

    def look_among(self, version: Runnable, what: Look, part: str, work: Callable[..., Slice], *args: Any) -> None:
        """Look at those of whom it may say something else since that part of the version was looked at."""
        for customers in self._concerned(version, what, part):
            self._each(partial(what.found, version=version, now=self.now, customers=customers), work, version, *args)

    def _concerned(self, version: Runnable, what: Look, part: str) -> Iterator[Sequence[int] | None]:
        """The customers in slices; None: everybody. Later in this planning only if conditions may say something else."""
        key = version.id, what.step.name if what.step else None
        if key in self.seen:
            yield from [None] if self.seen[key] else []
            return
        with self.store.read() as conn:
            few = self.news.concerned(conn, version, what.condition, part)
            self.seen[key] = few is None and not self.news.tells(conn, version, what.condition)
        yield from in_parts(few)

    def _each(self, chosen: Callable[[Connection], Select[Any]], work: Callable[..., Slice], *args: Any) -> None:
        """Read whom it concerns, slice by slice, and write if there is anybody."""
        version, *more = args
        last: int | None = 0
        while last is not None:
            with self.store.read() as conn:
                ids = first_ids(conn, chosen(conn).where(enrolment.c.id > last))
            if ids:
                self.write(work, version, ids, *more)
            last = next_after(ids)

    def enter(self) -> int:
        """Whoever may enter does. Returns how many."""
        newest, stands = self.one.newest, self.one.stands
        with self.store.read() as conn:
            found = entering.entries(conn, newest, self.versions, stands, self.news)
        if not (stands.planned or self.slices):  # the first time it is written down that it was planned
            self.write(begin_slice, newest)
        entered = sum(self.enter_by(one) for one in found)
        if entered and newest.id not in {version.id for version in self.versions}:
            self.versions = (*self.versions, newest)
        return entered

    def enter_by(self, entry: entering.Entry) -> int:
        newest, stands = self.one.newest, self.one.stands
        with self.store.read() as conn:
            found = entering.found(conn, newest, stands, self.now, entry, slices.SLICE)
        return sum(self.run(enter_slice, newest, stands, one).entered for one in found)

    def _total(self, done: list[Slice]) -> Planned:
        counted = "entered", "moved", "left", "touches", "expired", "held"
        totals = {key: sum(getattr(one, key) for one in done) for key in counted}
        return Planned(self.name, self.run_id, **totals)

    def done(self) -> Planned:
        return self._total(self.slices)
