"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, BindParameter, ColumnElement, Dialect, Integer, Numeric, Text, literal, type_coerce
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from crm_store.clock import from_micros, micros

# Row numbers. SQLite only counts up a column of type INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")

# Text that compares byte by byte on both databases, whatever the server's locale.
Words = Text().with_variant(Text(collation="C"), "postgresql")


class Json(TypeDecorator[Any]):
    """JSON that both databases can look into: JSONB on PostgreSQL, whose module is loaded only where it is used."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name != "postgresql":
            return dialect.type_descriptor(JSON(none_as_null=True))
        from sqlalchemy.dialects.postgresql import JSONB

        return dialect.type_descriptor(JSONB(none_as_null=True))


class _IdArray(UserDefinedType[Any]):
    """PostgreSQL's array of row numbers, given as its text: the driver takes ten times as long over each by itself."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **kw: Any) -> str:
        return "BIGINT[]"


class Ids(TypeDecorator[Any]):
    """Row numbers, many in one bound value: an array on PostgreSQL, a JSON text on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(_IdArray() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        listed = ",".join(map(str, value))
        return f"{{{listed}}}" if dialect.name == "postgresql" else f"[{listed}]"


class Instant(TypeDecorator[datetime]):
    """A UTC instant, stored as microseconds since 1970: one order, one arithmetic, one index on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # SQLAlchemy's signature
        return None if value is None else micros(value)

    def process_literal_param(self, value: datetime | None, dialect: Dialect) -> str:
        return "NULL" if value is None else str(micros(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(int(value))


class Number(TypeDecorator[Decimal]):
    """A number that is compared exactly: NUMERIC on PostgreSQL, an integer or a float on SQLite."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        # SQLAlchemy's Numeric would make floats of whole numbers, and floats can't hold those over 2 to the 53rd.
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else TypeEngine())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return int(value) if value == int(value) and abs(value) < 2**63 else float(value)

    def process_literal_param(self, value: Any, dialect: Dialect) -> str:
        return "NULL" if value is None else f"{Decimal(value):f}"


class DateText(TypeDecorator[date]):
    """A date as JSON holds it: `2026-01-31`."""

    impl = Words
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:
        return None if value is None else value.isoformat()

    def process_literal_param(self, value: date | None, dialect: Dialect) -> str:
        return "" if value is None else value.isoformat()


class InstantText(TypeDecorator[datetime]):
    """A UTC instant as JSON holds it: `2026-01-31T09:00:00.000000Z`."""

    impl = Words
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else instant_text(value)

    def process_literal_param(self, value: datetime | None, dialect: Dialect) -> str:
        return "" if value is None else instant_text(value)


def instant_text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def later(instant: ColumnElement[Any], elapsed: timedelta) -> ColumnElement[datetime]:
    """SQL for an instant so much later (or earlier, if negative)."""
    if isinstance(instant, BindParameter) and instant.value is not None:  # as a number it would be bound as it is
        return literal(instant.value + elapsed, Instant())
    shift = elapsed // timedelta(microseconds=1)
    return type_coerce(type_coerce(instant, BigInteger) + shift, Instant())
