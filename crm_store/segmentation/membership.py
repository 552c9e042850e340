"""Following segments: who is in them since when, kept up to date by what may have changed, in slices one can stop between.

What may have changed is what was written (`changes.py`) and what the passing of time concerns (`passing.py`); where that
can't be told, or is most of the customers, everybody is looked at anew.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Boolean, Connection, Integer, Select, case, func, literal, select, union_all, update

from crm_store.changes import marks, unmark
from crm_store.dialect import insert
from crm_store.errors import StoreError
from crm_store.many import ids_of, one_of_ids
from crm_store.program import program_version
from crm_store.schema import followed_segment, segment_member
from crm_store.schema.types import Instant, Words
from crm_store.segmentation.compile import lists_of, scope_of, select_among, select_ids
from crm_store.segmentation.language import Scope
from crm_store.segmentation.passing import Passing, concerned
from crm_store.segmentation.segment import Segment
from crm_store.store import Store

SLICE = 10_000
_STREAM = 10_000


@dataclass(frozen=True)
class Following:
    """A segment to keep refreshed, with those it refers to. `at_start`: nobody has followed it until now, so whoever is
    found in it may have been there for long."""

    name: str
    segments: Mapping[str, Segment]
    zone: ZoneInfo
    at_start: bool

    @cached_property
    def _said(self) -> str:
        who = [self.segments[name].who for name in sorted(self._closure(self.name))]
        return f"{program_version()} {self.zone.key} {who!r}"

    def _closure(self, name: str) -> set[str]:
        return {name}.union(*(self._closure(other) for other in set(self.segments[name].who.embedded())))

    def digest(self, lists: Mapping[str, int]) -> str:
        """What is followed, and with which lists: another digest, other members."""
        named = {one for name in self._closure(self.name) for one in self.segments[name].who.lists()}
        return sha256(f"{self._said} {[(one, lists.get(one)) for one in sorted(named)]}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Turn:
    """One refresh of a segment, since `since` if that is all that has to be looked at. Later turns end it."""

    name: str
    number: int
    digest: str
    since: datetime | None


@dataclass(frozen=True)
class Differences:
    """Customers and, beside them, which entry of theirs it is; 0 where they have left."""

    customers: array[int]
    entries: array[int]

    def of_entry(self, n: int) -> list[int]:
        return [one for one, entry in zip(self.customers, self.entries, strict=True) if entry == n]


class _Overtaken(StoreError):
    """Another refresh of the segment has begun since."""


def refresh(store: Store, followed: Sequence[Following], now: datetime) -> int:
    """Bring all segments that are followed up to `now`. Returns how many entries and exits were written."""
    with store.read() as conn:
        if _nothing_new(conn, followed, now):
            return 0
    turns = store.write(_begin, followed, now)
    with store.read() as conn:
        seen = marks(conn)
    moved = [_refresh(store, one, turn, now, seen.customers) for one, turn in zip(followed, turns, strict=True)]
    ours = [turn for turn, done in zip(turns, moved, strict=True) if done is not None]
    if store.write(_end, ours, now) == len(followed):
        for some in seen.parts(SLICE):
            store.write(unmark, some)
    return sum(done or 0 for done in moved)


def _nothing_new(conn: Connection, followed: Sequence[Following], now: datetime) -> bool:
    """Whether nobody can have come or gone since the last refresh: asked first, so that an idle one writes nothing."""
    rows = conn.execute(select(followed_segment).where(followed_segment.c.digest.is_not(None))).all()
    known, lists = {row.name: row for row in rows}, lists_of(conn)
    if set(known) != {one.name for one in followed} or marks(conn).customers:
        return False
    return all(_unmoved(conn, one, known[one.name], now, lists) for one in followed)


def _unmoved(conn: Connection, one: Following, known: Any, now: datetime, lists: Mapping[str, int]) -> bool:
    if known.digest != one.digest(lists) or known.refreshed_at is None or known.refreshed_at > now:
        return False
    before, after = (scope_of(conn, at, one.zone, one.segments) for at in (known.refreshed_at, now))
    time = Passing(before, after)
    return concerned(conn, one.segments[one.name].who.moved(time), ()) == [] and not time.is_another_day


def _begin(conn: Connection, followed: Sequence[Following], now: datetime) -> list[Turn]:
    """Take the next turn of each. Marks are taken away whether or not it is followed: whoever follows a segment again must
    look at everybody."""
    given_up = followed_segment.c.name.not_in([one.name for one in followed]), followed_segment.c.digest.is_not(None)
    conn.execute(update(followed_segment).where(*given_up).values(digest=None))
    lists = lists_of(conn)
    return [_take_turn(conn, one.name, one.digest(lists), now) for one in followed]


def _take_turn(conn: Connection, name: str, digest: str, now: datetime) -> Turn:
    columns = followed_segment.c.turn, followed_segment.c.refreshed_at, followed_segment.c.digest
    statement = insert(conn, followed_segment).values(name=name, turn=1)
    another = {"turn": followed_segment.c.turn + 1}
    statement = statement.on_conflict_do_update(index_elements=["name"], set_=another).returning(*columns)
    row = conn.execute(statement).one()
    known = row.digest == digest and row.refreshed_at is not None and row.refreshed_at <= now
    return Turn(name, row.turn, digest, row.refreshed_at if known else None)


def _refresh(store: Store, one: Following, turn: Turn, now: datetime, changed: Sequence[int]) -> int | None:
    """Write who has entered and left, and return how many; None if somebody else is at it now."""
    with store.read() as conn:
        found = _differences(conn, one, turn, scope_of(conn, now, one.zone, one.segments), changed)
    try:
        for n in sorted(set(found.entries), reverse=True):
            ids = found.of_entry(n)
            for start in range(0, len(ids), SLICE):
                store.write(_write, turn, n, ids[start : start + SLICE], now, one.at_start)
    except _Overtaken:
        return None
    return len(found.customers)


def _end(conn: Connection, turns: Sequence[Turn], now: datetime) -> int:
    """Write down as of when they were refreshed. Returns how many nobody else has refreshed since."""
    return sum(_is_ours(conn, turn, refreshed_at=now, digest=turn.digest) for turn in turns)


def _is_ours(conn: Connection, turn: Turn, **values: Any) -> bool:
    """Whether it is still the turn's to write; it stays so until the transaction ends."""
    ours = followed_segment.c.name == turn.name, followed_segment.c.turn == turn.number
    return conn.execute(update(followed_segment).where(*ours).values(turn=turn.number, **values)).rowcount == 1


def _write(conn: Connection, turn: Turn, n: int, ids: Sequence[int], now: datetime, at_start: bool) -> None:
    """The n-th entry of these customers; if n is 0, they leave. Raises _Overtaken, having written nothing."""
    if not _is_ours(conn, turn):
        raise _Overtaken
    if n == 0:
        inside = segment_member.c.segment == turn.name, segment_member.c.left_at.is_(None)
        conn.execute(
            update(segment_member).where(*inside, segment_member.c.customer_id.in_(ids_of(ids))).values(left_at=now)
        )
        return
    given = ids_of(ids).subquery()
    values = (
        literal(turn.name, Words),
        given.c.value,
        literal(n, Integer),
        literal(now, Instant()),
        literal(at_start, Boolean),
    )
    columns = ["segment", "customer_id", "n", "entered_at", "at_start"]
    conn.execute(insert(conn, segment_member).from_select(columns, select(*values)))


def _differences(conn: Connection, one: Following, turn: Turn, scope: Scope, changed: Sequence[int]) -> Differences:
    """Who is in the segment and not among its members, and who the other way round."""
    found = Differences(array("q"), array("q"))
    few = _concerned(conn, one, turn, scope, changed)
    if few is None:
        _compare(conn, one.name, select_ids(one.segments[one.name].who, scope), found)
        return found
    for start in range(0, len(few), SLICE):
        ids = few[start : start + SLICE]
        _compare(conn, one.name, select_among(one.segments[one.name].who, scope), found, ids)
    return found


def _concerned(conn: Connection, one: Following, turn: Turn, scope: Scope, changed: Sequence[int]) -> list[int] | None:
    """The customers of whom it may say something else than at the last refresh; None: anybody, or very many."""
    if turn.since is None:
        return None
    before = scope_of(conn, turn.since, one.zone, one.segments)
    return concerned(conn, one.segments[one.name].who.moved(Passing(before, scope)), changed)


def _compare(conn: Connection, name: str, chosen: Select[Any], found: Differences, ids: list[int] | None = None) -> None:
    """Add how those who are chosen now differ from the members, all or of these ids."""
    here = chosen.cte("here").prefix_with("MATERIALIZED")
    known = _members(name, few=ids is not None).cte("known")
    entered = select(here.c.id, func.coalesce(known.c.n, 0) + 1).outerjoin(known, known.c.customer_id == here.c.id)
    left = select(known.c.customer_id, literal(0)).where(known.c.customer_id.not_in(select(here.c.id)))
    rows = union_all(entered.where(func.coalesce(known.c.inside, 0) == 0), left.where(known.c.inside == 1))
    for part in _streamed(conn, rows, {"ids": ids} if ids is not None else None):
        customers, entries = zip(*part, strict=True)
        found.customers.extend(customers)
        found.entries.extend(entries)


def _streamed(conn: Connection, rows: Any, bound: Mapping[str, Any] | None = None) -> Iterator[Sequence[Any]]:
    with conn.execute(rows, bound or {}, execution_options={"yield_per": _STREAM}) as result:
        yield from result.partitions()


def _members(name: str, few: bool) -> Select[Any]:
    """(customer_id, n, inside) of all who are or were in it: their last entry, and whether they are. `few`: of some ids."""
    inside = func.max(case((segment_member.c.left_at.is_(None), 1), else_=0)).label("inside")
    rows = select(segment_member.c.customer_id, func.max(segment_member.c.n).label("n"), inside)
    rows = rows.where(segment_member.c.segment == name).group_by(segment_member.c.customer_id)
    return rows.where(one_of_ids(segment_member.c.customer_id)) if few else rows


def rename(conn: Connection, old: str, new: str) -> None:
    """Give a segment's memberships to its new name, unless that has some of its own."""
    for table, name in ((segment_member, segment_member.c.segment), (followed_segment, followed_segment.c.name)):
        taken = select(name).where(name == new)
        if conn.execute(taken.limit(1)).first() is None:
            conn.execute(update(table).where(name == old).values({name: new}))
