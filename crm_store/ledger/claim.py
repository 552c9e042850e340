"""The claim: the last look and the lease, in one transaction that has the customers' rows locked, as an opt-out has."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from crm_store import definitions
from crm_store.clock import micros
from crm_store.content.accounts import USUAL_LIMITS, Limits
from crm_store.dialect import unindexed
from crm_store.errors import StoreError
from crm_store.journeys.context import Runnable
from crm_store.journeys.feeds import stale_feed
from crm_store.journeys.held import FILE_GONE
from crm_store.journeys.published import runnable
from crm_store.journeys.steps import FollowUp, Send, Step
from crm_store.journeys.turn import Turn
from crm_store.ledger import accounts
from crm_store.ledger.follow_ups import write_tasks
from crm_store.ledger.gates import Look, Verdict, bars, look, put_off, verdict, waits_for_a_person
from crm_store.ledger.offers import issue_offers, offered
from crm_store.ledger.states import DUE
from crm_store.ledger.transitions import BREAK, CANCEL, CLAIM, DO, PUT_OFF, SKIP, move, moving
from crm_store.many import ids_of, one_of_ids
from crm_store.schema import campaign, campaign_run, customer, enrolment, touch
from crm_store.schema.ledger import HOUR
from crm_store.schema.types import Instant
from crm_store.segmentation.compile import are_local_dates, dates_asked
from crm_store.store import assert_durable, machine_now

Tests = tuple[ColumnElement[bool], ...]
_KEPT = 64  # statements
# Barred for these reasons, a touch takes its enrolment with it.
_LEAVE = ("erased", "ended", "exit")
_due_hour: ColumnElement[int] = literal_column(f"touch.due_at / {HOUR}", BigInteger)  # as the index has it


@dataclass(frozen=True)
class Group:
    """Touches that share a version, a step and a template: what one batch is made of."""

    definition_id: int
    campaign: str
    step: str
    is_task: bool = False  # nothing leaves: `do_tasks` settles it


@dataclass(frozen=True)
class Worker:
    """Who claims, under a name of its own, and what its accounts may take."""

    name: str
    limits: Mapping[str, Limits]


@dataclass(frozen=True)
class Lease:
    """Whose a touch is, and until when (machine time)."""

    token: str
    until: datetime


@dataclass(frozen=True)
class Claim:
    """Touches claimed together. `busy`: others hold customers of touches that are still due. `wait`: the account takes
    nothing before that is over. `probe`: its one touch tries an account that is out of order."""

    token: str
    touch_ids: tuple[int, ...]
    lease_until: datetime
    version: Runnable
    step: Send
    template_id: int
    busy: bool = False
    judged: int = 0
    wait: timedelta = timedelta(0)
    probe: bool = False

    @property
    def channel(self) -> str:
        """By which these touches leave."""
        return self.step.message(self.version.campaign).channel


def due_groups(conn: Connection, now: datetime, only: str | None) -> list[Group]:
    """What a claim would take up as of `now`, of one campaign or all."""
    chosen = select(touch.c.definition_id, touch.c.campaign, touch.c.step).where(
        touch.c.state == DUE, touch.c.due_at <= now
    )
    if only is not None:
        chosen = chosen.where(touch.c.campaign == only)
    rows = conn.execute(chosen.distinct().order_by(touch.c.campaign, touch.c.definition_id, touch.c.step)).all()
    groups = [Group(*row, is_task=isinstance(_step(conn, *row), FollowUp)) for row in rows]
    clock = machine_now(conn)
    takes = accounts.takes_mails(touch.c.channel, clock)
    return [group for group in groups if _any_left(conn, (*_turn(conn, group, now, clock), takes))]


def waiting(conn: Connection, group: Group, now: datetime, most: int) -> int:
    """How many touches of the group are due as of `now`, as far as `most`."""
    chosen = _pick(_turn(conn, group, now, machine_now(conn))).limit(most).subquery()
    return int(conn.execute(select(func.count()).select_from(chosen)).scalar_one())


def claim(conn: Connection, worker: Worker, group: Group, now: datetime, size: int, new_code: Callable[[], str]) -> Claim:
    """Judge up to `size` due touches of a group, fewer if the account takes no more, and claim those that pass every gate.

    Everything is as of `now` but the lease and the account, which go by machine time. `new_code` makes an offer's code.
    """
    assert_durable(conn)
    version, step, template_id = _what(conn, group)
    channel, length = step.message(version.campaign).channel, version.settings.delivery.lease
    limits = worker.limits.get(channel, USUAL_LIMITS)
    accounts.ensure_account(conn, channel)
    clock = machine_now(conn)
    given = accounts.permit(conn, channel, limits, worker.name, length, size, clock)
    lease = Lease(secrets.token_hex(8), clock + length)
    turn = _turn(conn, group, now, clock)
    if not given.size:
        wait = given.wait if _any_left(conn, turn) else timedelta(0)
        return Claim(lease.token, (), lease.until, version, step, template_id, wait=wait)
    picked = _locked(conn, _pick(turn), given.size)
    verdicts = _judge(conn, group, look(conn, version, now, step), picked, clock)
    _write_off(conn, version, verdicts, now)
    # Codes first, for the claim to write: if somebody else ends a touch just now, its code waits for the enrolment's next.
    issue_offers(conn, version, step, _passed(verdicts), now, new_code)
    passed = _take(conn, verdicts, lease, template_id, now, offered(version, step))
    accounts.take(conn, channel, limits, given, len(passed), length, clock)
    busy = not picked and _any_left(conn, turn)
    return Claim(
        lease.token, tuple(passed), lease.until, version, step, template_id, busy, len(verdicts), probe=given.probe
    )


@dataclass(frozen=True)
class Done:
    """What a look at tasks came to. `busy`: as in a Claim."""

    judged: int
    written: int
    failed: int
    busy: bool


def do_tasks(conn: Connection, group: Group, now: datetime, size: int) -> Done:
    """Judge up to `size` due touches of a `follow_up`, and write the tasks of those that pass: they are settled."""
    version, step = runnable(conn, group.definition_id), _step(conn, group.definition_id, group.campaign, group.step)
    if not isinstance(step, FollowUp):
        raise StoreError(f"step '{group.step}' of campaign '{group.campaign}' is no task; the store is damaged")
    clock = machine_now(conn)
    turn = _turn(conn, group, now, clock)
    picked = _locked(conn, _pick(turn), size)
    verdicts = _judge(conn, group, look(conn, version, now, step), picked, clock)
    _write_off(conn, version, verdicts, now)
    lease = Lease(secrets.token_hex(8), clock + version.settings.delivery.lease)
    passed = _take(conn, verdicts, lease, None, now, {})
    tasks = step.tasks(conn, version, passed)
    good = {touch_id: task for touch_id, task in tasks.items() if task is not None}
    write_tasks(conn, good, now)
    move(conn, DO, touch.c.id.in_(ids_of(good)), sent_at=now)
    move(conn, BREAK, touch.c.id.in_(ids_of(tasks.keys() - good.keys())), reason="no_date")
    return Done(len(verdicts), len(good), len(tasks) - len(good), busy=not picked and _any_left(conn, turn))


def _step(conn: Connection, definition_id: int, campaign: str, step: str) -> Step:
    return runnable(conn, definition_id).campaign.course.step(step)


def _what(conn: Connection, group: Group) -> tuple[Runnable, Send, int]:
    """The version, the step and the template of a group."""
    version = runnable(conn, group.definition_id)
    step = version.campaign.course.step(group.step)
    if not isinstance(step, Send):
        raise StoreError(f"step '{group.step}' of campaign '{group.campaign}' sends nothing; the store is damaged")
    template_id = definitions.current_id(conn, "template", step.template)
    if template_id is None:
        raise StoreError(f"template '{step.template}' is not published; run `rapport apply`")
    return version, step, template_id


def _turn(conn: Connection, group: Group, now: datetime, clock: datetime) -> Tests:
    """What holds for touches of the group whose turn it is; those of paused, held and draft campaigns are passed over."""
    at = look(conn, runnable(conn, group.definition_id), now)
    fresh = literal(stale_feed(conn, at.version, now) is None)
    return touch.c.campaign == group.campaign, *_other_tests(group, at, literal(clock, Instant()), fresh)


def _other_tests(group: Group, at: Look, clock: ColumnElement[Any], fresh: ColumnElement[bool]) -> Tests:
    runs = campaign.c.status.in_(("live", "ended")), campaign.c.held.is_distinct_from(FILE_GONE)
    live = select(campaign.c.name).where(campaign.c.name == group.campaign, *runs)
    return (
        touch.c.definition_id == group.definition_id,
        touch.c.step == group.step,
        touch.c.state == DUE,
        _due_hour <= micros(at.now) // HOUR,
        touch.c.due_at <= at.now,
        or_(touch.c.retry_at.is_(None), touch.c.retry_at <= clock),
        live.exists(),
        fresh,
        ~waits_for_a_person(at),
    )


def _pick(turn: Tests) -> Select[Any]:
    """Those due longest first, to the hour."""
    chosen = select(touch.c.id).join(campaign_run, campaign_run.c.id == touch.c.run_id)
    return chosen.where(*turn).order_by(_due_hour, touch.c.id)


def _any_left(conn: Connection, turn: Tests) -> bool:
    return conn.execute(_pick(turn).limit(1)).first() is not None


def _locked(conn: Connection, picked: Select[Any], most: int) -> list[int]:
    """Up to so many touches whose customers' rows could be locked; those that others hold are passed over, so that two
    workers claim beside each other. On SQLite the transaction has locked everything."""
    if conn.dialect.name == "postgresql":
        picked = picked.join(customer, customer.c.id == touch.c.customer_id)
        picked = picked.with_for_update(key_share=True, skip_locked=True, of=customer)
    return list(conn.execute(picked.limit(most)).scalars())


def _judge(conn: Connection, group: Group, at: Look, ids: Sequence[int], clock: datetime) -> dict[int, Verdict]:
    """Every gate's verdict on each touch whose turn it still is, now that its customer's row is ours."""
    fresh = stale_feed(conn, at.version, at.now) is None
    rows = conn.execute(_judging(group, at), {"ids": ids, "clock": clock, "fresh": fresh})
    return {touch_id: verdict(barred, tuple(until)) for touch_id, barred, *until in rows.all()}


class _Judging(NamedTuple):
    """What judges touches, and what it was made of."""

    select: Select[Any]
    at: Look
    dates: list[dict[Any, Any] | None]

    def holds(self, at: Look) -> bool:
        of_one_reading = self.at.version.segments is at.version.segments  # of a definition; names are given to it anew
        return of_one_reading and all(map(are_local_dates, self.dates, (at.scope, at.enrolment_scope)))


_judgings: dict[tuple[object, ...], _Judging] = {}


def _judging(group: Group, at: Look) -> Select[Any]:
    """Made once for an instant: making it takes as long as judging some hundred touches."""
    key = group, at.version.campaign.name, at.now, at.channel, at.all_leave, at.scope.by_row
    made = _judgings.get(key)
    if made is None or not made.holds(at):
        if len(_judgings) >= _KEPT:
            _judgings.clear()
        chosen = _judged(group, at)
        made = _judgings[key] = _Judging(chosen, at, [dates_asked(one) for one in (at.scope, at.enrolment_scope)])
    return made.select


def _judged(group: Group, at: Look) -> Select[Any]:
    """A select of touches whose numbers are bound as `ids`, with what the gates say of each. SQLite would rather go through
    all of the campaign's."""
    others = _other_tests(group, at, bindparam("clock", type_=Instant()), bindparam("fresh", type_=Boolean()))
    return (
        select(touch.c.id, bars(at), *put_off(at))
        .join(customer, customer.c.id == touch.c.customer_id)
        .join(enrolment, enrolment.c.id == touch.c.enrolment_id)
        .join(campaign_run, campaign_run.c.id == touch.c.run_id)
        .where(one_of_ids(touch.c.id), unindexed(touch.c.campaign) == group.campaign, *others)
        .order_by(touch.c.id)
    )


def _write_off(conn: Connection, version: Runnable, verdicts: dict[int, Verdict], now: datetime) -> None:
    """End the barred touches, or put them off; an exit seen here ends the enrolment too."""
    for said in {one for one in verdicts.values() if one.state is not None}:
        ids = [touch_id for touch_id, one in verdicts.items() if one == said]
        how = next(one for one in (SKIP, CANCEL, PUT_OFF) if one.target == said.state)
        again = {"due_at": said.until} if said.until else {}
        move(conn, how, touch.c.id.in_(ids_of(ids)), reason=said.reason, verdicts=said.words, decided_at=now, **again)
        if said.reason in _LEAVE:
            enrolled = conn.execute(select(touch.c.enrolment_id).where(touch.c.id.in_(ids_of(ids)))).scalars()
            Turn(conn, version, now).leave(list(enrolled), said.reason)


def _passed(verdicts: dict[int, Verdict]) -> list[int]:
    return [touch_id for touch_id, said in verdicts.items() if said.state is None]


def _take(
    conn: Connection,
    verdicts: dict[int, Verdict],
    lease: Lease,
    template_id: int | None,
    now: datetime,
    more: Mapping[str, ColumnElement[Any]],
) -> list[int]:
    """Claim those that passed. Returns which, in order: none that somebody else has ended meanwhile."""
    passed = _passed(verdicts)
    if not passed:
        return []
    claiming = moving(
        CLAIM,
        touch.c.id.in_(ids_of(passed)),
        claim=lease.token,
        lease_until=lease.until,
        template_id=template_id,
        verdicts=verdicts[passed[0]].words,  # all alike: every gate passed
        decided_at=now,
        **more,
    )
    return sorted(conn.execute(claiming.returning(touch.c.id)).scalars())
