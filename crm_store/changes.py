"""Of which customers something was written: what followed segments have to look at again.

Whoever writes customers, events, consents or suppressions marks whose they are in the same transaction. A mark is a random
number, so that one which was read can be taken away without taking a later one along.
"""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, literal, select

from crm_store.dialect import insert
from crm_store.many import ids_of
from crm_store.schema import customer, customer_changed
from crm_store.schema.types import Id

_STREAM = 10_000


@dataclass(frozen=True)
class Marks:
    """Customers with the marks they had when somebody looked, beside each other."""

    customers: array[int]
    marks: array[int]


def mark(conn: Connection, customer_ids: Sequence[int]) -> None:
    """Something was written about these customers."""
    if customer_ids:
        mark_those(conn, customer.c.id.in_(ids_of(customer_ids)))


def mark_those(conn: Connection, whom: ColumnElement[bool]) -> None:
    """Something was written about the customers for whom that holds; in one order, so that two writers can't deadlock."""
    chosen = select(customer.c.id, literal(secrets.randbits(62), Id)).where(whom).order_by(customer.c.id)
    statement = insert(conn, customer_changed).from_select(["customer_id", "mark"], chosen)
    new = {"mark": statement.excluded.mark}
    conn.execute(statement.on_conflict_do_update(index_elements=["customer_id"], set_=new))


def marks(conn: Connection) -> Marks:
    """All that are marked now."""
    found = Marks(array("q"), array("q"))
    rows = select(customer_changed.c.customer_id, customer_changed.c.mark).order_by(customer_changed.c.customer_id)
    with conn.execute(rows, execution_options={"yield_per": _STREAM}) as result:
        for part in result.partitions():
            found.customers.extend(row[0] for row in part)
            found.marks.extend(row[1] for row in part)
    return found


def unmark(conn: Connection, seen: Marks) -> None:
    """Take away marks that were seen; who was marked again meanwhile stays so."""
    old = customer_changed.c.customer_id.in_(ids_of(seen.customers)), customer_changed.c.mark.in_(ids_of(seen.marks))
    conn.execute(delete(customer_changed).where(*old))
