"""From a condition to a select of customers, for an instant and in one of two shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, func, select

from crm_store.schema import customer, static_list
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.language import Scope, Shape, local_dates
from crm_store.segmentation.segment import Segment

_STREAM = 10_000


def scope_of(
    conn: Connection, now: datetime, zone: ZoneInfo, segments: Mapping[str, Segment], shape: Shape = "all"
) -> Scope:
    """A scope on the store as it is."""
    conditions = {name: segment.who for name, segment in segments.items()}
    return Scope(now, zone, local_dates(conn, now, zone), conditions, shape, lists=lists_of(conn))


def lists_of(conn: Connection) -> dict[str, int]:
    """The static lists there are: name -> row."""
    return {row.name: row.id for row in conn.execute(select(static_list.c.name, static_list.c.id))}


def select_ids(condition: Condition, scope: Scope) -> Select[Any]:
    """A select of the ids of all customers who are not erased and for whom the condition holds."""
    return select(customer.c.id).where(customer.c.erased_at.is_(None), condition.sql(scope))


def count(conn: Connection, condition: Condition, scope: Scope) -> int:
    return conn.execute(select(func.count()).select_from(select_ids(condition, scope).subquery())).scalar_one()


def member_keys(conn: Connection, condition: Condition, scope: Scope, limit: int | None) -> Iterator[str]:
    """The keys of the members, in the order of keys, streamed."""
    ids = select_ids(condition, scope).subquery()
    keys = select(customer.c.key).join(ids, ids.c.id == customer.c.id).order_by(customer.c.key).limit(limit)
    for row in conn.execution_options(yield_per=_STREAM).execute(keys):
        yield row.key


def written_out(condition: Condition, scope: Scope, conn: Connection) -> str:
    """The select as SQL with its values in it, to read or to paste into a database's shell."""
    statement = str(select_ids(condition, scope).compile(conn, compile_kwargs={"literal_binds": True}))
    # SQLAlchemy doubles percent signs for drivers that take a single one for a placeholder; a person's shell does not.
    return statement.replace("%%", "%") if conn.dialect.paramstyle in ("format", "pyformat") else statement
