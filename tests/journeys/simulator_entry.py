"""Who enters a campaign, when, and under which key: one fact at a time, the earliest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tests.journeys.simulator_facts import Campaign, Enrolment, Happening, Person
from tests.journeys.simulator_times import clock, comes_round, duration, local, shift_day, shifted

NEAREST = timedelta(days=300)
NO_BIRTHDAYS = ((1970, 1, 1), (1900, 1, 1))


@dataclass(frozen=True)
class Entry:
    """A fact that may enter somebody; `key`: the occasion, where the fact itself says it."""

    at: datetime
    trigger_at: datetime
    key: str | None = None
    event: Happening | None = None
    occurs_on: date | None = None


@dataclass
class Membership:
    """The n-th time that somebody is in a segment. `at_start`: she was when it was looked at for the first time."""

    n: int
    entered_at: datetime
    at_start: bool
    left_at: datetime | None = None


Stays = Sequence[Membership]


def next_entry(
    campaign: Campaign, person: Person, stays: Stays, before: Sequence[Enrolment], now: datetime
) -> Entry | None:
    """The first fact that enters her now. `before`: her enrolments in the campaign; `stays`: of its segment."""
    since = campaign.since(now)
    facts = [one for one in _facts(campaign, person, stays, now) if since <= one.at <= now]
    for fact in sorted(facts, key=lambda one: (one.at, one.event.number if one.event else 0)):
        entry = _keyed(campaign, fact, before)
        if entry is not None and entry.key not in {one.occasion for one in before}:
            return entry
    return None


def _facts(campaign: Campaign, person: Person, stays: Stays, now: datetime) -> Iterator[Entry]:
    enter = campaign.said["enter"]
    if "event" in enter:
        yield from (Entry(one.at, one.at, event=one) for one in person.happenings if one.kind == enter["event"])
    elif "segment" in enter:
        yield from _joined(campaign, stays)
    elif "lapse" in enter:
        yield from _lapsed(enter, person, now)
    else:
        yield from _dates(enter, person, now)


def _joined(campaign: Campaign, stays: Stays) -> Iterator[Entry]:
    live_since = campaign.live_since
    assert live_since is not None
    for stay in stays:
        was_in = stay.at_start or stay.entered_at <= live_since
        if not was_in or (campaign.said["enter"].get("existing") == "enrol" and stay.left_at is None):
            at = live_since if was_in else stay.entered_at
            yield Entry(at, at, key=str(stay.n))


def _lapsed(enter: Mapping[str, Any], person: Person, now: datetime) -> Iterator[Entry]:
    known = [one for one in person.happenings if one.kind == enter["lapse"] and one.at <= now]
    if known:
        last = max(known, key=lambda one: one.order)
        yield Entry(last.at + duration(enter["after"]), last.at, f"#{last.number}", last)


def _dates(enter: Mapping[str, Any], person: Person, now: datetime) -> Iterator[Entry]:
    """Its occurrences of the years around now, with lead or lag."""
    anchor, count, unit, sign = shifted(enter["date"])
    for key, occurs in _occurrences(anchor, enter.get("leap_day", "feb-28"), person, now):
        at = local(shift_day(occurs, count, unit, sign), clock(enter.get("at", "09:00")), person.zone)
        yield Entry(at, at, key, occurs_on=occurs)


def _occurrences(anchor: str, leap_day: str, person: Person, now: datetime) -> Iterator[tuple[str, date]]:
    if anchor == "birthday":
        if person.birthday is not None and person.birthday not in NO_BIRTHDAYS:
            _, month, day = person.birthday
            for year, occurs in comes_round(month, day, leap_day, range(now.year - 2, now.year + 3)):
                yield str(year), occurs
        return
    written = person.raw.get(anchor) if anchor == "joined_on" else anchor
    if written:
        yield str(written), date.fromisoformat(str(written))


def _keyed(campaign: Campaign, fact: Entry, before: Sequence[Enrolment]) -> Entry | None:
    """The fact under its occasion key; None where `again` does not let it enter."""
    if fact.occurs_on is not None and campaign.said["enter"]["date"].endswith("birthday"):
        too_near = any(one.occurs_on and one.occurs_on > fact.occurs_on - NEAREST for one in before)
        return None if too_near else fact
    if fact.occurs_on is not None or "lapse" in campaign.said["enter"]:
        return fact
    return _again(str(campaign.said.get("again", "never")), fact, before)


def _again(policy: str, fact: Entry, before: Sequence[Enrolment]) -> Entry | None:
    earlier = str(len(before))
    if policy == "never":
        return None if before else _with_key(fact, "once")
    if policy == "per event" and fact.event:
        return _with_key(fact, f"#{fact.event.number}")
    if policy == "after leaving":
        out = all(one.ended_at is not None and one.ended_at < fact.at for one in before)
        return _with_key(fact, fact.key or earlier) if out else None
    if policy.startswith("after "):
        gap = duration(policy.removeprefix("after "))
        return _with_key(fact, earlier) if all(one.entered_at + gap <= fact.at for one in before) else None
    assert fact.event is not None
    return _with_key(fact, str(fact.event.properties.get(policy.removeprefix("per "), "")))


def _with_key(fact: Entry, key: str) -> Entry:
    return Entry(fact.at, fact.trigger_at, key, fact.event, fact.occurs_on)
