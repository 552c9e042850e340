"""Many values in one parameter of a statement: bound one by one each number of them is another statement."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from crm_store.dialect import spelled
from crm_store.schema.types import Id, Ids


def pairs(conn: Connection, values: Mapping[int, str]) -> FromClause:
    """A mapping as rows of `key` and `value`, both text, in one parameter: for a statement about many rows at once."""
    given = bindparam("pairs", json.dumps(values), Text(), unique=True)
    columns = column("key", Text()), column("value", Text())
    if conn.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import JSONB

        return func.jsonb_each_text(cast(given, JSONB)).table_valued(*columns).alias("pairs")
    return func.json_each(given).table_valued(*columns).alias("pairs")


class _ValueOf(FunctionElement[int]):
    type = BigInteger()
    inherit_cache = True
    name = "value_of"


@compiles(_ValueOf, "sqlite")
def _value_of_sqlite(element: _ValueOf, compiler: SQLCompiler, **kw: Any) -> str:
    given, key = (compiler.process(one, **kw) for one in element.clauses)
    return f"({given} ->> ({key}))"


@compiles(_ValueOf, "postgresql")
def _value_of_postgresql(element: _ValueOf, compiler: SQLCompiler, **kw: Any) -> str:
    given, key = (compiler.process(one, **kw) for one in element.clauses)
    return f"CAST(CAST({given} AS jsonb) ->> ({key}) AS bigint)"


def value_of(values: str, key: ColumnElement[Any]) -> ColumnElement[int]:
    """SQL: the number under a text key of a mapping, which is given as JSON; NULL where it has none. No key begins with a
    digit or a `$`, which SQLite takes for a place in a list or a path."""
    return _ValueOf(bindparam("values", values, Text(), unique=True), key)


def listed(dialect: str, values: ColumnElement[str]) -> Subquery:
    """Rows of `key` and `value`, both text, for each value of a mapping to lists that is bound as JSON."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import JSONB

        lists: Any = func.jsonb_each(cast(values, JSONB)).table_valued(column("key", Text()), column("value", JSONB))
        each = func.jsonb_array_elements_text(lists.c.value).table_valued("value", joins_implicitly=True)
    else:
        lists = func.json_each(values).table_valued("key", "value")
        each = func.json_each(lists.c.value).table_valued("value", joins_implicitly=True)
    return select(lists.c.key, cast(each.c.value, Text()).label("value")).subquery("listed")


class _IdRows(FunctionElement[int]):
    inherit_cache = True
    name = "id_rows"


spelled(_IdRows, sqlite="json_each({})", postgresql="unnest({})")


def ids_of(ids: Iterable[int]) -> Select[tuple[int]]:
    """A select of these ids: one parameter, however many there are, and one text of the statement."""
    return _selected(literal(ids, Ids()))


def ids_bound(name: str) -> Select[tuple[int]]:
    """The same for a statement that is made once: of the ids that it is given under that name each time."""
    return _selected(bindparam(name, type_=Ids()))


def _selected(ids: ColumnElement[Any]) -> Select[tuple[int]]:
    given = _IdRows(ids)
    # A function's only column has the name of its alias on PostgreSQL, and `value` on SQLite.
    return select(given.table_valued(column("value", Id), name="value").c.value)


class one_of_ids(FunctionElement[bool]):
    """`one_of_ids(column)`: it is one of the row numbers bound as `ids`, all of them in one value.

    Bound one by one a thousand take PostgreSQL 12 ms instead of 2, and each number of them is another statement.
    It has no type: of a boolean SQLAlchemy makes `... = 1` on SQLite, which then reads every row.
    """

    inherit_cache = True
    name = "one_of_ids"

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column, bindparam("ids", type_=Ids()))


@compiles(one_of_ids, "sqlite")
def _one_of_sqlite(element: one_of_ids, compiler: SQLCompiler, **kw: Any) -> str:
    column, ids = (compiler.process(one, **kw) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({ids}))"


@compiles(one_of_ids, "postgresql")
def _one_of_postgresql(element: one_of_ids, compiler: SQLCompiler, **kw: Any) -> str:
    column, ids = (compiler.process(one, **kw) for one in element.clauses)
    return f"{column} = ANY ({ids})"
