"""What is kept of mails, for whoever must see them again: their shells for good, what is a customer's own for a time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Connection, Select, bindparam, delete, select, union_all

from crm_store.dialect import insert
from crm_store.errors import StoreError
from crm_store.schema import customer, shell, touch, touch_values


def keep_shell(conn: Connection, hash_: str, packed: bytes) -> None:
    """Keep what mails share under its hash; nothing happens if it is there."""
    conn.execute(insert(conn, shell).on_conflict_do_nothing(), {"hash": hash_, "packed": packed})


def shell_of(conn: Connection, hash_: str) -> bytes:
    """Raises StoreError if it is not there."""
    packed = conn.execute(select(shell.c.packed).where(shell.c.hash == hash_)).scalar()
    if packed is None:
        raise StoreError(f"what mails of shell {hash_} share is not in the store; the store is damaged")
    return bytes(packed)


def forget_mails(conn: Connection, before: datetime, most: int) -> int:
    """Forget what is a customer's own in up to `most` mails that were decided on before that instant (business time), or
    whose customer is erased. Returns how many; fewer than `most`: there are no more, but for what was sent out of turn."""
    ids = conn.execute(_FORGOTTEN, {"before": before, "most": most}).scalars().all()
    conn.execute(delete(touch_values).where(touch_values.c.touch_id.in_(ids)))
    return len(ids)


def _forgotten() -> Select[tuple[int]]:
    most = bindparam("most", type_=BigInteger)
    # Touches are numbered as they are planned, so that the oldest ones come first.
    first = select(touch_values.c.touch_id).order_by(touch_values.c.touch_id).limit(most).subquery()
    old = select(touch.c.id).join(first, first.c.touch_id == touch.c.id).where(touch.c.decided_at < bindparam("before"))
    gone = select(touch.c.id).join(customer, customer.c.id == touch.c.customer_id).where(customer.c.erased_at.is_not(None))
    return select(touch_values.c.touch_id).where(touch_values.c.touch_id.in_(union_all(old, gone))).limit(most)


_FORGOTTEN = _forgotten()  # asked at the beginning of each drain, and hardly ever for anything
