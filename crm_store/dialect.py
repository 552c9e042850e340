"""SQL that SQLite and PostgreSQL write differently, under one name each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    Integer,
    Select,
    Table,
    Text,
    literal_column,
)
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from crm_store.schema.types import DateText, Instant, InstantText, Number, Words


def insert(conn: Connection, table: Table) -> Any:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update` (both databases say it alike)."""
    return insert_on(conn.dialect.name, table)


def insert_on(dialect: str, table: Table) -> Any:
    """The same for a statement that is made once for each dialect."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert(table)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert(table)


def spelled(function: type[FunctionElement[Any]], sqlite: str, postgresql: str) -> None:
    """How each database writes a function; `{}` stands for its arguments."""
    for dialect, form in (("sqlite", sqlite), ("postgresql", postgresql)):

        def written(element: Any, compiler: SQLCompiler, form: str = form, **kw: Any) -> str:
            return form.format(compiler.process(element.clauses, **kw))

        compiles(function, dialect)(written)


class position_of(FunctionElement[int]):  # SQL functions are written in lower case
    """`position_of(text, part)`: where the part begins, counted from 1 in characters; 0 if nowhere."""

    type = Integer()
    inherit_cache = True
    name = "position_of"


spelled(position_of, sqlite="instr({})", postgresql="strpos({})")


def _fixed(words: Sequence[str]) -> list[ColumnElement[Any]]:
    """Words that become part of the SQL text: among a function's arguments, SQLAlchemy knows its compiled text by them."""
    return [literal_column(word) for word in words]


class _OfColumn(FunctionElement[Any]):
    """A function of a column and of words that are fixed in its SQL text."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], words: Sequence[str]) -> None:
        super().__init__(column, *_fixed(words))

    @property
    def column(self) -> ColumnElement[Any]:
        found: ColumnElement[Any] = next(iter(self.clauses))
        return found

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(str(one.name) for one in list(self.clauses)[1:])


class unindexed(FunctionElement[Any]):
    """`unindexed(column)`: not to be looked up by an index, where another column finds fewer rows."""

    inherit_cache = True
    name = "unindexed"


spelled(unindexed, sqlite="+{}", postgresql="NULLIF({}, NULL)")


def looked_up(rows: Select[Any]) -> ColumnElement[bool]:
    """There is such a row, to be looked for each time. Of EXISTS PostgreSQL may make a join or a set, and read all rows
    for the sake of few."""
    return rows.limit(1).scalar_subquery().is_not(None)


class JsonScalar(_OfColumn):
    """The scalar at a path in a JSON column, if it is of the type that the vocabulary gives it, else NULL.

    `code`: the text of whatever is there, to be compared with words of letters only, which JSON writes nothing else as.
    Dates and instants are kept in JSON as ISO texts, written by the intake so that they sort as they follow each other.
    """

    inherit_cache = True
    name = "json_scalar"

    def __init__(self, column: ColumnElement[Any], path: Sequence[str], kind: str) -> None:
        super().__init__(column, [kind, *path])
        self.type = _TYPES.get(kind, Words)

    @property
    def kind(self) -> str:
        return self.words[0]

    @property
    def path(self) -> tuple[str, ...]:
        return self.words[1:]


_TYPES: dict[str, TypeEngine[Any]] = {"number": Number(), "yes-no": Boolean(), "date": DateText(), "instant": InstantText()}
_SQLITE_TYPES = {"number": "'integer', 'real'", "yes-no": "'true', 'false'"}
_POSTGRESQL_TYPES = {"number": ("number", "numeric"), "yes-no": ("boolean", "boolean")}
# `0` stands for a digit. Texts of another form are of another type: one bad value must not fail everybody's segment.
_FORMS = {"date": "0000-00-00", "instant": "0000-00-00T00:00:00.000000Z"}


@compiles(JsonScalar, "sqlite")
def _json_sqlite(element: JsonScalar, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.column, **kw)
    path = _sqlite_path(element.path, compiler)
    value = f"json_extract({column}, {path})"
    if element.kind == "code":
        return value
    types = _SQLITE_TYPES.get(element.kind, "'text'")
    test = f"json_type({column}, {path}) IN ({types})"
    if element.kind in _FORMS:
        test += f" AND {value} GLOB {_quoted(_FORMS[element.kind].replace('0', '[0-9]'), compiler)}"
    return f"CASE WHEN {test} THEN {value} END"


def _sqlite_path(path: Sequence[str], compiler: SQLCompiler) -> str:
    return _quoted("$" + "".join(f'."{part}"' for part in path), compiler)


@compiles(JsonScalar, "postgresql")
def _json_postgresql(element: JsonScalar, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.column, **kw)
    name, cast = _POSTGRESQL_TYPES.get(element.kind, ("string", "text"))
    inside, text = (written(column, element.path, compiler) for written in (_inside, _as_text))
    value = f'({text}) COLLATE "C"' if cast == "text" else f"({inside})::{cast}"
    if element.kind == "code":
        return value
    test = f"jsonb_typeof({inside}) = '{name}'"
    if element.kind in _FORMS:
        form = _FORMS[element.kind].replace("0", "[0-9]").replace(".", "[.]")
        test += f" AND ({text}) ~ {_quoted(f'^{form}$', compiler)}"
    return f"(CASE WHEN {test} THEN {value} END)"


def _inside(column: str, path: Sequence[str], compiler: SQLCompiler) -> str:
    """The value at a path in JSON, as PostgreSQL writes it soonest; without a path, the value itself."""
    return " -> ".join([column, *(_quoted(part, compiler) for part in path)])


def _as_text(column: str, path: Sequence[str], compiler: SQLCompiler) -> str:
    if not path:
        return f"{column} #>> '{{}}'::text[]"
    return f"{_inside(column, path[:-1], compiler)} ->> {_quoted(path[-1], compiler)}"


def _quoted(word: str, compiler: SQLCompiler) -> str:
    """A text as an SQL literal, with percent signs doubled where the driver takes them for placeholders."""
    return compiler.render_literal_value(word, Text())


class as_date(FunctionElement[date]):
    """A date column of a VALUES list, which PostgreSQL takes for text."""

    type = Date()
    inherit_cache = True
    name = "as_date"


spelled(as_date, sqlite="{}", postgresql="CAST({} AS date)")


class folded(FunctionElement[str]):
    """`folded(text)`: with Unicode simple case folding (crm_store/folding.py)."""

    type = Words
    inherit_cache = True
    name = "folded"


spelled(folded, sqlite="rapport_fold({})", postgresql='casefold({} COLLATE "pg_c_utf8") COLLATE "C"')


class plain_number(FunctionElement[str]):
    """`plain_number(number)`: its digits, without an exponent and without zeros that say nothing: 2 and 2.0 are `2`."""

    type = Words
    inherit_cache = True
    name = "plain_number"


spelled(plain_number, sqlite="rapport_plain_number({})", postgresql='trim_scale({})::text COLLATE "C"')


class Matching(_OfColumn):
    """Whether a text has a part that the regular expression describes, written for each database."""

    type = Boolean()
    inherit_cache = True
    name = "matching"

    def __init__(self, column: ColumnElement[Any], sqlite: str, postgresql: str) -> None:
        super().__init__(column, [sqlite, postgresql])

    @property
    def patterns(self) -> dict[str, str]:
        return dict(zip(("sqlite", "postgresql"), self.words, strict=True))


@compiles(Matching, "sqlite")
def _matching_sqlite(element: Matching, compiler: SQLCompiler, **kw: Any) -> str:
    pattern = _quoted(element.patterns["sqlite"], compiler)
    return f"rapport_matches({compiler.process(element.column, **kw)}, {pattern})"


@compiles(Matching, "postgresql")
def _matching_postgresql(element: Matching, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({compiler.process(element.column, **kw)} ~ {_quoted(element.patterns['postgresql'], compiler)})"


class JsonList(_OfColumn):
    """The list at a path in a JSON column, NULL if there is none; for `ListIncludes` and `list_length`."""

    inherit_cache = True
    name = "json_list"
    type = Words

    @property
    def path(self) -> tuple[str, ...]:
        return self.words


@compiles(JsonList, "sqlite")
def _list_sqlite(element: JsonList, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.column, **kw)
    path = _sqlite_path(element.path, compiler)
    return f"CASE WHEN json_type({column}, {path}) = 'array' THEN json_extract({column}, {path}) END"


@compiles(JsonList, "postgresql")
def _list_postgresql(element: JsonList, compiler: SQLCompiler, **kw: Any) -> str:
    found = _inside(compiler.process(element.column, **kw), element.path, compiler)
    return f"(CASE WHEN jsonb_typeof({found}) = 'array' THEN {found} END)"


class ListIncludes(_OfColumn):
    """Whether texts are members of a `JsonList`: all of them (`every`) or any; NULL or false without a list."""

    type = Boolean()
    inherit_cache = True
    name = "list_includes"

    def __init__(self, column: ColumnElement[Any], members: Sequence[str], every: bool) -> None:
        super().__init__(column, ["all" if every else "any", *dict.fromkeys(members)])

    @property
    def every(self) -> bool:
        return self.words[0] == "all"

    @property
    def members(self) -> tuple[str, ...]:
        return self.words[1:]


@compiles(ListIncludes, "sqlite")
def _includes_sqlite(element: ListIncludes, compiler: SQLCompiler, **kw: Any) -> str:
    assert isinstance(element.column, JsonList)
    place = f"{compiler.process(element.column.column, **kw)}, {_sqlite_path(element.column.path, compiler)}"
    members = ", ".join(_quoted(member, compiler) for member in element.members)
    meant = f"FROM json_each({place}) WHERE type = 'text' AND value IN ({members})"
    counted = f"(SELECT count(DISTINCT value) {meant}) >= {len(element.members)}"
    test = counted if element.every else f"EXISTS (SELECT 1 {meant})"
    return f"(json_type({place}) = 'array' AND {test})"


@compiles(ListIncludes, "postgresql")
def _includes_postgresql(element: ListIncludes, compiler: SQLCompiler, **kw: Any) -> str:
    members = ", ".join(_quoted(member, compiler) for member in element.members)
    test = "jsonb_exists_all" if element.every else "jsonb_exists_any"
    assert isinstance(element.column, JsonList)
    found = _inside(compiler.process(element.column.column, **kw), element.column.path, compiler)
    # Few pass the first test, so that the second, whether it is a list at all, is made for few.
    return f"({test}({found}, ARRAY[{members}]::text[]) AND jsonb_typeof({found}) = 'array')"


class list_length(FunctionElement[int]):
    """`list_length(list)`: how many members it has; NULL without a list."""

    type = Integer()
    inherit_cache = True
    name = "list_length"


spelled(list_length, sqlite="json_array_length({})", postgresql="jsonb_array_length({})")


class day_start(FunctionElement[Any]):
    """`day_start(day, zone)`: the first instant of a day (a date, or its ISO text) in a zone; NULL for what is no day."""

    type = Instant()
    inherit_cache = True
    name = "day_start"


@compiles(day_start, "sqlite")
def _day_start_sqlite(element: day_start, compiler: SQLCompiler, **kw: Any) -> str:
    return f"rapport_day_start({compiler.process(element.clauses, **kw)})"


@compiles(day_start, "postgresql")
def _day_start_postgresql(element: day_start, compiler: SQLCompiler, **kw: Any) -> str:
    written, zone = (compiler.process(one, **kw) for one in element.clauses)
    day = f"CAST({written} AS text)"
    start = f"({day}::timestamp AT TIME ZONE {zone})"
    # A midnight that comes twice is the first of the two; PostgreSQL takes the second.
    earlier = f"({start} - interval '1 hour')"
    first = f"CASE WHEN ({earlier} AT TIME ZONE {zone}) = {day}::timestamp THEN {earlier} ELSE {start} END"
    return f"(CASE WHEN pg_input_is_valid({day}, 'date') THEN CAST(extract(epoch FROM {first}) * 1000000 AS bigint) END)"


class instant_of_text(FunctionElement[Any]):
    """`instant_of_text(text)`: the instant that JSON holds as `2026-01-31T09:00:00.000000Z`."""

    type = Instant()
    inherit_cache = True
    name = "instant_of_text"


@compiles(instant_of_text, "sqlite")
def _instant_sqlite(element: instant_of_text, compiler: SQLCompiler, **kw: Any) -> str:
    text = compiler.process(element.clauses, **kw)
    return f"(unixepoch(substr({text}, 1, 19)) * 1000000 + CAST(substr({text}, 21, 6) AS INTEGER))"


@compiles(instant_of_text, "postgresql")
def _instant_postgresql(element: instant_of_text, compiler: SQLCompiler, **kw: Any) -> str:
    text = compiler.process(element.clauses, **kw)
    valid = f"pg_input_is_valid({text}, 'timestamptz')"
    return f"(CASE WHEN {valid} THEN CAST(extract(epoch FROM CAST({text} AS timestamptz)) * 1000000 AS bigint) END)"


class DaysLater(_OfColumn):
    """The ISO text of a date (or of its ISO text) so many days later; NULL for what is no day."""

    inherit_cache = True
    name = "days_later"
    type = DateText()

    def __init__(self, day: ColumnElement[Any], days: int) -> None:
        super().__init__(day, [str(days)])

    @property
    def days(self) -> int:
        return int(self.words[0])


@compiles(DaysLater, "sqlite")
def _days_later_sqlite(element: DaysLater, compiler: SQLCompiler, **kw: Any) -> str:
    return f"date({compiler.process(element.column, **kw)}, '{element.days:+d} days')"


@compiles(DaysLater, "postgresql")
def _days_later_postgresql(element: DaysLater, compiler: SQLCompiler, **kw: Any) -> str:
    day = f"CAST({compiler.process(element.column, **kw)} AS text)"
    later = f"to_char(CAST({day} AS date) + {element.days}, 'YYYY-MM-DD')"
    return f"(CASE WHEN pg_input_is_valid({day}, 'date') THEN {later} END COLLATE \"C\")"
