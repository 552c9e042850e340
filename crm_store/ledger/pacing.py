"""`pace` of a campaign and `ramp_up` of a channel, in the claim: what goes now, and when there is a place for the rest.

What a claim takes of either has a row in `place` (`placing.py`). Claims that count there go one after the other
(PostgreSQL: a lock of the pace's or the ramp's name; SQLite: one writer). What has no place is put off to an instant of
its own, at the end of those that wait, so that a tick looks only at those whose instant has come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import chain, repeat
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from crm_store.clock import local_date, local_instant, start_of_day
from crm_store.content.literals import Rate
from crm_store.journeys.context import Runnable
from crm_store.journeys.published import current
from crm_store.journeys.steps import Send
from crm_store.ledger import placing
from crm_store.ledger.gates import Verdict, barred, passing
from crm_store.ledger.placing import Counts
from crm_store.ledger.states import DUE, SKIPPED
from crm_store.ledger.taking import take_turn
from crm_store.many import ids_of
from crm_store.restraint.ramp import RampUp
from crm_store.schema import place, touch

PACE, RAMP_UP = "pace", "ramp_up"
Verdicts = Mapping[int, Verdict]


def paced(
    conn: Connection, version: Runnable, step: Send, verdicts: Verdicts, now: datetime, is_rival: bool
) -> dict[int, Verdict]:
    """The verdicts; what passes but finds no place is put off to when there is one, or ended if it expires before.

    `is_rival`: they are not about to be claimed, and nobody is kept from counting."""
    newest, said = current(conn, version.campaign.name), dict(verdicts)
    name, channel = newest.campaign.name, step.message(version.campaign).channel
    pace, ramp = newest.campaign.restraint.pace, _ramp_up(newest, channel, now)
    if pace is not None:
        if not is_rival:
            take_turn(conn, f"{PACE} {name}")
        given = _given(conn, name, pace.per.fixed(), now)
        room = max(0, pace.count - sum(count for _, count in given))
        waiting = _places_in_turn(conn, name, pace, given, room, now)
        said = _with_room(conn, PACE, said, room, waiting)
    if ramp is not None and version.campaign.topic is not None:  # service counts, and is not kept back
        if not is_rival:
            take_turn(conn, f"{RAMP_UP} {channel}")
        zone = newest.settings.company.zone
        limit = ramp.limit(local_date(now, zone)) or 0
        room = max(0, limit - _given_today(conn, channel, start_of_day(local_date(now, zone), zone), zone))
        said = _with_room(conn, RAMP_UP, said, room, _days_with_room(conn, channel, ramp, newest, now))
    return said


def take_places(conn: Connection, version: Runnable, step: Send, claim: str, count: int, now: datetime) -> None:
    """Write down that so many touches, which are claimed, have taken the places of a pace or a ramp."""
    newest, channel = current(conn, version.campaign.name), step.message(version.campaign).channel
    if count and (newest.campaign.restraint.pace is not None or _ramp_up(newest, channel, now) is not None):
        placing.take(conn, claim, newest.campaign.name, channel, count, now)


def _ramp_up(newest: Runnable, channel: str, now: datetime) -> RampUp | None:
    """The channel's ramp, on a day that it is about."""
    ramp = newest.settings.channels[channel].ramp_up
    return ramp if ramp and ramp.limit(local_date(now, newest.settings.company.zone)) is not None else None


def _with_room(
    conn: Connection, name: str, verdicts: dict[int, Verdict], room: int, later: Iterator[datetime]
) -> dict[int, Verdict]:
    """The first `room` of those that pass go on; each of the others waits for the next of the instants."""
    passed = [touch_id for touch_id, said in verdicts.items() if said.state is None]
    if len(passed) <= room:
        return verdicts | {touch_id: passing(verdicts[touch_id], name) for touch_id in passed}
    for number, row in enumerate(_in_order(conn, passed)):
        said = verdicts[row.id]
        if number < room:
            verdicts[row.id] = passing(said, name)
        else:
            at = next(later, row.expires_at)
            verdicts[row.id] = barred(said, name, SKIPPED, at if at < row.expires_at else None)
    return verdicts


def _in_order(conn: Connection, ids: Sequence[int]) -> Sequence[Row[Any]]:
    chosen: Select[Any] = select(touch.c.id, touch.c.expires_at).where(touch.c.id.in_(ids_of(ids)))
    return conn.execute(chosen.order_by(touch.c.due_at, touch.c.id)).all()


# A pace: at most so many in any time


def _given(conn: Connection, campaign: str, per: timedelta, now: datetime) -> Counts:
    """When touches of the campaign were claimed, so near to `now` that they count with what is claimed now."""
    return placing.taken(conn, place.c.campaign == campaign, place.c.at > now - per, place.c.at < now + per)


def _places_in_turn(
    conn: Connection, campaign: str, pace: Rate, given: Counts, room: int, now: datetime
) -> Iterator[datetime]:
    """When the next places get free behind those that wait already. Nothing is read before the first is asked for."""
    yield from places([*given, (now, room), *_promised(conn, campaign, pace.per.fixed(), now)], pace)


def places(taken: Iterable[tuple[datetime, int]], pace: Rate) -> Iterator[datetime]:
    """When further places get free, one after the other, for ever, if so many are taken at these instants: each a `per`
    after the one that is `count` places before it, and not before the last. At least `count` must be taken; of what is far
    ahead it is enough to know what lies within a `per` of the last."""
    per, instants = pace.per.fixed(), chain.from_iterable(repeat(at, count) for at, count in sorted(taken))
    last = deque(instants, maxlen=pace.count)
    while True:
        last.append(max(last[-1], last[0] + per))
        yield last[-1]


def _promised(conn: Connection, campaign: str, per: timedelta, now: datetime) -> Counts:
    """The last of the instants that waiting touches were put off to: all that a new one must keep its distance of."""
    waits = touch.c.campaign == campaign, touch.c.state == DUE, touch.c.reason == PACE
    newest = select(touch.c.due_at).where(*waits, touch.c.due_at > now).order_by(touch.c.due_at.desc())
    last = conn.execute(newest.limit(1)).scalar()
    if last is None:
        return []
    # One bound: of two SQLite may take the further one for its index.
    chosen = select(touch.c.due_at, func.count()).where(*waits, touch.c.due_at > max(now, last - per))
    return [(at, count) for at, count in conn.execute(chosen.group_by(touch.c.due_at))]


# A ramp: at most so many on a day


def _given_today(conn: Connection, channel: str, begins: datetime, zone: Any) -> int:
    ends = start_of_day(local_date(begins, zone) + timedelta(days=1), zone)
    today = place.c.channel == channel, place.c.at >= begins, place.c.at < ends
    return sum(count for _, count in placing.taken(conn, *today))


def _days_with_room(conn: Connection, channel: str, ramp: RampUp, newest: Runnable, now: datetime) -> Iterator[datetime]:
    """The same time of the following days, each as often as it has places that nobody was put off to; then the first
    without a limit. Nothing is read before the first is asked for."""
    zone = newest.settings.company.zone
    today = local_date(now, zone)
    waits = touch.c.channel == channel, touch.c.state == DUE, touch.c.reason == RAMP_UP, touch.c.due_at > now
    waiting: dict[date, int] = {}
    for at, count in conn.execute(select(touch.c.due_at, func.count()).where(*waits).group_by(touch.c.due_at)):
        waiting[local_date(at, zone)] = waiting.get(local_date(at, zone), 0) + count
    for day in (today + timedelta(days=number) for number in range(1, (ramp.ends - today).days + 1)):
        at, limit = local_instant(day, now.astimezone(zone).time(), zone), ramp.limit(day)
        yield from repeat(at) if limit is None else repeat(at, max(0, limit - waiting.get(day, 0)))
