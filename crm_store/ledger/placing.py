"""Places of a pace or a ramp that claims have taken: a row for each claim, so that counting them takes no longer the more
have gone. A touch that comes back, or fails, gives its place back (`transitions.py`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, func, insert, select, update

from crm_store.schema import place

Counts = Sequence[tuple[datetime, int]]
_KEPT = timedelta(days=62)


def take(conn: Connection, claim: str, campaign: str, channel: str, count: int, now: datetime) -> None:
    """A claim by `now` has taken so many places of the campaign's pace and the channel's ramp."""
    row = {"claim": claim, "campaign": campaign, "channel": channel, "at": now, "taken": count}
    conn.execute(insert(place), row)
    conn.execute(delete(place).where(place.c.campaign == campaign, place.c.at < now - _KEPT))


def taken(conn: Connection, *which: ColumnElement[bool]) -> Counts:
    """How many places were taken, and when."""
    chosen = select(place.c.at, func.sum(place.c.taken)).where(*which, place.c.taken > 0)
    return [(at, int(count)) for at, count in conn.execute(chosen.group_by(place.c.at).order_by(place.c.at))]


def give_back(conn: Connection, claims: Select[Any]) -> None:
    """Free the places of touches that are about to leave the hands of these claims, a row for each touch. They are locked:
    whoever else moves them must not count them too."""
    found = Counter(conn.execute(claims.with_for_update()).scalars())
    given = [{"of": claim, "count": count} for claim, count in sorted(found.items()) if claim is not None]
    if given:
        fewer = place.c.taken - bindparam("count")
        conn.execute(update(place).where(place.c.claim == bindparam("of")).values(taken=fewer), given)
