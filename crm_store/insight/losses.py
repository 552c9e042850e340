"""To whom campaigns lose the touches that a cap ends: to the mail that the customer got last before. And what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from crm_store.ledger.capping import NAME
from crm_store.ledger.states import DUE, SKIPPED
from crm_store.ledger.taking import TAKING, claimed_at, in_state
from crm_store.schema import touch


@dataclass(frozen=True)
class Loss:
    """How many touches a campaign lost to another, or to an earlier mail of its own."""

    campaign: str
    to: str
    touches: int


def losses(conn: Connection, since: datetime, now: datetime) -> list[Loss]:
    """The touches that a cap ended in (since, now], by campaign and winner; the most first."""
    lost = touch.alias("lost")
    last = (
        select(touch.c.campaign)
        .where(
            touch.c.customer_id == lost.c.customer_id,
            touch.c.topic.is_not(None),
            touch.c.state.in_(TAKING),
            lost.c.decided_at >= claimed_at,
        )
        .order_by(claimed_at.desc(), touch.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    ended = lost.c.state == SKIPPED, lost.c.reason == NAME, lost.c.decided_at > since, lost.c.decided_at <= now
    each = select(lost.c.campaign, func.coalesce(last, lost.c.campaign).label("winner")).where(*ended).subquery()
    counted = select(each.c.campaign, each.c.winner, func.count()).group_by(each.c.campaign, each.c.winner)
    rows = conn.execute(counted.order_by(func.count().desc(), each.c.campaign, each.c.winner))
    return [Loss(*row) for row in rows]


@dataclass(frozen=True)
class Waits:
    """How many touches of a campaign wait for room under caps (`when_capped: wait`), and when they are looked at again."""

    campaign: str
    touches: int
    first: datetime
    last: datetime


def waiting(conn: Connection) -> list[Waits]:
    """The touches that a cap has put off, by campaign; the most first."""
    times = func.min(touch.c.due_at), func.max(touch.c.due_at)
    chosen = select(touch.c.campaign, func.count(), *times).where(in_state(touch, DUE), touch.c.reason == NAME)
    rows = conn.execute(chosen.group_by(touch.c.campaign).order_by(func.count().desc(), touch.c.campaign))
    return [Waits(*row) for row in rows]
