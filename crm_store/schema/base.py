"""The metadata all tables belong to, and how constraints are named (so that migrations can find them)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Index, MetaData, event, text

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

_PARTIAL: dict[Index, str] = {}


def partial_index(index: Index, where: str) -> None:
    """Make an index one of the rows `where` holds for. Said when tables are made: saying it here loads both dialects."""
    _PARTIAL[index] = where


@event.listens_for(METADATA, "before_create")
def say_where(metadata: MetaData, conn: Connection, **_: Any) -> None:  # SQLAlchemy's signature
    """Which rows the partial indexes are of."""
    for index, where in _PARTIAL.items():
        index.dialect_kwargs[f"{conn.dialect.name}_where"] = text(where)
