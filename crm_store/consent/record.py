"""Writing consents and suppressions. The history only grows; nothing here makes anybody subscribed again by accident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, Insert, case, select

from crm_store.changes import mark, mark_those
from crm_store.dialect import insert, insert_on
from crm_store.schema import consent, consent_state, customer, suppression

STATES = ("given", "pending", "withdrawn", "lapsed")
# Between two of the same instant the more restrictive one stands.
RESTRAINT = {"given": 0, "pending": 1, "lapsed": 2, "withdrawn": 3}
REFUSED = ("withdrawn", "lapsed")
ConsentKey: TypeAlias = tuple[int, str, str, datetime, str]  # customer, channel, topic, instant, state


@dataclass(frozen=True)
class ConsentFact:
    """A consent as it was given, withdrawn or lapsed at an instant."""

    customer_id: int
    channel: str
    topic: str
    state: str
    at: datetime
    source: str
    basis: str | None = None
    proof: str | None = None

    @property
    def key(self) -> ConsentKey:
        """What makes it one fact: the history has each once."""
        return self.customer_id, self.channel, self.topic, self.at, self.state


def record_consents(conn: Connection, facts: Sequence[ConsentFact], recorded_at: datetime) -> int:
    """Append the facts that are new to the history and bring the current state up to date. Returns how many were new.

    The customers' rows are locked first, as the claim locks them: who has opted out is not claimed afterwards.
    """
    if not facts:
        return 0
    _lock(conn, customer.c.id.in_({fact.customer_id for fact in facts}))
    rows = [{**vars(fact), "recorded_at": recorded_at} for fact in facts]
    statement = insert(conn, consent).on_conflict_do_nothing().returning(consent.c.id)
    new = len(conn.execute(statement, rows).all())
    _bring_up_to_date(conn, facts)
    mark(conn, sorted({fact.customer_id for fact in facts}))
    return new


def _bring_up_to_date(conn: Connection, facts: Sequence[ConsentFact]) -> None:
    latest: dict[tuple[int, str, str], ConsentFact] = {}
    for fact in sorted(facts, key=lambda fact: (fact.at, RESTRAINT[fact.state])):
        latest[(fact.customer_id, fact.channel, fact.topic)] = fact
    columns = ("customer_id", "channel", "topic", "state", "at")
    rows = [{name: getattr(fact, name) for name in columns} for fact in latest.values()]
    conn.execute(_standing(conn.dialect.name), rows)


@cache
def _standing(dialect: str) -> Insert:
    statement = insert_on(dialect, consent_state)
    new, restraint = statement.excluded, case(RESTRAINT, value=consent_state.c.state, else_=0)
    newer = (new.at > consent_state.c.at) | (
        (new.at == consent_state.c.at) & (case(RESTRAINT, value=new.state, else_=0) >= restraint)
    )
    made: Insert = statement.on_conflict_do_update(
        index_elements=["customer_id", "channel", "topic"], set_={"state": new.state, "at": new.at}, where=newer
    )
    return made


def recorded(conn: Connection, customer_ids: Sequence[int]) -> set[ConsentKey]:
    """The keys of all facts in these customers' histories. Locks the customers: nobody opts out while this is looked at."""
    _lock(conn, customer.c.id.in_(customer_ids))
    keys = consent.c.customer_id, consent.c.channel, consent.c.topic, consent.c.at, consent.c.state
    found = conn.execute(select(*keys).where(consent.c.customer_id.in_(customer_ids)))
    return {(row[0], row[1], row[2], row[3], row[4]) for row in found}


@dataclass
class History:
    """What was ever said by some customers, and what of more may be taken: consent that was ever withdrawn or lapsed is
    not given back by a later record. It grows as facts are taken."""

    known: set[ConsentKey]
    barred: set[tuple[int, str, str]]

    @classmethod
    def of(cls, conn: Connection, customer_ids: Sequence[int]) -> History:
        known = recorded(conn, customer_ids)
        return cls(known, {key[:3] for key in known if key[-1] in REFUSED})

    def take(self, facts: Sequence[ConsentFact]) -> tuple[list[ConsentFact], list[ConsentFact]]:
        """Of what one record says: the facts that are new and may be taken, and those that may not."""
        new = [fact for fact in facts if fact.key not in self.known]
        kept = [fact for fact in new if fact.state in REFUSED or fact.key[:3] not in self.barred]
        self.known |= {fact.key for fact in kept}
        self.barred |= {fact.key[:3] for fact in kept if fact.state in REFUSED}
        return kept, [fact for fact in new if fact not in kept]


@dataclass(frozen=True)
class SuppressionFact:
    """An address nobody may be written to; `address` in its normal form."""

    channel: str
    address: str
    reason: str
    source: str
    at: datetime


def suppress(conn: Connection, facts: Sequence[SuppressionFact]) -> None:
    """Add to the list of suppressed addresses; the first record of a reason stands. Locks whose addresses they are."""
    if facts:
        _lock(conn, customer.c.email_key.in_({fact.address for fact in facts}))
        conn.execute(insert(conn, suppression).on_conflict_do_nothing(), [vars(fact) for fact in facts])
        mark_those(conn, customer.c.email_key.in_({fact.address for fact in facts}))


def _lock(conn: Connection, whom: ColumnElement[bool]) -> None:
    """Lock customers' rows, in one order, until the transaction ends. On SQLite the transaction has locked everything."""
    rows = select(customer.c.id).where(whom).order_by(customer.c.id)
    conn.execute(rows.with_for_update(key_share=True)).all()
