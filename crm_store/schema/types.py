"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, ColumnElement, Dialect, Integer, Text, type_coerce
from sqlalchemy.types import TypeDecorator, TypeEngine

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


def later(instant: ColumnElement[Any], elapsed: timedelta) -> ColumnElement[datetime]:
    """SQL for an instant so much later (or earlier, if negative)."""
    shift = elapsed // timedelta(microseconds=1)
    return type_coerce(type_coerce(instant, BigInteger) + shift, Instant())
