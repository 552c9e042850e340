"""Whom a campaign takes in now: the trigger's candidates, as far as `late`, `runs`, `limit` and the audience let them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, insert, literal, null, select, true, update
from sqlalchemy import cast as sql_cast

from crm_store.dialect import looked_up
from crm_store.journeys.again import CANDIDATE, has_room
from crm_store.journeys.context import Runnable, Standing
from crm_store.journeys.goal import aim, reach
from crm_store.journeys.holdouts import draw_hold_outs
from crm_store.journeys.news import ENTRY, News
from crm_store.journeys.triggers import Window
from crm_store.journeys.turn import Turn
from crm_store.schema import campaign as campaign_table
from crm_store.schema import customer, enrolment
from crm_store.schema.types import Instant, Words

CUSTOMERS = 10_000  # at once, of those who are looked at again
SPAN = 100_000  # customers at once, of all
_NEXT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Entry:
    """Whom an entry looks at: those whose right instant is no earlier, or only these customers."""

    since: datetime | None = None
    only: tuple[int, ...] | None = None


EVERYBODY = Entry()


def entries(conn: Connection, version: Runnable, followed: Sequence[Runnable], stands: Standing, news: News) -> list[Entry]:
    """First the customers whom something was written about, then the instants since the last look; else everybody.

    `followed`: the versions in which somebody is under way."""
    if version.campaign.again.policy == "leaving" and any(one.campaign.again.policy != "leaving" for one in followed):
        return [EVERYBODY]  # whoever leaves those lets nobody know that she may enter again
    since = news.since(version, ENTRY)
    if since is None or (stands.live_since or since) > since:
        return [EVERYBODY]
    if since == stands.live_since and since < news.now:
        news.note()  # all who are in the segment already have that instant: they are gone through once, not in every tick
    few = news.entering(conn, version, since)
    if few is None:
        return [EVERYBODY]
    parts = [Entry(only=tuple(few[start : start + CUSTOMERS])) for start in range(0, len(few), CUSTOMERS)]
    return [*parts, Entry(since=since)] if since < news.now else parts


def found(conn: Connection, version: Runnable, stands: Standing, now: datetime, entry: Entry, size: int) -> list[Entry]:
    """Whom there is to write for an entry, in slices of `size` customers: read once, before a transaction is begun."""
    when, trigger = window(conn, version, stands, now, entry), version.campaign.trigger
    if not trigger.comes(conn, when, version.scope(conn, now)):
        return []
    if trigger.of_everybody:
        return [entry]
    ids = array("q")
    for span in _spans(conn) if entry == EVERYBODY else [None]:
        chosen = candidates(conn, version, replace(when, span=span)).with_only_columns(customer.c.id)
        ids.extend(conn.execute(chosen.distinct().order_by(customer.c.id)).scalars())
    return [Entry(only=tuple(ids[start : start + size])) for start in range(0, len(ids), size)]


def _spans(conn: Connection) -> Iterator[tuple[int, int]]:
    """All customers in spans: what the databases keep while they look at one has a bound."""
    last = conn.execute(select(func.max(customer.c.id))).scalar_one() or 0
    yield from ((first, first + SPAN) for first in range(0, last + 1, SPAN))


@dataclass(frozen=True)
class Part:
    """Candidates that are enrolled together. `upto`: where the next part begins, however few these are; None: after the
    last of these."""

    chosen: Select[Any]
    upto: int | None = None


def part(
    conn: Connection, version: Runnable, stands: Standing, now: datetime, first: int, size: int, looked_at: Entry
) -> Part:
    """Candidates from the customer with the number `first` on.

    Where everybody is a candidate, `size` customers are looked at, and once all have been it is noted up to when.
    """
    entry = window(conn, version, stands, now, looked_at)
    chosen = candidates(conn, version, entry).where(customer.c.id >= first).order_by(customer.c.id)
    if not version.campaign.trigger.of_everybody:
        return Part(chosen.limit(size + 1))  # mostly as many customers are asked for, each of whom enters once
    upto = None
    if version.campaign.trigger.comes(conn, entry, version.scope(conn, now)):
        beyond = select(customer.c.id).where(customer.c.id >= first).order_by(customer.c.id).offset(size).limit(1)
        upto = conn.execute(beyond).scalar()
    if upto is None:
        _gone_through(conn, version, now)
        return Part(chosen)
    return Part(chosen.where(customer.c.id < upto), upto)


def begin(turn: Turn, chosen: Select[Any]) -> list[Any]:
    """Write the candidates down, at the first step of their journey. Returns their rows: id, customer_id."""
    entered, course = _enrol(turn.conn, turn.version, chosen), turn.version.campaign.course
    ids = [row.id for row in entered]
    draw_hold_outs(turn, ids)
    aim(turn, ids)
    reach(turn, ids)
    for step in course.steps:
        step.entered(turn, ids)
    turn.go(ids, course.tree[0], enrolment.c.entered_at)
    return entered


def _enrol(conn: Connection, version: Runnable, chosen: Select[Any]) -> list[Any]:
    rows = chosen.subquery("chosen")
    fixed = {
        "campaign": literal(version.campaign.name, Words),
        "definition_id": literal(version.id),
        "state": literal("in", Words),
        "past": literal(False),
        "step": sql_cast(null(), Words),
        "next_at": sql_cast(null(), Instant()),
    }
    names = [*CANDIDATE, *fixed]
    statement = insert(enrolment).from_select(names, select(*(rows.c[name] for name in CANDIDATE), *fixed.values()))
    return list(conn.execute(statement.returning(enrolment.c.id, enrolment.c.customer_id)).all())


def window(conn: Connection, version: Runnable, stands: Standing, now: datetime, looked_at: Entry = EVERYBODY) -> Window:
    """When the right instants of entries lie that are made now."""
    campaign = version.campaign
    live_since = stands.live_since or now
    if campaign.runs.begins:
        live_since = max(live_since, campaign.runs.begins)
    since = now - campaign.late.within
    if campaign.late.otherwise != "skip":
        since = min(since, live_since)
    if campaign.runs.begins:
        since = max(since, campaign.runs.begins)
    seen = _gone_through_to(conn, version) if campaign.trigger.of_everybody else None
    since = max(since, looked_at.since or since, seen + _NEXT if seen else since)
    return Window(since, now, live_since, campaign.limit, looked_at.only)


def candidates(conn: Connection, version: Runnable, entry: Window) -> Select[Any]:
    """Whom the trigger enters: not erased, in the audience, not enrolled for this occasion yet, within the limit."""
    campaign = version.campaign
    scope = version.scope(conn, entry.now)
    found = campaign.trigger.candidates(conn, campaign.name, campaign.again, entry, scope).subquery("candidate")
    same = enrolment.c.campaign == campaign.name, enrolment.c.customer_id == found.c.customer_id
    enrolled = looked_up(select(enrolment.c.id).where(*same, enrolment.c.occasion == found.c.occasion).correlate(found))
    audience = campaign.audience.sql(scope) if campaign.audience else true()
    in_time = found.c.entered_at < campaign.runs.ends if campaign.runs.ends else true()
    chosen = (
        select(*(found.c[name] for name in CANDIDATE))
        .join(customer, customer.c.id == found.c.customer_id)
        .where(customer.c.erased_at.is_(None), ~enrolled, audience, in_time, *entry.of(customer.c.id))
    )
    return chosen if campaign.limit is None else _earliest(chosen, campaign.name, entry)


def _earliest(chosen: Select[Any], campaign: str, entry: Window) -> Select[Any]:
    """Of each customer the first that the limit has room for: the later ones are asked again once that is in."""
    of = chosen.selected_columns
    order = (of.entered_at, of.trigger_event_id, of.occasion)
    place = func.row_number().over(partition_by=of.customer_id, order_by=order).label("place")
    room = has_room(campaign, of.customer_id, of.entered_at, entry.limit)
    placed = chosen.where(room).add_columns(place).subquery("placed")
    first = select(*(placed.c[name] for name in CANDIDATE)).join(customer, customer.c.id == placed.c.customer_id)
    return first.where(placed.c.place == 1)


def _gone_through(conn: Connection, version: Runnable, now: datetime) -> None:
    of_name = campaign_table.c.name == version.campaign.name
    conn.execute(update(campaign_table).where(of_name).values(entered_to=now, entered_by=version.id))


def _gone_through_to(conn: Connection, version: Runnable) -> datetime | None:
    """Up to when everybody has been looked at by this version; another one may find more."""
    same = campaign_table.c.name == version.campaign.name, campaign_table.c.entered_by == version.id
    return conn.execute(select(campaign_table.c.entered_to).where(*same)).scalar()
