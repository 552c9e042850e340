"""From claim to answer: dispatch names the request before its first byte leaves; what comes back settles its touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, bindparam, select, update

from crm_store.dialect import insert
from crm_store.errors import StoreError
from crm_store.ledger.claim import Claim
from crm_store.ledger.states import CLAIMED, DISPATCHED, DUE, FAILED, IN_DOUBT, SENT
from crm_store.schema import request, touch, touch_values
from crm_store.store import assert_durable, machine_now

RETRY_AFTER = timedelta(minutes=1)
ATTEMPTS = 5


class LeaseLost(StoreError):
    """The claim ran out before it was dispatched: somebody else may have these touches now; nothing was sent."""


@dataclass(frozen=True)
class Request:
    """One call of a provider."""

    id: str
    channel: str
    provider: str
    body_hash: str
    packed: Mapping[int, bytes]  # touch id -> the values its mail uses


def dispatch(conn: Connection, claimed: Claim, named: Request) -> None:
    """Commit that the request is about to leave. Raises LeaseLost, having written nothing, if the claim is not ours now."""
    assert_durable(conn)
    clock = machine_now(conn)
    row = {"id": named.id, "channel": named.channel, "provider": named.provider, "touches": len(named.packed)}
    conn.execute(insert(conn, request), {**row, "body_hash": named.body_hash, "dispatched_at": clock})
    ours = touch.c.id.in_(list(named.packed)), touch.c.state == CLAIMED, touch.c.claim == claimed.token
    moved = conn.execute(
        update(touch).where(*ours, touch.c.lease_until > clock).values(state=DISPATCHED, request_id=named.id)
    ).rowcount
    if moved != len(named.packed):
        raise LeaseLost(f"the lease of {len(named.packed) - moved} touches ran out before they were sent; they stay due")
    _keep_values(conn, named.packed)


def _keep_values(conn: Connection, packed: Mapping[int, bytes]) -> None:
    statement = insert(conn, touch_values)
    statement = statement.on_conflict_do_update(index_elements=["touch_id"], set_={"packed": statement.excluded.packed})
    conn.execute(statement, [{"touch_id": touch_id, "packed": values} for touch_id, values in packed.items()])


@dataclass(frozen=True)
class Refusal:
    """A touch that was definitely not accepted; `permanent` if another try can't help, else due again `after` so long.

    `gives_up`: the fifth such answer ends it. An answer that is no fault of the mail must not: it stays due to its expiry.
    """

    reason: str
    permanent: bool
    after: timedelta = RETRY_AFTER
    gives_up: bool = True


@dataclass(frozen=True)
class Answer:
    """What became of a request's touches: accepted (the provider's id), definitely refused, or in doubt (a reason)."""

    accepted: Mapping[int, str] = field(default_factory=dict)
    refused: Mapping[int, Refusal] = field(default_factory=dict)
    doubtful: Mapping[int, str] = field(default_factory=dict)
    stopped: str | None = None  # the channel takes nothing at present: a line for a person

    def word(self) -> str:
        return f"{len(self.accepted)} accepted, {len(self.refused)} refused, {len(self.doubtful)} in doubt"


def settle(conn: Connection, request_id: str, answer: Answer, now: datetime) -> None:
    """Write the answer to a request that was sent as of `now`. Only touches that are still dispatched under it change."""
    clock = machine_now(conn)
    _accept(conn, request_id, answer.accepted, now)
    for touch_id, reason in answer.doubtful.items():
        _end(conn, request_id, [touch_id], {"state": IN_DOUBT, "reason": reason})
    for touch_id, refusal in answer.refused.items():
        _refuse(conn, request_id, touch_id, refusal, clock)
    conn.execute(update(request).where(request.c.id == request_id).values(answered_at=clock, answer=answer.word()))


def _accept(conn: Connection, request_id: str, accepted: Mapping[int, str], now: datetime) -> None:
    ours = touch.c.id == bindparam("touch"), touch.c.request_id == request_id, touch.c.state == DISPATCHED
    sent = {"state": SENT, "message_id": bindparam("message"), "sent_at": now, "lease_until": None}
    if accepted:
        rows = [{"touch": touch_id, "message": message_id} for touch_id, message_id in accepted.items()]
        conn.execute(update(touch).where(*ours).values(sent), rows)


def _end(conn: Connection, request_id: str, ids: Sequence[int], values: Mapping[str, object]) -> None:
    ours = touch.c.request_id == request_id, touch.c.state == DISPATCHED
    conn.execute(update(touch).where(touch.c.id.in_(ids), *ours).values({**values, "lease_until": None}))


def _refuse(conn: Connection, request_id: str, touch_id: int, refusal: Refusal, clock: datetime) -> None:
    if refusal.permanent:
        _end(conn, request_id, [touch_id], {"state": FAILED, "reason": refusal.reason})
        return
    again = {"state": DUE, "reason": refusal.reason, "retry_at": clock + refusal.after, "attempt": touch.c.attempt + 1}
    if refusal.gives_up:
        tried = touch.c.id == touch_id, touch.c.attempt >= ATTEMPTS, touch.c.request_id == request_id
        conn.execute(update(touch).where(*tried, touch.c.state == DISPATCHED).values(state=FAILED, reason="gave_up"))
    _end(conn, request_id, [touch_id], again)


def fail(conn: Connection, claimed: Claim, ids: Sequence[int], reason: str) -> None:
    """Claimed touches that can't be made into mails end here, alone."""
    ours = touch.c.id.in_(ids), touch.c.claim == claimed.token, touch.c.state == CLAIMED
    conn.execute(update(touch).where(*ours).values(state=FAILED, reason=reason, lease_until=None))


def give_back(conn: Connection, claimed: Claim) -> None:
    """Claimed touches that were not dispatched are due again."""
    ours = touch.c.claim == claimed.token, touch.c.state == CLAIMED
    conn.execute(update(touch).where(*ours).values(state=DUE, claim=None, lease_until=None))


def release(conn: Connection, campaign: str | None) -> int:
    """Claimed touches whose lease is gone provably never left: they are due again. Of one campaign or all; how many."""
    gone = _gone(conn, campaign, CLAIMED)
    return conn.execute(update(touch).where(*gone).values(state=DUE, claim=None, lease_until=None)).rowcount


@dataclass(frozen=True)
class Unanswered:
    """Touches of one request that are still dispatched though their lease is gone: nobody waits for their answer."""

    request_id: str
    channel: str
    provider: str
    definition_id: int
    sent_at: datetime  # business time
    touch_ids: tuple[int, ...]


def unanswered(conn: Connection, campaign: str | None) -> list[Unanswered]:
    """The requests whose answers are lost, of one campaign or all."""
    named = request.c.id, request.c.channel, request.c.provider, touch.c.definition_id, touch.c.decided_at
    chosen = select(*named, touch.c.id.label("touch_id")).join(request, request.c.id == touch.c.request_id)
    rows = conn.execute(chosen.where(*_gone(conn, campaign, DISPATCHED)).order_by(touch.c.id)).all()
    found: dict[tuple[str, str, str, int, datetime], list[int]] = {}
    for *parts, touch_id in rows:
        found.setdefault(cast(Any, tuple(parts)), []).append(touch_id)
    return [Unanswered(*key, touch_ids=tuple(ids)) for key, ids in found.items()]


def left_behind(conn: Connection) -> set[str]:
    """The campaigns with touches whose lease is gone."""
    gone = touch.c.state.in_((CLAIMED, DISPATCHED)), touch.c.lease_until <= machine_now(conn)
    return set(conn.execute(select(touch.c.campaign).where(*gone).distinct()).scalars())


def _gone(conn: Connection, campaign: str | None, state: str) -> list[ColumnElement[bool]]:
    tests = [touch.c.state == state, touch.c.lease_until <= machine_now(conn)]
    return tests if campaign is None else [*tests, touch.c.campaign == campaign]
