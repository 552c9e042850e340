"""What providers tell about mails that have left: each event once, in any order, however often it is told.

Whatever names our touch proves that it was accepted. What a touch's events say together is the one of the highest rank
(`touch.outcome`), never the one that came last. Events of touches that are not here are kept aside until they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, and_, case, delete, exists, func, select, update

from crm_store.changes import mark
from crm_store.consent.record import ConsentFact, SuppressionFact, record_consents, suppress
from crm_store.dialect import insert
from crm_store.ledger.reference import natural_keys, reference
from crm_store.ledger.states import IN_DOUBT
from crm_store.ledger.transitions import ACCEPT, PROVE, move
from crm_store.schema import stray_event, touch, touch_event
from crm_store.schema.types import later
from crm_store.store import machine_now

# From what says least to what says most. A bounce after a delivery is a late one; who opens has got it after all.
RANKS = (
    "accepted",
    "deferred",
    "blocked",  # this time: full, too large, a bad reputation
    "delivered",
    "dropped",
    "bounced",
    "opened",
    "clicked",
    "unsubscribed",
    "complained",
)
# Nobody opens a mail, or follows its links, in the second in which it arrives; nor three of its links in one second.
_AT_ONCE = timedelta(seconds=1)
_LINKS_AT_ONCE = 3


@dataclass(frozen=True)
class ProviderEvent:
    """One event, in our words. `at`: when it happened, by the provider's clock. `address`: whom the mail went to.

    `suppresses`: nobody may write to the address any more, for this reason. `withdraws`: the customer has left the topic.
    """

    id: str
    reference: str
    kind: str
    at: datetime
    actor: str = "unknown"  # human | machine | unknown
    link: str | None = None
    address: str | None = None
    suppresses: str | None = None
    withdraws: bool = False


@dataclass(frozen=True)
class Provider:
    """Who tells. `whole`: it accepts a request as a whole or not at all, so that one event proves all its touches."""

    name: str
    whole: bool


@dataclass(frozen=True)
class Told:
    """What was told: new events, those known already, those of unknown touches; and how many touches they settled."""

    new: int = 0
    known: int = 0
    aside: int = 0
    settled: int = 0

    def plus(self, other: Told) -> Told:
        return Told(self.new + other.new, self.known + other.known, self.aside + other.aside, self.settled + other.settled)


def take_events(conn: Connection, provider: Provider, events: Sequence[ProviderEvent], key: bytes) -> Told:
    """Write down a batch of events, and what follows from them. `key`: the store's first link key (`reference.py`)."""
    distinct = {event.id: event for event in reversed(events)}
    ours = _ours(conn, [event.reference for event in distinct.values()], key)
    known = [event for event in distinct.values() if event.reference in ours]
    strange = [event for event in distinct.values() if event.reference not in ours]
    new = _write(conn, provider, known, ours)
    aside = _put_aside(conn, provider, strange)
    touched = sorted(set(ours.values()))
    settled = _prove(conn, provider, touched)
    _draw_consequences(conn, provider, known, ours)
    _rank(conn, touched)
    suppress(conn, [_suppression(event, provider) for event in strange if event.suppresses and event.address])
    return Told(new, len(events) - new - aside, aside, settled)


def _ours(conn: Connection, references: Sequence[str], key: bytes) -> dict[str, int]:
    """The touches of those references that are here: the number is one of ours, and the word is that touch's."""
    numbers = {int(one.partition(".")[0]) for one in references if one.partition(".")[0].isdecimal()}
    naturals = natural_keys(conn, [number for number in numbers if number < 2**63])
    made = {reference(key, number, natural): number for number, natural in naturals.items()}
    return {one: made[one] for one in references if one in made}


def _write(conn: Connection, provider: Provider, events: Sequence[ProviderEvent], ours: Mapping[str, int]) -> int:
    if not events:
        return 0
    chosen = select(touch.c.id, touch.c.customer_id).where(touch.c.id.in_(set(ours.values())))
    whose = {row.id: row.customer_id for row in conn.execute(chosen)}
    mark(conn, sorted(set(whose.values())))
    rows = [
        {**_facts(event, provider), "touch_id": ours[event.reference], "customer_id": whose[ours[event.reference]]}
        for event in events
    ]
    unique = ["provider", "provider_event_id"]
    statement = insert(conn, touch_event).on_conflict_do_nothing(index_elements=unique).returning(touch_event.c.id)
    return len(conn.execute(statement, rows).all())


def _facts(event: ProviderEvent, provider: Provider) -> dict[str, Any]:
    facts = {"kind": event.kind, "at": event.at, "actor": event.actor, "link": event.link}
    return {**facts, "provider": provider.name, "provider_event_id": event.id}


def _put_aside(conn: Connection, provider: Provider, events: Sequence[ProviderEvent]) -> int:
    """Keep events of unknown touches, without the address. What they say of the address holds at once."""
    if not events:
        return 0
    words = {event.id: event.reference.partition(".")[2] for event in events}
    more = {"received_at": machine_now(conn)}
    rows = [{**_facts(event, provider), **more, "word": words[event.id], "withdraws": event.withdraws} for event in events]
    unique = ["provider", "provider_event_id"]
    statement = insert(conn, stray_event).on_conflict_do_nothing(index_elements=unique).returning(stray_event.c.id)
    return len(conn.execute(statement, rows).all())


def _prove(conn: Connection, provider: Provider, touch_ids: Sequence[int]) -> int:
    """These touches were accepted, and so were all of a request that is accepted as a whole. How many were in doubt."""
    settled = 0
    if provider.whole:
        # A touch that has gone more than once may be named for an earlier request than its last.
        requests = select(touch.c.request_id).where(touch.c.id.in_(touch_ids), touch.c.attempt == 1)
        same = touch.c.request_id.in_(requests.where(touch.c.request_id.is_not(None)).scalar_subquery())
        settled += move(conn, ACCEPT, same, sent_at=_went_at())
    return settled + move(conn, PROVE, touch.c.id.in_(touch_ids), sent_at=_went_at())


def _went_at() -> ColumnElement[datetime]:
    """Business time: the last look's, or what was right."""
    return func.coalesce(touch.c.decided_at, touch.c.due_at)


def _draw_consequences(
    conn: Connection, provider: Provider, events: Sequence[ProviderEvent], ours: Mapping[str, int]
) -> None:
    suppress(conn, [_suppression(event, provider) for event in events if event.suppresses and event.address])
    leaving = {ours[event.reference]: event for event in events if event.withdraws}
    if not leaving:
        return
    columns = touch.c.id, touch.c.customer_id, touch.c.channel, touch.c.topic
    rows = conn.execute(select(*columns).where(touch.c.id.in_(leaving), touch.c.topic.is_not(None))).all()
    facts = [
        ConsentFact(row.customer_id, row.channel, row.topic, "withdrawn", leaving[row.id].at, provider.name) for row in rows
    ]
    record_consents(conn, facts, machine_now(conn))


def _suppression(event: ProviderEvent, provider: Provider) -> SuppressionFact:
    return SuppressionFact("email", event.address or "", event.suppresses or "", provider.name, event.at)


def _rank(conn: Connection, touch_ids: Sequence[int]) -> None:
    """Say who did it, as far as the events tell, then what they come to: both the same in whatever order they came."""
    mine = touch_event.c.touch_id.in_(touch_ids)
    conn.execute(update(touch_event).where(mine, touch_event.c.actor == "unknown", _by_machine()).values(actor="machine"))
    # A machine that opens a mail has at least got it.
    said = case((_is_reading(touch_event) & (touch_event.c.actor == "machine"), "delivered"), else_=touch_event.c.kind)
    rank = case({kind: number for number, kind in enumerate(RANKS)}, value=said, else_=-1)
    highest = select(said).where(touch_event.c.touch_id == touch.c.id).order_by(rank.desc(), touch_event.c.id).limit(1)
    conn.execute(update(touch).where(touch.c.id.in_(touch_ids)).values(outcome=highest.scalar_subquery()))


def _is_reading(events: FromClause) -> ColumnElement[bool]:
    return events.c.kind.in_(("opened", "clicked"))


def _by_machine() -> ColumnElement[bool]:
    """An opening or a click that no human can have made: too soon after delivery, or too many links at a time."""
    other, link, this = touch_event.alias("other"), touch_event.alias("link"), touch_event.c
    delivered = other.c.touch_id == this.touch_id, other.c.kind == "delivered"
    soon = exists().where(*delivered, other.c.at <= this.at, later(other.c.at, _AT_ONCE) >= this.at)
    clicked = link.c.touch_id == this.touch_id, link.c.kind == "clicked", link.c.at == this.at
    together = select(func.count(link.c.link.distinct())).where(*clicked).scalar_subquery()
    return and_(_is_reading(touch_event), soon | ((this.kind == "clicked") & (together >= _LINKS_AT_ONCE)))


def take_up_strays(conn: Connection, key: bytes, after: int, most: int) -> tuple[Told, int | None]:
    """Give events that were kept aside to touches that have appeared since: those that a restored store holds in doubt.

    Looks at up to `most` touches with numbers over `after`. Returns what came of it, and where to go on (None: done).
    """
    if conn.execute(select(stray_event.c.id).limit(1)).first() is None:
        return Told(), None
    held = select(touch.c.id).where(touch.c.state == IN_DOUBT, touch.c.reason == "restored", touch.c.id > after)
    ids = list(conn.execute(held.order_by(touch.c.id).limit(most)).scalars())
    made = {reference(key, number, natural): number for number, natural in natural_keys(conn, ids).items()}
    words = {one.partition(".")[2]: one for one in made}
    rows = conn.execute(select(stray_event).where(stray_event.c.word.in_(list(words)))).all()
    told = Told()
    for name in sorted({row.provider for row in rows}):
        ours = [row for row in rows if row.provider == name]
        conn.execute(delete(stray_event).where(stray_event.c.id.in_([row.id for row in ours])))
        events = [_again(row, words[row.word]) for row in ours]
        told = told.plus(take_events(conn, Provider(name, whole=False), events, key))
    return replace(told, known=0), ids[-1] if len(ids) == most else None


def _again(row: Any, reference: str) -> ProviderEvent:
    return ProviderEvent(row.provider_event_id, reference, row.kind, row.at, row.actor, row.link, withdraws=row.withdraws)
