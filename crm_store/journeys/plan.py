"""Planning a campaign: who leaves, who goes on, who enters - in slices, each one transaction, none over 200 ms.

Whoever plans, however often and beside whom: the same store and the same `now` give the same touches. A slice counts
what must exist from triggers and enrolments, then writes it; the sum law compares the two later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, func, insert, literal, null, select, text, update
from sqlalchemy import cast as sql_cast

from crm_store.journeys.again import CANDIDATE
from crm_store.journeys.context import Runnable, Standing
from crm_store.journeys.due import Due, Look, due, waiting
from crm_store.journeys.news import ENTRY, WAY, News
from crm_store.journeys.published import Running, running
from crm_store.journeys.steps import Speaking, Step
from crm_store.journeys.triggers import Window
from crm_store.journeys.turn import Turn
from crm_store.ledger.expire import expire_held
from crm_store.ledger.runs import add_eligible, ensure_run
from crm_store.ledger.states import FAILED, PASSED
from crm_store.ledger.write import write_touches
from crm_store.many import ids_of
from crm_store.schema import campaign as campaign_table
from crm_store.schema import customer, enrolment, touch
from crm_store.schema.types import Instant, Words
from crm_store.store import Store

SLICE = 2_000
CUSTOMERS = 10_000  # at once, of those who are looked at again


@dataclass(frozen=True)
class Entry:
    """Whom an entry looks at: those whose right instant is no earlier, or only these customers."""

    since: datetime | None = None
    only: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Planned:
    """What one planning of a campaign did."""

    campaign: str
    run_id: int | None = None
    entered: int = 0
    moved: int = 0
    left: int = 0
    touches: int = 0

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
    last: int | None = None


def plan_campaign(store: Store, name: str, now: datetime) -> Planned:
    """Plan one published campaign as of `now`. Raises StoreError if it is not published."""
    with store.read() as conn:
        (one,), news = running(conn, name), News.read(conn, now)
    return plan_running(store, one, news)


def plan_running(store: Store, one: Running, news: News) -> Planned:
    """Plan a campaign as of the news' `now`."""
    planner, stands = _Planner(store, one, news), one.stands
    planner.expire(stands.status in ("paused", "draft"))
    if stands.status == "draft":
        return planner.done()
    planner.go_on()
    enters = stands.status in ("live", "paused") and stands.live_since is not None
    # Again until nobody enters: with `again: after D` one customer may enter several times at once.
    while enters and planner.enter():
        planner.go_on()
    return planner.done()


class _Planner:
    """Runs slices until nothing is left, and adds up what they did. Whether there is anything to do is asked before."""

    def __init__(self, store: Store, one: Running, news: News) -> None:
        self.store = store
        self.one = one
        self.news = news
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
        self.slices.append(self.store.write_snapshot(_in_turn, work, version, self.now, self.run_id, *args))
        return self.slices[-1]

    def expire(self, paused: bool) -> None:
        for version in self.versions:
            if paused or version.campaign.late.otherwise == "ask":
                self.run(_expire_slice, version, paused)

    def go_on(self) -> None:
        """Move everybody as far as they can go by now: a second time, nobody would move."""
        for version in self.versions:
            due = self.due(version)
            for step in version.campaign.course.steps:
                if isinstance(step, Speaking) and step.name in due.settled:
                    self.run(_settle_slice, version, step)
                    due = self.due(version)
            self.look_for_exits(version, due)
            for step in version.campaign.course.steps:
                due = self.pass_step(version, step, due)

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
            self._each(lambda conn: waiting(version), _leave_slice, version, True)
        elif exit_when is not None:
            self.look(version, Look(exit_when), due, _leave_slice, False)

    def look(self, version: Runnable, what: Look, due: Due, work: Callable[..., Slice], *args: Any) -> int:
        """Look at those who came since, whom something was written about, whom time concerns. Returns how many moved."""
        before = len(self.slices)
        if due.unseen:
            self._each(lambda conn: what.unseen(version, self.now), work, version, *args)
        for customers in self._concerned(version, what):
            self._each(partial(what.found, version=version, now=self.now, customers=customers), work, version, *args)
        moved = self._total(self.slices[before:])
        return moved.moved + moved.left

    def _concerned(self, version: Runnable, what: Look) -> Iterator[Sequence[int] | None]:
        """The customers in slices; None: everybody. Later in this planning only if conditions may say something else."""
        key = version.id, what.step.name if what.step else None
        if key in self.seen:
            yield from [None] if self.seen[key] else []
            return
        with self.store.read() as conn:
            few = self.news.concerned(conn, version, what.condition, self.news.since(version, WAY))
            self.seen[key] = few is None and not self.news.tells(conn, version, what.condition)
        if few is None:
            yield None
        else:
            yield from (few[start : start + CUSTOMERS] for start in range(0, len(few), CUSTOMERS))

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
        with self.store.read() as conn:
            # The first time it is written down that it was planned, whether or not anybody enters.
            found = self._entries(conn)
            if self.one.stands.planned or self.slices:
                found = [one for one in found if _anybody(conn, self.one, self.now, one)]
        entered = sum(self.run(_enter_slice, self.one.newest, self.one.stands, one).entered for one in found)
        if entered and self.one.newest.id not in {version.id for version in self.versions}:
            self.versions = (*self.versions, self.one.newest)
        return entered

    def _entries(self, conn: Connection) -> list[Entry]:
        """First the customers whom something was written about, then the instants since the last look."""
        newest, live_since = self.one.newest, self.one.stands.live_since
        since = self.news.since(newest, ENTRY)
        again, trigger = newest.campaign.again, newest.campaign.trigger
        if since is None or not trigger.shows or again.policy == "leaving" or (live_since or since) > since:
            return [Entry()]
        few = self.news.concerned(conn, newest, newest.campaign.audience, since)
        if few is None:
            return [Entry()]
        parts = [Entry(only=tuple(few[start : start + CUSTOMERS])) for start in range(0, len(few), CUSTOMERS)]
        return [*parts, Entry(since=since)] if since < self.now else parts

    def _total(self, slices: list[Slice]) -> Planned:
        totals = {key: sum(getattr(one, key) for one in slices) for key in ("entered", "moved", "left", "touches")}
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
    conn.execute(update(campaign_table).where(of_name).values(plans=campaign_table.c.plans + 1))
    return work(conn, version, *args)


def _expire_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, paused: bool) -> Slice:
    """Touches that the claim passes over, at their expiry."""
    ended = expire_held(conn, version, now, paused, SLICE)
    return Slice(run_id, left=0, last=last if ended == SLICE else None)


def _leave_slice(
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, ids: Sequence[int], all_leave: bool
) -> Slice:
    """Those who wait and whose exit holds leave. Who has a touch under way is judged at its claim instead."""
    turn, ids = Turn(conn, version, now), _ids(conn, waiting(version).where(enrolment.c.id.in_(ids_of(ids))))
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
        run_id, written = _speak(conn, version, now, run_id, step, ids, len(ids))
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
    conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int, stands: Standing, entry: Entry
) -> Slice:
    """Candidates of the trigger become enrolments; if the journey begins with a send, their touches are written."""
    chosen = (
        _candidates(conn, version, stands, now, entry).where(customer.c.id >= last).order_by(customer.c.id).limit(SLICE)
    )
    counted = conn.execute(select(func.count()).select_from(chosen.subquery())).scalar_one()
    if not counted:
        return Slice(run_id)
    entered = _enrol(conn, version, chosen)
    ids, first = [row.id for row in entered], version.campaign.course.tree[0]
    turn = Turn(conn, version, now)
    for step in version.campaign.course.steps:
        step.entered(turn, ids)
    turn.go(ids, first, enrolment.c.entered_at)
    touches = 0
    if isinstance(first, Speaking):
        run_id, touches = _speak(conn, version, now, run_id, first, ids, counted)
    last_customer = max((row.customer_id for row in entered), default=None) if counted == SLICE else None
    return Slice(run_id, entered=len(entered), touches=touches, last=last_customer)


def _anybody(conn: Connection, one: Running, now: datetime, entry: Entry) -> bool:
    """Whether somebody enters."""
    newest, trigger = one.newest, one.newest.campaign.trigger
    if not trigger.comes(conn, _window(newest, one.stands, now, entry), newest.scope(conn, now)):
        return False
    return conn.execute(_candidates(conn, newest, one.stands, now, entry).limit(1)).first() is not None


def _candidates(conn: Connection, version: Runnable, stands: Standing, now: datetime, entry: Entry) -> Select[Any]:
    """Whom the trigger enters now: not erased, in the audience, not enrolled for this occasion yet."""
    campaign, window, scope = version.campaign, _window(version, stands, now, entry), version.scope(conn, now)
    facts = campaign.trigger.candidates(conn, campaign.name, campaign.again, window, scope)
    found = facts.subquery("candidate")
    same = enrolment.c.campaign == campaign.name, enrolment.c.customer_id == found.c.customer_id
    enrolled = select(enrolment.c.id).where(*same, enrolment.c.occasion == found.c.occasion).correlate(found).exists()
    audience = [campaign.audience.sql(scope)] if campaign.audience else []
    return (
        select(*(found.c[name] for name in CANDIDATE))
        .join(customer, customer.c.id == found.c.customer_id)
        .where(customer.c.erased_at.is_(None), ~enrolled, *audience, *window.of(customer.c.id))
    )


def _window(version: Runnable, stands: Standing, now: datetime, entry: Entry) -> Window:
    campaign, live_since = version.campaign, stands.live_since or now
    since = now - campaign.late.within
    if campaign.late.otherwise != "skip":
        since = min(since, live_since)
    return Window(max(since, entry.since or since), now, live_since, only=entry.only)


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
    conn.execute(update(enrolment).where(enrolment.c.id.in_(ids)).values(next_at=None, unseen=None))
    return run_id, written


def _ids(conn: Connection, chosen: Select[Any]) -> list[int]:
    return list(conn.execute(chosen.order_by(enrolment.c.id).limit(SLICE)).scalars())


def _next(ids: list[int]) -> int | None:
    return ids[-1] if len(ids) == SLICE else None
