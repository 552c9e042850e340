"""SQL that SQLite and PostgreSQL write differently, under one name each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Date, Integer, Table, Text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from crm_store.schema.types import DateText, InstantText, Number, Words


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
    """The scalar at a path in a JSON column, if it is of the type that the vocabulary gives it, else NULL.

    Dates and instants are kept in JSON as ISO texts, written by the intake so that they sort as they follow each other.
    """

    inherit_cache = False  # the path is part of the SQL text
    name = "json_scalar"

    def __init__(self, column: ColumnElement[Any], path: Sequence[str], kind: str) -> None:
        super().__init__(column)
        self.path = tuple(path)
        self.kind = kind
        self.type = _TYPES.get(kind, Words)


_TYPES: dict[str, TypeEngine[Any]] = {"number": Number(), "yes-no": Boolean(), "date": DateText(), "instant": InstantText()}
_SQLITE_TYPES = {"number": "'integer', 'real'", "yes-no": "'true', 'false'"}
_POSTGRESQL_TYPES = {"number": ("number", "numeric"), "yes-no": ("boolean", "boolean")}
# `0` stands for a digit. Texts of another form are of another type: one bad value must not fail everybody's segment.
_FORMS = {"date": "0000-00-00", "instant": "0000-00-00T00:00:00.000000Z"}


@compiles(JsonScalar, "sqlite")
def _json_sqlite(element: JsonScalar, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.clauses, **kw)
    path = _quoted("$" + "".join(f'."{part}"' for part in element.path), compiler)
    value = f"json_extract({column}, {path})"
    types = _SQLITE_TYPES.get(element.kind, "'text'")
    test = f"json_type({column}, {path}) IN ({types})"
    if element.kind in _FORMS:
        test += f" AND {value} GLOB {_quoted(_FORMS[element.kind].replace('0', '[0-9]'), compiler)}"
    return f"CASE WHEN {test} THEN {value} END"


@compiles(JsonScalar, "postgresql")
def _json_postgresql(element: JsonScalar, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.clauses, **kw)
    path = "ARRAY[" + ", ".join(_quoted(part, compiler) for part in element.path) + "]"
    name, cast = _POSTGRESQL_TYPES.get(element.kind, ("string", "text"))
    value = f"({column} #>> {path})::{cast}" + (' COLLATE "C"' if cast == "text" else "")
    test = f"jsonb_typeof({column} #> {path}) = '{name}'"
    if element.kind in _FORMS:
        form = _FORMS[element.kind].replace("0", "[0-9]").replace(".", "[.]")
        test += f" AND ({column} #>> {path}) ~ {_quoted(f'^{form}$', compiler)}"
    return f"(CASE WHEN {test} THEN {value} END)"


def _quoted(word: str, compiler: SQLCompiler) -> str:
    """A text as an SQL literal, with percent signs doubled where the driver takes them for placeholders."""
    return compiler.render_literal_value(word, Text())


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
