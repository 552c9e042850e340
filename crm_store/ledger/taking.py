"""What takes room under a cap, a pace or a rate: touches that are claimed and may have left, and when they were claimed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, func, literal, literal_column, select

from crm_store.ledger.states import CLAIMED, DISPATCHED, IN_DOUBT, SENT
from crm_store.schema import touch
from crm_store.schema.types import Instant, Words

UNDER_WAY = (CLAIMED, DISPATCHED, IN_DOUBT)
TAKING = (*UNDER_WAY, SENT)


def in_state(table: FromClause, *states: str) -> ColumnElement[bool]:
    """In the words of the partial indexes: with bound values SQLite does not find them and looks at every touch."""
    words: list[ColumnElement[str]] = [literal_column(f"'{state}'") for state in states]
    return table.c.state == words[0] if len(words) == 1 else table.c.state.in_(words)


def claimed_in(table: FromClause) -> ColumnElement[Any]:
    """When touches of a table like `touch` were claimed, by business time. One that was never claimed here was proved by an
    event of its provider's."""
    return func.coalesce(table.c.decided_at, table.c.sent_at, table.c.due_at, type_=Instant())


claimed_at = claimed_in(touch)


def take_turn(conn: Connection, what: str) -> None:
    """On PostgreSQL: whoever else counts the same waits until we have committed. SQLite has one writer."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(literal(what, Words), 0))))
