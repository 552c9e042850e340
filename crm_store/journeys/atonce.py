"""What campaigns do as soon as an event is written, in the transaction that writes it: whom it enters takes the first
steps that wait for nothing and say nothing to anybody. A complaint pauses marketing from that commit on.

Mails, waits and whoever enters otherwise are the next tick's: it finds these enrolments by their keys. What a tick as of
the same instant would have written is what is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, select

from crm_store import definitions
from crm_store.intake.records import EventRecord
from crm_store.journeys import entering
from crm_store.journeys.context import Runnable, Standing
from crm_store.journeys.feeds import held_for
from crm_store.journeys.published import Running, running, standing
from crm_store.journeys.slices import Slice, in_turn
from crm_store.journeys.turn import Turn
from crm_store.many import ids_of
from crm_store.schema import customer, enrolment
from crm_store.store import Store


@dataclass(frozen=True, eq=False)
class Quick:
    """A campaign that begins so. Events of its kind enter whose instant is in [since, now]."""

    one: Running
    kind: str
    since: datetime


class AtOnce:
    """The campaigns of a store that begin with such a step, as of `now`; read when the first event comes."""

    def __init__(self, store: Store, now: datetime) -> None:
        self.store, self.now = store, now

    @cached_property
    def _campaigns(self) -> tuple[Quick, ...]:
        with self.store.read() as conn:
            return tuple(quick for one in running(conn, self.now) if (quick := _quick(conn, one, self.now)) is not None)

    def entered_by(self, record: object) -> list[Quick]:
        """The campaigns that a record may enter, if it is an event."""
        if not isinstance(record, EventRecord):
            return []
        return [one for one in self._campaigns if one.kind == record.kind and one.since <= record.at <= self.now]

    def enter(self, conn: Connection, records: Iterable[Any]) -> None:
        """Whom these events, which are written, enter takes the first steps. The transaction has taken its turn."""
        keys: dict[Quick, set[str]] = {}
        for record in records:
            for quick in self.entered_by(record):
                keys.setdefault(quick, set()).add(record.customer)
        for quick, whose in keys.items():
            newest, stands = quick.one.newest, quick.one.stands
            if _stands_as_read(conn, quick.one) and not held_for(conn, [newest, *quick.one.followed], self.now):
                ids = conn.execute(select(customer.c.id).where(customer.c.key.in_(sorted(whose)))).scalars()
                in_turn(conn, _enter, newest, self.now, stands, tuple(ids))


def _quick(conn: Connection, one: Running, now: datetime) -> Quick | None:
    newest, stands = one.newest, one.stands
    kind, enters = newest.campaign.trigger.event(), stands.status in ("live", "paused") and stands.live_since is not None
    if kind is None or not (enters and newest.campaign.begins_at_once):
        return None
    return Quick(one, kind, entering.window(conn, newest, stands, now).since)


def _stands_as_read(conn: Connection, one: Running) -> bool:
    """Whether nobody has published it anew, ended it or given it another name since it was read."""
    same = definitions.current_id(conn, "campaign", one.stands.name) == one.newest.id
    return same and standing(conn, one.stands.name).status == one.stands.status


def _enter(conn: Connection, version: Runnable, now: datetime, stands: Standing, customers: tuple[int, ...]) -> Slice:
    """Again until nobody enters: of one customer's events a later one may, once she is through with the one before."""
    only, entered, left = entering.Entry(only=customers), 0, 0
    when = entering.window(conn, version, stands, now, only)
    while rows := entering.begin(Turn(conn, version, now), entering.candidates(conn, version, when)):
        entered += len(rows)
        left += _go(Turn(conn, version, now), [row.id for row in rows])
    return Slice(None, entered=entered, left=left)


def _go(turn: Turn, ids: Sequence[int]) -> int:
    """These enrolments go as far as they can at once. Returns how many have left."""
    left = turn.leave(turn.where_exit_holds(ids), "exit")
    for step in turn.version.campaign.course.steps:
        if step.at_once() and (here := _at(turn, step.name, ids)):
            left += step.pass_on(turn, here)
    return left


def _at(turn: Turn, step: str, ids: Sequence[int]) -> list[int]:
    here = enrolment.c.id.in_(ids_of(ids)), enrolment.c.state == "in", enrolment.c.step == step
    return list(turn.conn.execute(select(enrolment.c.id).where(*here).order_by(enrolment.c.id)).scalars())
