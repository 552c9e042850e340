"""To whom campaigns lose the touches that a cap ends: to the mail that took the cap's last place. And what waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    and_,
    func,
    literal,
    or_,
    select,
    true,
    type_coerce,
)

from crm_store.journeys.published import currents
from crm_store.ledger.capping import NAME
from crm_store.ledger.states import DUE, SKIPPED
from crm_store.ledger.taking import TAKING, claimed_in, in_state
from crm_store.restraint.caps import Cap
from crm_store.schema import touch

_LOST = touch.alias("lost")


@dataclass(frozen=True)
class Loss:
    """How many touches a campaign lost to another, or to an earlier mail of its own."""

    campaign: str
    to: str
    touches: int


def losses(conn: Connection, since: datetime, now: datetime) -> list[Loss]:
    """The touches that a cap ended in (since, now], by campaign and winner; the most first.

    Who wins is said by the caps that are published as of today; where none is left, it is the last marketing mail."""
    newest, found = currents(conn), Counter[tuple[str, str]]()
    ended = _LOST.c.state == SKIPPED, _LOST.c.reason == NAME, _LOST.c.decided_at > since, _LOST.c.decided_at <= now
    for campaign, topic, channel in conn.execute(select(*_UNDER).where(*ended).distinct()).all():
        one = newest[campaign]
        winner = _winner(one.campaign.restraint.caps_of(one.settings.caps, topic, channel))
        alike = _LOST.c.campaign == campaign, _LOST.c.topic == topic, _LOST.c.channel == channel
        each = select(func.coalesce(winner, campaign).label("winner")).where(*ended, *alike).subquery()
        for name, count in conn.execute(select(each.c.winner, func.count()).group_by(each.c.winner)):
            found[campaign, name] += count
    return [Loss(*names, count) for names, count in sorted(found.items(), key=lambda item: (-item[1], item[0]))]


_UNDER = _LOST.c.campaign, _LOST.c.topic, _LOST.c.channel


def _winner(caps: Sequence[Cap]) -> Any:
    """SQL: the campaign of the last mail before that counts under a cap that had no room for `_LOST`."""
    counted = [_counts(touch, cap) for cap in caps]
    if len(caps) > 1:  # one alone has barred it, of several only those that were full
        counted = [and_(test, _is_full(cap)) for test, cap in zip(counted, caps, strict=True)]
    chosen = select(touch.c.campaign).where(*_before(touch), or_(*counted) if counted else true())
    return chosen.order_by(claimed_in(touch).desc(), touch.c.id.desc()).limit(1).scalar_subquery()


def _is_full(cap: Cap) -> ColumnElement[bool]:
    others = touch.alias("others")
    had = select(func.count()).where(*_before(others), _counts(others, cap)).correlate(_LOST).scalar_subquery()
    return had >= cap.at_most


def _before(table: FromClause) -> tuple[ColumnElement[bool], ...]:
    """Marketing that its customer has had."""
    hers = table.c.customer_id == _LOST.c.customer_id, table.c.topic.is_not(None), table.c.state.in_(TAKING)
    return *hers, _LOST.c.decided_at >= claimed_in(table)


def _counts(table: FromClause, cap: Cap) -> ColumnElement[bool]:
    """Whether it counted under the cap when that was asked for `_LOST`."""
    began = type_coerce(_LOST.c.decided_at, BigInteger) - literal(cap.per // timedelta(microseconds=1), BigInteger)
    tests = [type_coerce(claimed_in(table), BigInteger) > began]
    tests += [table.c.topic == cap.topic] if cap.topic else []
    tests += [table.c.channel == cap.channel] if cap.channel else []
    return and_(*tests)


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
