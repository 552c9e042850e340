"""The claim: the last look and the lease, in one transaction that has the customers' rows locked, as an opt-out has."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from crm_store import definitions
from crm_store.content.accounts import USUAL_LIMITS, Limits
from crm_store.errors import StoreError
from crm_store.journeys.context import Runnable
from crm_store.journeys.published import current, currents, runnable
from crm_store.journeys.steps import FollowUp, Send
from crm_store.journeys.turn import Turn
from crm_store.ledger import accounts
from crm_store.ledger.brake import claim_beside_others
from crm_store.ledger.capping import uncapped
from crm_store.ledger.follow_ups import write_tasks
from crm_store.ledger.gates import Verdict, look
from crm_store.ledger.judging import DUE_HOUR, Group, Tests, judge, judge_mails, step_of, turn_of
from crm_store.ledger.offers import issue_offers, offered
from crm_store.ledger.pacing import take_places
from crm_store.ledger.states import DUE
from crm_store.ledger.transitions import BREAK, CANCEL, CLAIM, DO, PUT_OFF, SKIP, move, moving, put_off
from crm_store.many import ids_of
from crm_store.schema import campaign_run, customer, touch
from crm_store.store import assert_durable, machine_now

# Barred for these reasons, a touch takes its enrolment with it.
_LEAVE = ("erased", "ended", "exit")


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
    nothing before that is over. `probe`: its one touch tries an account that is out of order. `written_off`: how many were
    not claimed, by the state they are in now (due: put off). `newest`: whose settings give the way out."""

    token: str
    touch_ids: tuple[int, ...]
    lease_until: datetime
    version: Runnable
    newest: Runnable
    step: Send
    template_id: int
    busy: bool = False
    judged: int = 0
    wait: timedelta = timedelta(0)
    probe: bool = False
    claimed_at: datetime | None = None  # machine time; None where nothing was
    written_off: Mapping[str, int] = field(default_factory=dict)

    @property
    def channel(self) -> str:
        """By which these touches leave."""
        return self.step.message(self.version.campaign).channel


def due_groups(conn: Connection, now: datetime, only: str | None) -> list[Group]:
    """What a claim would take up as of `now`, of one campaign or all; the higher priority first, then by name."""
    chosen = select(touch.c.definition_id, touch.c.campaign, touch.c.step).where(
        touch.c.state == DUE, touch.c.due_at <= now
    )
    if only is not None:
        chosen = chosen.where(touch.c.campaign == only)
    rows = conn.execute(chosen.distinct().order_by(touch.c.campaign, touch.c.definition_id, touch.c.step)).all()
    ranks = {name: -one.campaign.restraint.priority for name, one in currents(conn).items()}
    # What goes first is looked at first: where a pace has no place for it, that is known when the next are looked at.
    rows = sorted(rows, key=lambda row: ranks.get(row.campaign, 0))
    groups = [Group(*row, is_task=isinstance(step_of(conn, *row), FollowUp)) for row in rows]
    clock = machine_now(conn)
    takes = accounts.takes_mails(touch.c.channel, clock)
    return [group for group in groups if _any_left(conn, (*turn_of(conn, group, now, clock), takes))]


def waiting(conn: Connection, group: Group, now: datetime, most: int) -> int:
    """How many touches of the group are due as of `now`, as far as `most`."""
    chosen = _pick(turn_of(conn, group, now, machine_now(conn))).limit(most).subquery()
    return int(conn.execute(select(func.count()).select_from(chosen)).scalar_one())


def claim(conn: Connection, worker: Worker, group: Group, now: datetime, size: int, new_codes: Iterator[str]) -> Claim:
    """Judge up to `size` due touches of a group, fewer if the account takes no more, and claim those that pass every gate.

    Everything is as of `now` but the lease and the account, which go by machine time. `new_codes` are for offers.
    """
    assert_durable(conn)
    claim_beside_others(conn)
    version, step, template_id = _what(conn, group)
    newest = current(conn, version.campaign.name)
    channel, length = step.message(version.campaign).channel, version.settings.delivery.lease
    limits = worker.limits.get(channel, USUAL_LIMITS)
    accounts.ensure_account(conn, channel)
    clock = machine_now(conn)
    given = accounts.permit(conn, channel, limits, worker.name, length, size, clock)
    lease = Lease(secrets.token_hex(8), clock + length)
    turn = turn_of(conn, group, now, clock)
    if not given.size:
        wait = given.wait if _any_left(conn, turn) else timedelta(0)
        return Claim(lease.token, (), lease.until, version, newest, step, template_id, wait=wait)
    picked = _locked(conn, _pick(turn), given.size)
    judged = judge_mails(conn, group, look(conn, version, now, step), step, picked, clock)
    verdicts = uncapped(conn, version, step, judged, now)
    _write_off(conn, version, verdicts, now)
    # Codes first, for the claim to write: if somebody else ends a touch just now, its code waits for the enrolment's next.
    issue_offers(conn, version, step, _passed(verdicts), now, new_codes)
    passed = _take(conn, verdicts, lease, template_id, now, offered(version, step))
    take_places(conn, version, step, lease.token, len(passed), now)
    accounts.take(conn, channel, limits, given, len(passed), length, clock)
    busy = not picked and _any_left(conn, turn)
    return Claim(
        lease.token, tuple(passed), lease.until, version, newest, step, template_id, busy, len(verdicts),
        probe=given.probe, claimed_at=clock, written_off=_written_off(verdicts),
    )  # fmt: skip


@dataclass(frozen=True)
class Done:
    """What a look at tasks came to. `busy`, `written_off`: as in a Claim."""

    judged: int
    written: int
    failed: int
    busy: bool
    written_off: Mapping[str, int]


def do_tasks(conn: Connection, group: Group, now: datetime, size: int) -> Done:
    """Judge up to `size` due touches of a `follow_up`, and write the tasks of those that pass: they are settled."""
    claim_beside_others(conn)
    version, step = runnable(conn, group.definition_id), step_of(conn, group.definition_id, group.campaign, group.step)
    if not isinstance(step, FollowUp):
        raise StoreError(f"step '{group.step}' of campaign '{group.campaign}' is no task; the store is damaged")
    clock = machine_now(conn)
    turn = turn_of(conn, group, now, clock)
    picked = _locked(conn, _pick(turn), size)
    verdicts = judge(conn, group, look(conn, version, now, step), picked, clock)
    _write_off(conn, version, verdicts, now)
    lease = Lease(secrets.token_hex(8), clock + version.settings.delivery.lease)
    passed = _take(conn, verdicts, lease, None, now, {})
    tasks = step.tasks(conn, version, passed)
    good = {touch_id: task for touch_id, task in tasks.items() if task is not None}
    write_tasks(conn, good, now)
    move(conn, DO, touch.c.id.in_(ids_of(good)), sent_at=now)
    move(conn, BREAK, touch.c.id.in_(ids_of(tasks.keys() - good.keys())), reason="no_date")
    busy = not picked and _any_left(conn, turn)
    return Done(len(verdicts), len(good), len(tasks) - len(good), busy, _written_off(verdicts))


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


def _pick(turn: Tests) -> Select[Any]:
    """Those due longest first, to the hour."""
    chosen = select(touch.c.id).join(campaign_run, campaign_run.c.id == touch.c.run_id)
    return chosen.where(*turn).order_by(DUE_HOUR, touch.c.id)


def _any_left(conn: Connection, turn: Tests) -> bool:
    return conn.execute(_pick(turn).limit(1)).first() is not None


def _locked(conn: Connection, picked: Select[Any], most: int) -> list[int]:
    """Up to so many touches whose customers' rows could be locked; those that others hold are passed over, so that two
    workers claim beside each other. On SQLite the transaction has locked everything."""
    if conn.dialect.name == "postgresql":
        picked = picked.join(customer, customer.c.id == touch.c.customer_id)
        picked = picked.with_for_update(key_share=True, skip_locked=True, of=customer)
    return list(conn.execute(picked.limit(most)).scalars())


def _write_off(conn: Connection, version: Runnable, verdicts: dict[int, Verdict], now: datetime) -> None:
    """End the barred touches, or put them off; an exit seen here ends the enrolment too."""
    alike: dict[Verdict, dict[int, datetime | None]] = {}
    for touch_id, said in verdicts.items():
        if said.state is not None:
            alike.setdefault(said._replace(until=None), {})[touch_id] = said.until
    for said, until in alike.items():
        how = next(one for one in (SKIP, CANCEL, PUT_OFF) if one.target == said.state)
        values: dict[str, Any] = {"reason": said.reason, "verdicts": said.words, "decided_at": now}
        if how is PUT_OFF:
            put_off(conn, {touch_id: at for touch_id, at in until.items() if at is not None}, **values)
        else:
            move(conn, how, touch.c.id.in_(ids_of(until)), **values)
        if said.reason in _LEAVE:
            enrolled = conn.execute(select(touch.c.enrolment_id).where(touch.c.id.in_(ids_of(until)))).scalars()
            Turn(conn, version, now).leave(list(enrolled), said.reason)


def _written_off(verdicts: dict[int, Verdict]) -> Mapping[str, int]:
    return Counter(said.state for said in verdicts.values() if said.state is not None)


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
