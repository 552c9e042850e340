"""Many rows at once, by the fastest way each database has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

T = TypeVar("T")
# Values in one list of a statement: SQLite takes some 32,000 of them, PostgreSQL 65,000.
_AT_ONCE = 5_000


def slices(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in parts that one statement can name."""
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


# So many new rows make PostgreSQL's statistics wrong enough to matter.
_MANY = 10_000
_TABLES = "customer, consent, consent_state, product, event, event_item, tally, list_member"


def gather_statistics(conn: Connection, new_rows: int) -> None:
    """Let PostgreSQL look at what many new rows look like.

    By itself it does so a minute later or more, and until then plans as if the tables were empty: a query that takes
    a second took five minutes right after an import.
    """
    if new_rows >= _MANY and conn.dialect.name == "postgresql":
        conn.exec_driver_sql(f"ANALYZE {_TABLES}")


def insert_rows(conn: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert plain values (no instants, no JSON) as they are: COPY on PostgreSQL, prepared inserts on SQLite."""
    if not rows:
        return
    names = ", ".join(columns)
    if conn.dialect.name == "postgresql":
        cursor = conn.connection.cursor()
        with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    conn.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(rows))
