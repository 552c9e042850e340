"""Touches in doubt, and what people decide about them. Nothing here is ever done by a timer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, literal, select

from crm_store.errors import StoreError, UsageError
from crm_store.ledger.log import Order, write_log
from crm_store.ledger.states import FAILED, IN_DOUBT
from crm_store.ledger.transitions import GIVE_UP, RESEND, RESUME, move
from crm_store.schema import customer, touch
from crm_store.schema.types import Instant
from crm_store.store import machine_now

# Beyond the lease and the time-out of the request, which is at most the lease again.
QUIET = timedelta(minutes=10)
# Failed before they left, for what a person can mend.
MENDABLE = ("template", "address")


@dataclass(frozen=True)
class Chosen:
    """Which touches: one, those of a request, those of a campaign; all where nothing is named."""

    touch: int | None = None
    request: str | None = None
    campaign: str | None = None

    def tests(self) -> list[ColumnElement[bool]]:
        named = (touch.c.id, self.touch), (touch.c.request_id, self.request), (touch.c.campaign, self.campaign)
        return [column == value for column, value in named if value is not None]

    def __str__(self) -> str:
        named = ("touch", self.touch), ("request", self.request), ("campaign", self.campaign)
        return ", ".join(f"{word} {value}" for word, value in named if value is not None)


def doubts(conn: Connection, chosen: Chosen, limit: int | None = None) -> list[dict[str, Any]]:
    """Touches in doubt, the oldest first; `age`: since they came into doubt, by the machine's clock."""
    clock = machine_now(conn)
    columns = touch.c.id, touch.c.campaign, touch.c.step, touch.c.request_id, touch.c.reason, touch.c.doubt_since
    wanted = select(*columns, customer.c.key.label("customer")).join(customer, customer.c.id == touch.c.customer_id)
    rows = conn.execute(wanted.where(*_in_doubt(chosen)).order_by(touch.c.doubt_since, touch.c.id).limit(limit))
    return [{**row._mapping, "age": clock - row.doubt_since if row.doubt_since else None} for row in rows]


def count_doubts(conn: Connection, chosen: Chosen) -> int:
    return int(conn.execute(select(func.count()).select_from(touch).where(*_in_doubt(chosen))).scalar_one())


def _in_doubt(chosen: Chosen) -> list[ColumnElement[bool]]:
    return [touch.c.state == IN_DOUBT, *chosen.tests()]


def resend(conn: Connection, chosen: Chosen, order: Order, lease: timedelta, now: datetime) -> int:
    """Make touches in doubt due again, by a person's order. They may arrive twice, and are not late as of `now`.

    Raises StoreError as long as their senders might still be at work: lease, time-out and ten minutes.
    """
    waits = 2 * lease + QUIET
    latest = conn.execute(select(func.max(touch.c.doubt_since)).where(*_in_doubt(chosen))).scalar_one()
    if latest is not None and latest + waits > machine_now(conn):
        at = f"{latest + waits:%Y-%m-%d %H:%M:%SZ}"
        raise StoreError(f"touches of {chosen} came into doubt too lately, an answer may still come; resend after {at}")
    not_late = case((touch.c.due_at < now, literal(now, Instant())), else_=touch.c.due_at)
    again = {"due_at": not_late, "attempt": touch.c.attempt + 1, "retry_at": None, "claim": None}
    return _ordered(conn, "resend", chosen, order, move(conn, RESEND, *chosen.tests(), **again))


def give_up(conn: Connection, chosen: Chosen, order: Order) -> int:
    """End the doubt by a person's order: they are taken for not sent."""
    return _ordered(conn, "give up", chosen, order, move(conn, GIVE_UP, *chosen.tests(), reason="gave_up"))


def resume(conn: Connection, chosen: Chosen, order: Order, now: datetime) -> int:
    """Make touches due again that failed for a template or an address which somebody has mended."""
    not_late = case((touch.c.due_at < now, literal(now, Instant())), else_=touch.c.due_at)
    mended = touch.c.state == FAILED, touch.c.reason.in_(MENDABLE), *chosen.tests()
    return _ordered(conn, "resume", chosen, order, move(conn, RESUME, *mended, due_at=not_late, retry_at=None))


def _ordered(conn: Connection, action: str, chosen: Chosen, order: Order, count: int) -> int:
    if not chosen.tests():
        raise UsageError("whose? name a touch, a request or a campaign")
    details: Mapping[str, Any] = {"touches": count}
    write_log(conn, order, action, str(chosen), details)
    return count
