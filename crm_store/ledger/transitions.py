"""Every way a touch's state may change: the one place that changes it, many touches at a time.

A move changes only touches that are in one of its `sources` when the statement runs, whatever was read before; how many
it changed is the count that callers go by. Touches are made by `write.py`, as due, skipped or in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Update, cast, select, type_coerce, update

from crm_store.clock import micros
from crm_store.ledger import placing
from crm_store.ledger.states import CANCELLED, CLAIMED, DISPATCHED, DUE, FAILED, IN_DOUBT, SENT, SKIPPED
from crm_store.ledger.taking import TAKING
from crm_store.many import pairs
from crm_store.schema import touch
from crm_store.schema.types import Instant


@dataclass(frozen=True)
class Move:
    """A change of state, and when it happens."""

    sources: tuple[str, ...]
    target: str
    when: str

    @property
    def frees(self) -> bool:
        """Whether it gives back the place of a pace that the touch has taken."""
        return self.target not in TAKING and any(source in TAKING for source in self.sources)


SKIP = Move((DUE,), SKIPPED, "decided at the claim, or at its expiry while nobody claimed it")
CANCEL = Move((DUE,), CANCELLED, "decided before the claim: a person, a change, an exit")
PUT_OFF = Move((DUE,), DUE, "kept back for now, or no longer: its instant changes")
CLAIM = Move((DUE,), CLAIMED, "every gate passed; a lease is taken")
GIVE_BACK = Move((CLAIMED,), DUE, "it was claimed and provably never left: given back, or its lease is gone")
BREAK = Move((CLAIMED,), FAILED, "it can't be made into a mail, or a task")
DO = Move((CLAIMED,), SENT, "it is a task for a person, and is written")
DISPATCH = Move((CLAIMED,), DISPATCHED, "its request is named; from now on it may have left")
DIVIDE = Move((DISPATCHED,), CLAIMED, "its request was refused whole; it goes again in a smaller one, under the same lease")
# Answers may come after the lease, from a sender that was only slow: they settle doubt as well.
ACCEPT = Move((DISPATCHED, IN_DOUBT), SENT, "the provider accepted it")
REFUSE = Move((DISPATCHED, IN_DOUBT), DUE, "definitely not accepted; it may go again")
FAIL = Move((DISPATCHED, IN_DOUBT), FAILED, "definitely not accepted, and it never will be")
DOUBT = Move((DISPATCHED,), IN_DOUBT, "nobody knows: no answer, or one that says nothing")
PROVE = Move((DUE, CLAIMED, DISPATCHED, IN_DOUBT), SENT, "an event of the provider's proves that it was accepted")
RESTORE = Move((DUE, CLAIMED, DISPATCHED), IN_DOUBT, "the store is a copy: what happened after it was made is unknown")
RESEND = Move((IN_DOUBT,), DUE, "a person orders it sent again")
GIVE_UP = Move((IN_DOUBT,), FAILED, "a person ends the doubt")
RESUME = Move((FAILED,), DUE, "a person has mended what failed it before it left")

MOVES = (
    SKIP,
    CANCEL,
    PUT_OFF,
    CLAIM,
    GIVE_BACK,
    BREAK,
    DO,
    DISPATCH,
    DIVIDE,
    ACCEPT,
    REFUSE,
    FAIL,
    DOUBT,
    PROVE,
    RESTORE,
    RESEND,
    GIVE_UP,
    RESUME,
)
# Who is in one of these states is nobody's: no claim and no lease holds it.
_FREE = (DUE, SENT, SKIPPED, CANCELLED, FAILED, IN_DOUBT)


def moving(how: Move, *which: ColumnElement[bool], **values: Any) -> Update:
    """The UPDATE of a move, for those that want rows back."""
    if how.target in _FREE:
        values = {"lease_until": None, **values}
    tests = [touch.c.state.in_(how.sources), *which]
    return update(touch).where(*tests).values({"state": how.target, "reason": None, **values})


def move(conn: Connection, how: Move, /, *which: ColumnElement[bool], **values: Any) -> int:
    """Change the state of the touches for which all tests hold. Returns how many."""
    if how.frees:
        placing.give_back(conn, select(touch.c.claim).where(touch.c.state.in_(how.sources), *which))
    return conn.execute(moving(how, *which, **values)).rowcount


def put_off(conn: Connection, until: Mapping[int, datetime], /, **values: Any) -> int:
    """PUT_OFF, each of the touches to an instant of its own. Returns how many."""
    given = pairs(conn, {touch_id: str(micros(at)) for touch_id, at in until.items()})
    due_at = type_coerce(cast(given.c.value, BigInteger), Instant())
    return move(conn, PUT_OFF, touch.c.id == cast(given.c.key, BigInteger), due_at=due_at, **values)
