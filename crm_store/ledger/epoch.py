"""Which life of the store this is: a number that grows with every request, so that a copy put back shows its age."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from crm_store.schema import epoch


def begin(conn: Connection) -> None:
    """The first life of a store whose tables were made without the migrations, which begin it otherwise."""
    conn.execute(insert(epoch).values(id=1, number=0))


def next_number(conn: Connection) -> int:
    """Count a request, in the transaction that names it."""
    counted = update(epoch).values(number=epoch.c.number + 1).returning(epoch.c.number)
    return int(conn.execute(counted).scalar_one())


def number(conn: Connection) -> int:
    """How many requests were ever named in this store."""
    return int(conn.execute(select(epoch.c.number)).scalar_one())
