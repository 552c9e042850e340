"""After a copy of the store was put back: what may have been sent since the copy was made is in doubt, not due."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from crm_store import lives
from crm_store.ledger.log import Order, write_log
from crm_store.ledger.states import CLAIMED, DISPATCHED, DUE
from crm_store.ledger.transitions import RESTORE, move
from crm_store.schema import enrolment, epoch, touch
from crm_store.store import Store, machine_now

SLICE = 5_000


def begin_new_life(store: Store, now: datetime, order: Order) -> int:
    """Hold everything that is due, claimed or dispatched in doubt, and what is planned later but was right before `now`.

    Returns how many touches there were. If it is interrupted, deliveries of an SQLite store are refused until it is done.
    """
    store.write(_remember, now)
    held = 0
    while done := store.write(_hold_some):
        held += done
    store.write(_count_on, lives.read_mark(lives.mark_of(store.file)) if store.file else 0, held, order)
    return held


def _remember(conn: Connection, now: datetime) -> None:
    conn.execute(update(epoch).values(restored_at=now))


def _hold_some(conn: Connection) -> int:
    # Who is held out was sent nothing in any life.
    held_out = select(enrolment.c.id).where(enrolment.c.id == touch.c.enrolment_id, enrolment.c.held_out_at.is_not(None))
    under_way = touch.c.state.in_((DUE, CLAIMED, DISPATCHED)), ~held_out.exists()
    some = select(touch.c.id).where(*under_way).limit(SLICE)
    return move(conn, RESTORE, touch.c.id.in_(some), reason="restored", doubt_since=machine_now(conn))


def _count_on(conn: Connection, sent: int, held: int, order: Order) -> None:
    """Requests are counted on from all that were ever sent: the store is the newest again."""
    known = conn.execute(select(epoch.c.number)).scalar_one()
    conn.execute(update(epoch).values(number=max(known, sent) + 1))
    write_log(conn, order, "restore", "store", {"touches": held})
