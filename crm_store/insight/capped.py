"""Caps in words: which mails of a customer count under one, and from when on there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from crm_store.ledger.capping import NAME, Counted, room
from crm_store.many import ids_of
from crm_store.restraint.caps import Cap, room_from
from crm_store.schema import touch


@dataclass(frozen=True)
class Room:
    """What a cap says to one more mail at an instant. `counting`: the mails that take its places, the first first."""

    cap: Cap
    counting: tuple[str, ...]
    free_from: datetime
    at: datetime

    @property
    def is_free(self) -> bool:
        return self.free_from <= self.at

    def __str__(self) -> str:
        mails = f" ({', '.join(self.counting)})" if self.counting else ""
        from_ = "" if self.is_free else f"; room from {self.free_from:%Y-%m-%d %H:%M:%S}Z"
        return f"{len(self.counting)} of {self.cap}{mails}{from_}"


def rooms(conn: Connection, campaign: str, customer_id: int, at: datetime) -> Iterator[Room]:
    """The caps that a customer is under in a campaign, leaving aside what else is due to her just now."""
    for cap, counted in room(conn, campaign, customer_id, at):
        yield _room(conn, cap, counted, at)


def barred_by(conn: Connection, touch_id: int) -> list[Room]:
    """The caps, as published now, that had no room for a touch when it was looked at last; none if no cap has barred it."""
    row = conn.execute(select(touch).where(touch.c.id == touch_id)).one()
    if row.reason != NAME or row.decided_at is None:
        return []
    found = room(conn, row.campaign, row.customer_id, row.decided_at, row.channel)
    then = ((cap, [one for one in counted if one.at <= row.decided_at]) for cap, counted in found)
    said = (_room(conn, cap, counted, row.decided_at) for cap, counted in then)
    return [one for one in said if not one.is_free]


def _room(conn: Connection, cap: Cap, counted: Sequence[Counted], at: datetime) -> Room:
    free = room_from([one.at for one in counted], cap.at_most, cap.per, at)
    named = select(touch.c.id, touch.c.step, touch.c.campaign).where(
        touch.c.id.in_(ids_of([one.touch_id for one in counted]))
    )
    names = {row.id: f"{row.step} of {row.campaign}" for row in conn.execute(named)}
    mails = (f"{names[one.touch_id]} {one.at:%Y-%m-%d %H:%M}Z" for one in sorted(counted, key=lambda one: one.at))
    return Room(cap, tuple(mails), free, at)
