"""Of which customers something was written: what followed segments and campaigns have to look at again.

Whoever writes customers, events, consents, suppressions or what providers tell of touches marks whose they are in the same
transaction. A mark is a random number, so that one which was read can be taken away without taking a later one along. It
is read twice: followed segments come first (`unmark`), then the planning of all campaigns (`forget`), which takes away
what both have seen.
"""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import ColumnElement, Connection, Insert, bindparam, delete, null, select, update

from crm_store.dialect import insert_on
from crm_store.many import ids_bound, ids_of
from crm_store.schema import customer, customer_changed
from crm_store.schema.types import Id

_STREAM = 10_000


@dataclass(frozen=True)
class Marks:
    """Customers with the marks they had when somebody looked, beside each other."""

    customers: array[int]
    marks: array[int]

    def parts(self, size: int) -> Iterator[Marks]:
        """The same in slices."""
        for start in range(0, len(self.marks), size):
            some = slice(start, start + size)
            yield Marks(self.customers[some], self.marks[some])


def mark(conn: Connection, customer_ids: Sequence[int]) -> None:
    """Something was written about these customers."""
    if customer_ids:
        conn.execute(_marking_ids(conn.dialect.name), {"ids": customer_ids, "mark": secrets.randbits(62)})


def mark_those(conn: Connection, whom: ColumnElement[bool]) -> None:
    """Something was written about the customers for whom that holds; in one order, so that two writers can't deadlock."""
    conn.execute(_marking(conn.dialect.name, whom), {"mark": secrets.randbits(62)})


@cache
def _marking_ids(dialect: str) -> Insert:
    return _marking(dialect, customer.c.id.in_(ids_bound("ids")))


def _marking(dialect: str, whom: ColumnElement[bool]) -> Insert:
    chosen = select(customer.c.id, bindparam("mark", type_=Id), null()).where(whom).order_by(customer.c.id)
    statement = insert_on(dialect, customer_changed).from_select(["customer_id", "mark", "refreshed"], chosen)
    new = {"mark": statement.excluded.mark, "refreshed": None}
    made: Insert = statement.on_conflict_do_update(index_elements=["customer_id"], set_=new)
    return made


def marks(conn: Connection) -> Marks:
    """All that are marked for followed segments now."""
    return _found(conn, customer_changed.c.refreshed.is_(None))


def unmark(conn: Connection, seen: Marks) -> None:
    """Followed segments have looked at these; who was marked again meanwhile stays so."""
    conn.execute(update(customer_changed).where(*_these(seen)).values(refreshed=True))


def any_marks(conn: Connection) -> bool:
    """Whether anybody is marked now."""
    return conn.execute(select(customer_changed.c.customer_id).limit(1)).first() is not None


def all_marks(conn: Connection) -> Marks:
    """All that are marked now, whether or not followed segments have looked at them."""
    return _found(conn)


def forget(conn: Connection, seen: Marks) -> None:
    """Campaigns have looked at these; who was marked again meanwhile, or is not refreshed yet, stays so."""
    conn.execute(delete(customer_changed).where(*_these(seen), customer_changed.c.refreshed))


def _these(seen: Marks) -> tuple[ColumnElement[bool], ...]:
    return customer_changed.c.customer_id.in_(ids_of(seen.customers)), customer_changed.c.mark.in_(ids_of(seen.marks))


def _found(conn: Connection, *tests: ColumnElement[bool]) -> Marks:
    found = Marks(array("q"), array("q"))
    rows = select(customer_changed.c.customer_id, customer_changed.c.mark).where(*tests)
    rows = rows.order_by(customer_changed.c.customer_id)
    with conn.execute(rows, execution_options={"yield_per": _STREAM}) as result:
        for part in result.partitions():
            found.customers.extend(row[0] for row in part)
            found.marks.extend(row[1] for row in part)
    return found
