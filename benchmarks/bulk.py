"""Rows into a store faster than any intake: without foreign keys, syncs or indexes, which are made again at the end."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from sqlalchemy import Table, make_url

from crm_store.schema import METADATA

SLICE = 200_000
_PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "temp_store = MEMORY", "threads = 2")
Columns = Mapping[str, Any]  # a sequence, an array, or one value for all rows


class Bulk(Protocol):
    """An open store to be filled."""

    def rows(self, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None: ...

    def run(self, statement: str) -> None: ...


def load(bulk: Bulk, table: Table, size: int, columns: Callable[[slice], Columns]) -> None:
    """`size` rows; `columns(part)` gives the columns of a part of them."""
    for start in range(0, size, SLICE):
        part = slice(start, min(size, start + SLICE))
        found = columns(part)
        count = part.stop - part.start
        bulk.rows(table, list(found), zip(*(_values(one, count) for one in found.values()), strict=True))


def _values(column: Any, count: int) -> Sequence[Any]:
    if isinstance(column, np.ndarray):
        return column.tolist()  # type: ignore[no-any-return]  # numpy can't say of what
    return column if isinstance(column, list) else [column] * count


@contextmanager
def filling(url: str) -> Iterator[Bulk]:
    """The store, without its indexes until all is in."""
    opened = _sqlite(url) if url.startswith("sqlite") else _postgres(url)
    with opened as (bulk, indexes):
        for name in indexes:
            bulk.run(f"DROP INDEX {name}")
        yield bulk
        for statement in indexes.values():
            bulk.run(statement)
        bulk.run("ANALYZE")


class _Sqlite:
    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def rows(self, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        marks = ", ".join("?" for _ in names)
        self._conn.executemany(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})", rows)

    def run(self, statement: str) -> None:
        self._conn.execute(statement)


@contextmanager
def _sqlite(url: str) -> Iterator[tuple[Bulk, dict[str, str]]]:
    conn = sqlite3.connect(Path(url.removeprefix("sqlite:///")), isolation_level=None)
    for pragma in _PRAGMAS:
        conn.execute(f"PRAGMA {pragma}")
    found = conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    indexes = {name: statement for name, statement in found.fetchall() if _is_ours(name)}
    conn.execute("BEGIN")
    yield _Sqlite(conn), indexes
    conn.execute("COMMIT")
    conn.execute("PRAGMA journal_mode = WAL")
    conn.close()


class _Postgres:
    def __init__(self, conn: Any) -> None:
        self._conn = conn

    def rows(self, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)  # None becomes an empty field, which COPY takes for NULL
        with self._conn.cursor().copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN (FORMAT csv)") as copy:
            copy.write(text.getvalue())

    def run(self, statement: str) -> None:
        self._conn.execute(statement)


@contextmanager
def _postgres(url: str) -> Iterator[tuple[Bulk, dict[str, str]]]:
    import psycopg

    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(False), autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")  # no look-up of a foreign key per row
        conn.execute("SET synchronous_commit = off")
        conn.execute("SET maintenance_work_mem = '512MB'")
        found = conn.execute("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()").fetchall()
        yield _Postgres(conn), {name: statement for name, statement in found if _is_ours(name)}
        _count_on(conn)
        conn.execute("VACUUM ANALYZE")


def _count_on(conn: Any) -> None:
    """Row numbers go on after those that were given."""
    for table in METADATA.sorted_tables:
        if "id" in table.c and table.c.id.type.python_type is int:
            sequence = conn.execute("SELECT pg_get_serial_sequence(%s, 'id')", (table.name,)).fetchone()[0]
            if sequence:
                conn.execute(f"SELECT setval('{sequence}', (SELECT coalesce(max(id), 0) + 1 FROM {table.name}), false)")


def _is_ours(index: str) -> bool:
    """Whether it is an index alone: constraints keep theirs."""
    return index.startswith("ix_")
