"""From claim to answer: dispatch names the request before its first byte leaves; what comes back settles its touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, literal, update

from crm_store.dialect import insert
from crm_store.errors import StoreError
from crm_store.ledger.claim import Claim
from crm_store.ledger.states import CLAIMED, DISPATCHED, DUE, FAILED, IN_DOUBT, SENT
from crm_store.schema import request, touch, touch_values
from crm_store.schema.types import Words
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
    """A touch that was definitely not accepted; `permanent` if another try can't help."""

    reason: str
    permanent: bool


@dataclass(frozen=True)
class Answer:
    """What became of a request's touches: accepted (the provider's id), definitely refused, or in doubt (a reason)."""

    accepted: Mapping[int, str] = field(default_factory=dict)
    refused: Mapping[int, Refusal] = field(default_factory=dict)
    doubtful: Mapping[int, str] = field(default_factory=dict)

    def word(self) -> str:
        return f"{len(self.accepted)} accepted, {len(self.refused)} refused, {len(self.doubtful)} in doubt"


def settle(conn: Connection, request_id: str, answer: Answer, now: datetime) -> None:
    """Write the answer to a request. Only touches that are still dispatched under it change."""
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
    again = {"state": DUE, "reason": refusal.reason, "retry_at": clock + RETRY_AFTER, "attempt": touch.c.attempt + 1}
    given_up = touch.c.id == touch_id, touch.c.attempt >= ATTEMPTS, touch.c.request_id == request_id
    conn.execute(update(touch).where(*given_up, touch.c.state == DISPATCHED).values(state=FAILED, reason="gave_up"))
    _end(conn, request_id, [touch_id], again)


def fail(conn: Connection, claimed: Claim, ids: Sequence[int], reason: str) -> None:
    """Claimed touches that can't be made into mails end here, alone."""
    ours = touch.c.id.in_(ids), touch.c.claim == claimed.token, touch.c.state == CLAIMED
    conn.execute(update(touch).where(*ours).values(state=FAILED, reason=reason, lease_until=None))


def give_back(conn: Connection, claimed: Claim) -> None:
    """Claimed touches that were not dispatched are due again."""
    ours = touch.c.claim == claimed.token, touch.c.state == CLAIMED
    conn.execute(update(touch).where(*ours).values(state=DUE, claim=None, lease_until=None))


@dataclass(frozen=True)
class Recovered:
    """What expired leases led to."""

    due_again: int
    in_doubt: int


def recover(conn: Connection) -> Recovered:
    """Touches whose lease is gone: claimed ones provably never left and are due again; dispatched ones are in doubt."""
    clock = machine_now(conn)
    gone = touch.c.lease_until <= clock
    due = update(touch).where(touch.c.state == CLAIMED, gone).values(state=DUE, claim=None, lease_until=None)
    doubt = update(touch).where(touch.c.state == DISPATCHED, gone)
    doubt = doubt.values(state=IN_DOUBT, reason=literal("lease", Words), lease_until=None)
    return Recovered(conn.execute(due).rowcount, conn.execute(doubt).rowcount)
