"""What a change of a segment does to its members: two readings of it on one store, compared in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, Connection, Select, cast, false, func, literal, null, select, union_all

from crm_store.schema import customer
from crm_store.schema.types import Words
from crm_store.segmentation.compile import select_ids
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.language import Scope


@dataclass(frozen=True)
class Reading:
    """A segment as the files of one revision say it, with the scope that they make: their segments, their zone."""

    condition: Condition
    scope: Scope


@dataclass(frozen=True)
class Difference:
    """How many customers are in either reading, how many enter and leave, and the first keys of those, in order."""

    before: int
    after: int
    enters: int
    leaves: int
    entering: tuple[str, ...]
    leaving: tuple[str, ...]


def says_the_same(conn: Connection, before: Reading, after: Reading) -> bool:
    """Whether both are the same statement with the same values: nobody can enter or leave, and nobody needs to look."""
    was, becomes = (_ids(reading).compile(conn) for reading in (before, after))
    return (str(was), was.params) == (str(becomes), becomes.params)


def difference(conn: Connection, before: Reading | None, after: Reading | None, sample: int) -> Difference:
    """Who enters and who leaves; None: there is no such segment. At most `sample` keys either way are fetched.

    One statement, so that the counts belong to one state of the store and either reading is worked out once.
    """
    was, becomes = _ids(before).cte("was"), _ids(after).cte("becomes")
    entering = select(becomes.c.id).except_(select(was.c.id)).cte("entering")
    leaving = select(was.c.id).except_(select(becomes.c.id)).cte("leaving")
    sets = (was, becomes, entering, leaving)
    samples = [_first_keys(one, sample) for one in (entering, leaving)] if sample else []
    rows = conn.execute(union_all(*map(_counted, sets), *samples)).all()
    counts = {row.name: row.n for row in rows if row.key is None}
    keys = {one.name: tuple(sorted(row.key for row in rows if row.name == one.name and row.key)) for one in sets}
    n_was, n_becomes, n_entering, n_leaving = (counts[one.name] for one in sets)
    return Difference(n_was, n_becomes, n_entering, n_leaving, keys["entering"], keys["leaving"])


def _ids(reading: Reading | None) -> Select[Any]:
    if reading is None:
        return select(customer.c.id).where(false())
    return select_ids(reading.condition, reading.scope)


def _counted(ids: CTE) -> Select[str, int, str]:
    nothing = cast(null(), Words).label("key")
    return select(literal(ids.name).label("name"), func.count().label("n"), nothing).select_from(ids)


def _first_keys(ids: CTE, sample: int) -> Select[str, int, str]:
    keys = select(customer.c.key).join(ids, ids.c.id == customer.c.id).order_by(customer.c.key).limit(sample).subquery()
    return select(literal(ids.name), literal(0), keys.c.key)
