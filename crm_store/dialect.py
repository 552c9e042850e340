"""SQL that SQLite and PostgreSQL write differently, under one name each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Date, Double, Integer, Table
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from crm_store.schema.types import Words


def insert(conn: Connection, table: Table) -> Any:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update` (both databases say it alike)."""
    if conn.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert(table)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert(table)


class position_of(FunctionElement[int]):  # SQL functions are written in lower case
    """`position_of(text, part)`: where the part begins, counted from 1 in characters; 0 if nowhere."""

    type = Integer()
    inherit_cache = True
    name = "position_of"


@compiles(position_of, "sqlite")
def _position_sqlite(element: position_of, compiler: SQLCompiler, **kw: Any) -> str:
    return f"instr({compiler.process(element.clauses, **kw)})"


@compiles(position_of, "postgresql")
def _position_postgresql(element: position_of, compiler: SQLCompiler, **kw: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **kw)})"


class JsonScalar(FunctionElement[Any]):
    """The scalar at a path in a JSON column, if it has the JSON type that the vocabulary gives it, else NULL."""

    inherit_cache = False  # the path is part of the SQL text
    name = "json_scalar"

    def __init__(self, column: ColumnElement[Any], path: Sequence[str], kind: str) -> None:
        super().__init__(column)
        self.path = tuple(path)
        self.kind = kind
        self.type = {"number": Double(), "yes-no": Boolean()}.get(kind, Words)


_SQLITE_TYPES = {"number": "'integer', 'real'", "yes-no": "'true', 'false'"}
_POSTGRESQL_TYPES = {"number": ("number", "double precision"), "yes-no": ("boolean", "boolean")}


@compiles(JsonScalar, "sqlite")
def _json_sqlite(element: JsonScalar, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.clauses, **kw)
    path = _quoted("$" + "".join('."' + part.replace('"', '\\"') + '"' for part in element.path))
    types = _SQLITE_TYPES.get(element.kind, "'text'")
    return f"CASE WHEN json_type({column}, {path}) IN ({types}) THEN json_extract({column}, {path}) END"


@compiles(JsonScalar, "postgresql")
def _json_postgresql(element: JsonScalar, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.clauses, **kw)
    path = "ARRAY[" + ", ".join(_quoted(part) for part in element.path) + "]"
    name, cast = _POSTGRESQL_TYPES.get(element.kind, ("string", "text"))
    collate = ' COLLATE "C"' if cast == "text" else ""
    value = f"({column} #>> {path})::{cast}{collate}"
    return f"(CASE WHEN jsonb_typeof({column} #> {path}) = '{name}' THEN {value} END)"


def _quoted(word: str) -> str:
    # A percent sign would be read as a placeholder by psycopg; SQLAlchemy doubles those in its own texts only.
    return "'" + word.replace("'", "''").replace("%", "%%") + "'"


class as_date(FunctionElement[date]):
    """A date column of a VALUES list, which PostgreSQL takes for text."""

    type = Date()
    inherit_cache = True
    name = "as_date"


@compiles(as_date, "sqlite")
def _as_date_sqlite(element: as_date, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(as_date, "postgresql")
def _as_date_postgresql(element: as_date, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **kw)} AS date)"
