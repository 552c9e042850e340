"""Who enters a campaign, when, and under which key: one fact at a time, the earliest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.journeys.simulator_facts import COMPANY_ZONE, Campaign, Enrolment, Happening, Person
from tests.journeys.simulator_times import WEEKDAYS, clock, comes_round, duration, local, shift_day, shifted

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
    facts = [one for one in _facts(campaign, person, stays, now) if campaign.is_in_time(one.at, now)]
    for fact in sorted(facts, key=lambda one: (one.at, one.event.number if one.event else 0)):
        entry = _keyed(campaign, fact, before) if campaign.has_room(fact.at, before) else None
        if entry is not None and entry.key not in {one.occasion for one in before}:
            return entry
    return None


def _facts(campaign: Campaign, person: Person, stays: Stays, now: datetime) -> Iterator[Entry]:
    enter = campaign.said["enter"]
    if "event" in enter:
        yield from _happened(enter, str(campaign.said.get("again")), person)
    elif "segment" in enter:
        yield from _joined(campaign, stays)
    elif "lapse" in enter:
        yield from _lapsed(enter, person, now)
    elif "by_hand" in enter:
        mine = {key: at for (name, key), at in person.requests.items() if name == campaign.name}
        yield from (Entry(at, at, key) for key, at in mine.items())
    elif "date" in enter:
        yield from _dates(enter, person, now)
    else:
        yield from _scheduled(enter, person.zone if enter.get("zone") == "customer" else COMPANY_ZONE, now)


def _scheduled(enter: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> Iterator[Entry]:
    """The times of a broadcast around now, each under what clocks show then."""
    if "time" in enter:
        written = datetime.fromisoformat(enter["time"])
        at = local(written.date(), written.time(), zone)
        yield Entry(at, at, "once")
        return
    days = [now.date() + timedelta(days=n) for n in range(-45, 3)]
    hours = [clock("00:00"), clock("06:00"), clock("12:00"), clock("18:00")]
    times = hours if "cron" in enter else [clock(enter.get("at", "09:00"))]
    for at in sorted({local(day, time, zone) for day in days if _is_day(enter, day) for time in times}):
        yield Entry(at, at, f"{at.astimezone(zone):%Y-%m-%dT%H:%M}")


def _is_day(enter: Mapping[str, Any], day: date) -> bool:
    if enter.get("every") == "week":
        return WEEKDAYS[day.weekday()] in enter["days"]
    is_last = (day + timedelta(days=1)).day == 1
    return enter.get("every") != "month" or str(day.day) in enter["days"] or ("last" in enter["days"] and is_last)


def _happened(enter: Mapping[str, Any], again: str, person: Person) -> Iterator[Entry]:
    """Events of the kind; with `quiet_for` so much later, if no other has come by then (with `per PROPERTY`: of that)."""
    of_kind = [one for one in person.happenings if one.kind == enter["event"]]
    quiet = duration(enter.get("quiet_for", "0 days"))
    name = again.removeprefix("per ") if again.startswith("per ") and again != "per event" else ""
    for one in of_kind:
        alike = [other for other in of_kind if other.properties.get(name, "") == one.properties.get(name, "")]
        if not quiet or not any(one.order < other.order and other.at <= one.at + quiet for other in alike):
            yield Entry(one.at + quiet, one.at, event=one)


def _joined(campaign: Campaign, stays: Stays) -> Iterator[Entry]:
    for stay in stays:
        was_in = stay.at_start or stay.entered_at <= campaign.begins
        if not was_in or (campaign.said["enter"].get("existing") == "enrol" and stay.left_at is None):
            at = campaign.begins if was_in else stay.entered_at
            yield Entry(at, at, key=str(stay.n))


def _lapsed(enter: Mapping[str, Any], person: Person, now: datetime) -> Iterator[Entry]:
    known = [one for one in person.happenings if one.kind == enter["lapse"] and one.at <= now]
    if known:
        last = max(known, key=lambda one: one.order)
        yield Entry(last.at + duration(enter["after"]), last.at, f"#{last.number}", last)


def _dates(enter: Mapping[str, Any], person: Person, now: datetime) -> Iterator[Entry]:
    """Its occurrences of the years around now, with lead or lag."""
    anchor, count, unit, sign = shifted(enter["date"])
    for key, occurs in _occurrences(anchor, enter, person, now):
        at = local(shift_day(occurs, count, unit, sign), clock(enter.get("at", "09:00")), person.zone)
        yield Entry(at, at, key, occurs_on=occurs)


def _occurrences(anchor: str, enter: Mapping[str, Any], person: Person, now: datetime) -> Iterator[tuple[str, date]]:
    if anchor == "birthday":
        if person.birthday is not None and person.birthday not in NO_BIRTHDAYS:
            born, month, day = person.birthday
            near = range(now.year - 2, now.year + 3)
            for year, occurs in comes_round(month, day, enter.get("leap_day", "feb-28"), near):
                if "years" not in enter or (born is not None and str(year - born) in enter["years"]):
                    yield str(year), occurs
        return
    written = person.raw.get(anchor) if anchor == "joined_on" else anchor
    if written and "years" in enter:
        joined = date.fromisoformat(str(written))
        wanted = [joined.year + int(years) for years in enter["years"]]
        yield from ((str(year), occurs) for year, occurs in comes_round(joined.month, joined.day, "feb-28", wanted))
    elif written:
        yield str(written), date.fromisoformat(str(written))


def _keyed(campaign: Campaign, fact: Entry, before: Sequence[Enrolment]) -> Entry | None:
    """The fact under its occasion key; None where `again` does not let it enter."""
    enter = campaign.said["enter"]
    if fact.occurs_on is not None and (enter["date"].endswith("birthday") or "years" in enter):
        too_near = any(one.occurs_on and one.occurs_on > fact.occurs_on - NEAREST for one in before)
        return None if too_near else fact
    if fact.occurs_on is not None or "lapse" in enter or campaign.said["kind"] == "broadcast":
        return fact
    if "by_hand" in enter:
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
