"""Dispatch names the request before its first byte leaves; what is claimed and can't be sent is given back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection, select, update

from crm_store.dialect import insert
from crm_store.errors import StoreError
from crm_store.ledger import accounts
from crm_store.ledger.claim import Claim
from crm_store.ledger.epoch import next_number
from crm_store.ledger.refusals import keep_refusals
from crm_store.ledger.transitions import BREAK, DISPATCH, DIVIDE, GIVE_BACK, move
from crm_store.many import ids_of
from crm_store.schema import request, touch, touch_values
from crm_store.store import assert_durable, machine_now

RETRY_AFTER = timedelta(minutes=1)
ATTEMPTS = 5


class LeaseLost(StoreError):
    """The claim ran out before it was dispatched: somebody else may have these touches now; nothing was sent."""


class AccountHeld(StoreError):
    """The account takes nothing any more since these touches were claimed; nothing was sent."""


@dataclass(frozen=True)
class Request:
    """One call of a provider."""

    id: str
    channel: str
    provider: str
    body_hash: str
    packed: Mapping[int, bytes]  # touch id -> the values its mail uses


def dispatch(conn: Connection, claimed: Claim, named: Request) -> int:
    """Commit that the request is about to leave. Returns the store's number after it (`epoch.py`).

    Raises LeaseLost or AccountHeld, having written nothing, if the claim is not ours now or the account takes nothing.
    """
    assert_durable(conn)
    clock = machine_now(conn)
    if not accounts.may_dispatch(conn, named.channel, claimed.probe, clock):
        raise AccountHeld(f"channel '{named.channel}' takes nothing at present; its touches stay due")
    row = {"id": named.id, "channel": named.channel, "provider": named.provider, "touches": len(named.packed)}
    row |= {"claimed_at": claimed.claimed_at, "dispatched_at": clock, "body_hash": named.body_hash}
    conn.execute(insert(conn, request), {**row, "definition_id": claimed.newest.id})
    ours = touch.c.id.in_(ids_of(named.packed)), touch.c.claim == claimed.token, touch.c.lease_until > clock
    moved = move(conn, DISPATCH, *ours, request_id=named.id)
    if moved != len(named.packed):
        raise LeaseLost(f"the lease of {len(named.packed) - moved} touches ran out before they were sent; they stay due")
    _keep_values(conn, named.packed)
    return next_number(conn)


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
    """What became of a request's touches: accepted (the provider's id), definitely refused, or in doubt (a reason).

    `stopped`: the channel takes nothing until a person has acted, a line for them. `wait`: nothing from this account for
    so long.
    """

    accepted: Mapping[int, str] = field(default_factory=dict)
    refused: Mapping[int, Refusal] = field(default_factory=dict)
    doubtful: Mapping[int, str] = field(default_factory=dict)
    stopped: str | None = None
    wait: timedelta | None = None

    def word(self) -> str:
        return f"{len(self.accepted)} accepted, {len(self.refused)} refused, {len(self.doubtful)} in doubt"


def fail(conn: Connection, claimed: Claim, ids: Sequence[int], reason: str) -> None:
    """Claimed touches that can't be made into mails end here, alone."""
    move(conn, BREAK, touch.c.id.in_(ids_of(ids)), touch.c.claim == claimed.token, reason=reason)


def give_back(conn: Connection, claimed: Claim) -> None:
    """Claimed touches that were not dispatched are due again."""
    move(conn, GIVE_BACK, touch.c.id.in_(ids_of(claimed.touch_ids)), touch.c.claim == claimed.token, claim=None)


def divide(conn: Connection, request_id: str, reason: str) -> bool:
    """A request was refused whole because of some mail in it: its touches are claimed again, to go in smaller ones.

    False if the account has been refused too often in this minute: then nothing was changed.
    """
    clock = machine_now(conn)
    named = conn.execute(select(request.c.channel).where(request.c.id == request_id)).scalar_one()
    if not accounts.count_refusal(conn, named):
        return False
    keep_refusals(conn, request_id, {f"refused whole: {reason}": touch.c.request_id == request_id})
    move(conn, DIVIDE, touch.c.request_id == request_id, touch.c.lease_until > clock)
    answer = {"answered_at": clock, "answer": f"refused whole: {reason}"}
    conn.execute(update(request).where(request.c.id == request_id).values(answer))
    return True
