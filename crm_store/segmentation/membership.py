"""Following a segment: who is in it since when, written in slices that can be stopped between them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Boolean, Connection, cast, func, literal, null, select, update

from crm_store.dialect import insert
from crm_store.schema import customer, followed_segment, segment_member
from crm_store.schema.types import Instant, Words
from crm_store.segmentation.compile import scope_of, select_ids
from crm_store.segmentation.segment import Segment
from crm_store.store import Store

SLICE = 20_000


def refresh(
    store: Store, name: str, segments: Mapping[str, Segment], zone: ZoneInfo, now: datetime, *, at_start: bool
) -> int:
    """Bring the membership of a segment up to `now`. Returns how many entries and exits were written.

    `at_start`: nobody has followed it until now, so whoever is found in it may have been there for long.
    """
    with store.read() as conn:
        joined: list[int] = list(conn.execute(_joined(conn, name, segments, zone, now)).scalars())
        left: list[int] = list(conn.execute(_left(conn, name, segments, zone, now)).scalars())
    for ids in _slices(joined):
        store.write(_enter, name, ids, now, at_start)
    for ids in _slices(left):
        store.write(_leave, name, ids, now)
    return len(joined) + len(left)


def _slices(ids: list[int]) -> list[list[int]]:
    return [ids[start : start + SLICE] for start in range(0, len(ids), SLICE)]


def _members(name: str) -> Any:
    return select(segment_member.c.customer_id).where(segment_member.c.segment == name, segment_member.c.left_at.is_(None))


def _joined(conn: Connection, name: str, segments: Mapping[str, Segment], zone: ZoneInfo, now: datetime) -> Any:
    scope = scope_of(conn, now, zone, segments)
    return select_ids(segments[name].who, scope).except_(_members(name))


def _left(conn: Connection, name: str, segments: Mapping[str, Segment], zone: ZoneInfo, now: datetime) -> Any:
    scope = scope_of(conn, now, zone, segments)
    return _members(name).except_(select_ids(segments[name].who, scope))


def _enter(conn: Connection, name: str, ids: list[int], now: datetime, at_start: bool) -> None:
    """The n-th entry of each; nobody enters twice, whoever else refreshes."""
    of_segment = segment_member.c.segment == name, segment_member.c.customer_id == customer.c.id
    n = select(func.coalesce(func.max(segment_member.c.n), 0) + 1).where(*of_segment).scalar_subquery()
    inside = select(segment_member.c.n).where(*of_segment, segment_member.c.left_at.is_(None)).exists()
    rows = select(
        literal(name, Words),
        customer.c.id,
        n,
        literal(now, Instant()),
        cast(null(), Instant()),
        literal(at_start, Boolean),
    ).where(customer.c.id.in_(ids), ~inside)
    columns = ["segment", "customer_id", "n", "entered_at", "left_at", "at_start"]
    conn.execute(insert(conn, segment_member).from_select(columns, rows).on_conflict_do_nothing())


def _leave(conn: Connection, name: str, ids: list[int], now: datetime) -> None:
    inside = segment_member.c.segment == name, segment_member.c.left_at.is_(None)
    conn.execute(update(segment_member).where(*inside, segment_member.c.customer_id.in_(ids)).values(left_at=now))


def rename(conn: Connection, old: str, new: str) -> None:
    """Give a segment's memberships to its new name, unless that has some of its own."""
    for table, name in ((segment_member, segment_member.c.segment), (followed_segment, followed_segment.c.name)):
        taken = select(name).where(name == new)
        if conn.execute(taken.limit(1)).first() is None:
            conn.execute(update(table).where(name == old).values({name: new}))
