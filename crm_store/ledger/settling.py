"""What came of a request, or what its silence means: a few statements for each, however many touches it has."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from sqlalchemy import BigInteger, ColumnElement, Connection, func, select, update
from sqlalchemy import cast as sql_cast

from crm_store.dialect import unindexed
from crm_store.ledger import accounts
from crm_store.ledger.dispatch import ATTEMPTS, Answer, Refusal
from crm_store.ledger.refusals import keep_refusals
from crm_store.ledger.states import CLAIMED, DISPATCHED
from crm_store.ledger.taking import in_state
from crm_store.ledger.transitions import ACCEPT, DOUBT, FAIL, GIVE_BACK, REFUSE, move, moving
from crm_store.many import ids_of, pairs
from crm_store.schema import request, touch
from crm_store.store import machine_now

Value = TypeVar("Value", bound=Hashable)
_LEASED = in_state(touch, CLAIMED, DISPATCHED)


def settle(conn: Connection, request_id: str, answer: Answer, now: datetime) -> None:
    """Write the answer to a request that was sent as of `now`. Only touches that are still under it change, those that
    have come into doubt meanwhile among them."""
    clock = machine_now(conn)
    _keep_refusals(conn, request_id, answer)
    _accept(conn, request_id, answer.accepted, now)
    for reason, ids in _by_value(answer.doubtful).items():
        move(conn, DOUBT, *_under(request_id, ids), reason=reason, doubt_since=clock)
    for refusal, ids in _by_value(answer.refused).items():
        _refuse(conn, request_id, ids, refusal, clock)
    ours = request.c.id == request_id
    answered = update(request).where(ours).values(answered_at=clock, answer=answer.word())
    channel, dispatched_at = conn.execute(answered.returning(request.c.channel, request.c.dispatched_at)).one()
    _tell_account(conn, channel, dispatched_at, answer, clock)


def _keep_refusals(conn: Connection, request_id: str, answer: Answer) -> None:
    refused = {touch_id: one.reason for touch_id, one in answer.refused.items()}
    said = _by_value({**refused, **{touch_id: f"in doubt: {why}" for touch_id, why in answer.doubtful.items()}})
    keep_refusals(conn, request_id, {why: touch.c.id.in_(ids_of(ids)) for why, ids in said.items()})


def _by_value(found: Mapping[int, Value]) -> dict[Value, list[int]]:
    groups: dict[Value, list[int]] = {}
    for touch_id, value in found.items():
        groups.setdefault(value, []).append(touch_id)
    return groups


def _under(request_id: str, ids: list[int]) -> tuple[ColumnElement[bool], ...]:
    return touch.c.id.in_(ids_of(ids)), touch.c.request_id == request_id


def _accept(conn: Connection, request_id: str, accepted: Mapping[int, str], now: datetime) -> None:
    if not accepted:
        return
    given = pairs(conn, accepted)
    # By the request's index SQLite would read all its touches for each of them.
    same = touch.c.id == sql_cast(given.c.key, BigInteger), unindexed(touch.c.request_id) == request_id
    conn.execute(moving(ACCEPT, *same, message_id=given.c.value, sent_at=now))


def _refuse(conn: Connection, request_id: str, ids: list[int], refusal: Refusal, clock: datetime) -> None:
    ours = _under(request_id, ids)
    if refusal.permanent:
        move(conn, FAIL, *ours, reason=refusal.reason)
        return
    if refusal.gives_up:
        move(conn, FAIL, *ours, touch.c.attempt >= ATTEMPTS, reason="gave_up")
    again = {"reason": refusal.reason, "retry_at": clock + refusal.after, "attempt": touch.c.attempt + 1}
    move(conn, REFUSE, *ours, **again)


def _tell_account(conn: Connection, name: str, dispatched_at: datetime, answer: Answer, clock: datetime) -> None:
    """What the answer says of the account: it may be out of order, in order again, or blocked."""
    if answer.doubtful:
        accounts.unanswered_by(conn, name, dispatched_at, clock)
    elif answer.accepted or any(refusal.permanent for refusal in answer.refused.values()):
        accounts.answered(conn, name, dispatched_at)
    if answer.wait is not None:
        accounts.block(conn, name, clock + answer.wait)


def release(conn: Connection, campaign: str | None) -> int:
    """Claimed touches whose lease is gone provably never left: they are due again. Of one campaign or all; how many."""
    return move(conn, GIVE_BACK, *_gone(conn, campaign), claim=None)


@dataclass(frozen=True)
class Unanswered:
    """Touches of one request that are still dispatched though their lease is gone: nobody waits for their answer."""

    request_id: str
    channel: str
    provider: str
    definition_id: int
    way_out_id: int  # the version whose settings said by which way out they leave
    step: str
    sent_at: datetime  # business time
    touch_ids: tuple[int, ...]


def unanswered(conn: Connection, campaign: str | None) -> list[Unanswered]:
    """The requests whose answers are lost, of one campaign or all."""
    way_out_id = func.coalesce(request.c.definition_id, touch.c.definition_id)
    named = request.c.id, request.c.channel, request.c.provider, touch.c.definition_id, way_out_id, touch.c.step
    chosen = select(*named, touch.c.decided_at, touch.c.id.label("touch_id")).join(
        request, request.c.id == touch.c.request_id
    )
    lost = touch.c.state == DISPATCHED, *_gone(conn, campaign)
    rows = conn.execute(chosen.where(*lost).order_by(touch.c.id)).all()
    found: dict[tuple[str, str, str, int, int, str, datetime], list[int]] = {}
    for *parts, touch_id in rows:
        found.setdefault(cast(Any, tuple(parts)), []).append(touch_id)
    return [Unanswered(*key, touch_ids=tuple(ids)) for key, ids in found.items()]


def left_behind(conn: Connection) -> set[str]:
    """The campaigns with touches whose lease is gone."""
    return set(conn.execute(select(touch.c.campaign).where(*_gone(conn, None)).distinct()).scalars())


@dataclass(frozen=True)
class InHand:
    """Touches that senders have in hand, by state, of which campaigns, and until when the last of their leases lasts
    (machine time)."""

    counts: Mapping[str, int]
    campaigns: tuple[str, ...]
    until: datetime


def in_hand(conn: Connection) -> InHand | None:
    """What is claimed or dispatched, whether its sender is still at it or was killed; None where nothing is."""
    counted = select(touch.c.campaign, touch.c.state, func.count(), func.max(touch.c.lease_until)).where(_LEASED)
    rows = conn.execute(counted.group_by(touch.c.campaign, touch.c.state)).all()
    if not rows:
        return None
    counts = {state: sum(row[2] for row in rows if row.state == state) for state in (CLAIMED, DISPATCHED)}
    campaigns = sorted({row.campaign for row in rows})
    there = {state: count for state, count in counts.items() if count}
    return InHand(there, tuple(campaigns), max(row[3] for row in rows))


def _gone(conn: Connection, campaign: str | None) -> list[ColumnElement[bool]]:
    tests: list[ColumnElement[bool]] = [_LEASED, touch.c.lease_until <= machine_now(conn)]
    return tests if campaign is None else [*tests, unindexed(touch.c.campaign) == campaign]
