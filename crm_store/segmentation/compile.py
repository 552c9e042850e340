"""From a condition to a select of customers, for an instant and in one of two shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, FromClause, Select, func, select

from crm_store.many import one_of_ids
from crm_store.schema import customer, static_list
from crm_store.segmentation.conditions.base import Condition, Lead
from crm_store.segmentation.language import OnDemand, Scope, Shape, local_dates
from crm_store.segmentation.segment import Segment

_STREAM = 10_000
_KEPT = 256  # statements


def scope_of(
    conn: Connection, now: datetime, zone: ZoneInfo, segments: Mapping[str, Segment], shape: Shape = "all"
) -> Scope:
    """A scope on the store as it is; zones and lists are looked up, on this connection, if a condition asks for them."""
    conditions = {name: segment.who for name, segment in segments.items()}
    dates = OnDemand(lambda: local_dates(conn, now, zone))
    by_row = conn.dialect.name == "sqlite"
    return Scope(now, zone, dates, conditions, shape, by_row=by_row, lists=OnDemand(lambda: lists_of(conn)))


def lists_of(conn: Connection) -> dict[str, int]:
    """The static lists there are: name -> row."""
    return {row.name: row.id for row in conn.execute(select(static_list.c.name, static_list.c.id))}


def select_ids(condition: Condition, scope: Scope) -> Select[Any]:
    """A select of the ids of all customers who are not erased and for whom the condition holds."""
    return _asked(condition, scope, among=False)


def select_among(condition: Condition, scope: Scope) -> Select[Any]:
    """The same of those customers only whose ids are bound as `ids` when it is executed, e.g. `{"ids": [1, 2]}`."""
    return _asked(condition, scope, among=True)


@dataclass(frozen=True)
class _Made:
    """A select, what it was made of (kept, so that nothing else gets the id of one), the local dates if it asks them."""

    select: Select[Any]
    objects: tuple[object, ...]
    dates: dict[Any, Any] | None

    def still_holds(self, scope: Scope) -> bool:
        return are_local_dates(self.dates, scope)


_made: dict[tuple[object, ...], _Made] = {}
_turn = Lock()


def _asked(condition: Condition, scope: Scope, among: bool) -> Select[Any]:
    """Made once for an instant: making a select takes longer than answering it for few customers."""
    objects = (condition, *scope.segments.values(), scope.enrolment, scope.usual_gap)
    key = (among, scope.by_row, scope.now, scope.company_zone.key, scope.shape, *map(id, objects))
    with _turn:
        made = _made.get(key)
    if made is None or not made.still_holds(scope):
        made = _Made(_make(condition, scope, among), objects, dates_asked(scope))
        with _turn:
            _made[key] = made
            if len(_made) > _KEPT:
                del _made[next(iter(_made))]
    return made.select


def _make(condition: Condition, scope: Scope, among: bool) -> Select[Any]:
    """Begins with the condition's lead, if it has one, and looks the rest up."""
    rows = replace(scope, shape="among")
    lead = condition.lead(replace(scope, shape="all", narrowed=among)) if among or scope.shape == "all" else None
    if lead is not None:
        return _led(lead, scope, [one.sql(rows) for one in lead.rest])
    if not among and not scope.by_row:
        return _by_sets(condition, scope)
    found = select(customer.c.id).where(customer.c.erased_at.is_(None), condition.sql(rows))
    return found.where(one_of_ids(customer.c.id)) if among else found


def _by_sets(condition: Condition, scope: Scope) -> Select[Any]:
    """Of all customers, each beside the sets that decide about her."""
    sets: list[FromClause] = []
    holds = condition.sql(replace(scope, sets=sets))
    source: FromClause = customer
    for chosen in sets:
        source = source.outerjoin(chosen, chosen.c[0] == customer.c.id)
    return select(customer.c.id).select_from(source).where(customer.c.erased_at.is_(None), holds)


def _led(lead: Lead, scope: Scope, rest: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """SQLite always begins with the set after IN; PostgreSQL plans a join with distinct ids better."""
    ids = lead.ids if lead.unique else lead.ids.group_by(*lead.ids.selected_columns)
    if scope.by_row and rest:
        return select(customer.c.id).where(customer.c.id.in_(ids), customer.c.erased_at.is_(None), *rest)
    chosen = ids.subquery("lead")
    living = _is_living(chosen.c[0], scope)
    if not rest:
        return select(chosen.c[0].label("id")).where(living)
    return select(customer.c.id).join_from(chosen, customer, customer.c.id == chosen.c[0]).where(living, *rest)


def _is_living(id_: ColumnElement[int], scope: Scope) -> ColumnElement[bool]:
    """Not erased. Few are: an index has them all, which SQLite makes a list of, and nobody's row has to be read for it."""
    erased = customer.alias("erased")
    gone = select(erased.c.id).where(erased.c.erased_at.is_not(None))
    return id_.not_in(gone) if scope.by_row else ~gone.where(erased.c.id == id_).exists()


def dates_asked(scope: Scope) -> dict[Any, Any] | None:
    """The local dates, None where no condition of those that were made SQL for the scope asked for them."""
    dates = scope.local_dates
    return None if isinstance(dates, OnDemand) and not dates.asked else dict(dates)


def are_local_dates(asked: dict[Any, Any] | None, scope: Scope) -> bool:
    """Whether what was asked then is so now."""
    return asked is None or asked == dict(scope.local_dates)


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
