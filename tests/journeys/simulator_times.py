"""Durations, local times and moments as the grammar says them. Local times are found by looking at the clock again and
again, a quarter of an hour at a time: in the simulator's worlds nothing happens between two quarters."""

from __future__ import annotations

import re
from calendar import isleap, monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_SHIFTED = re.compile(r"(\d+) (\w+?)s? (before|after) (.+)")


def duration(text: str) -> timedelta:
    """`3 days`; a day is 24 hours."""
    count, unit = text.split()
    return timedelta(seconds=int(count) * SECONDS[unit.removesuffix("s")])


def later(start: datetime, text: str, zone: ZoneInfo, sign: int = 1) -> datetime:
    """So much after an instant (before it: -1); months and years later it is the same time of day where somebody is."""
    count, unit = text.split()
    if unit.removesuffix("s") not in ("month", "year"):
        return start + sign * duration(text)
    there = start.astimezone(zone)
    return local(shift_day(there.date(), int(count), unit.removesuffix("s"), sign), there.time(), zone)


def worked(start: datetime, text: str, zone: ZoneInfo) -> datetime:
    """`4 working hours` later: those from nine to five, Monday to Friday."""
    instant, quarters = start, int(text.partition(" ")[0]) * 4
    while quarters:
        there = instant.astimezone(zone)
        quarters -= there.weekday() < 5 and time(9) <= there.time() < time(17)
        instant += QUARTER
    return instant


def clock(text: str) -> time:
    return time.fromisoformat(text)


@cache
def local(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first instant at which clocks there show that time of that day, or a later one if they never show it."""
    wanted = datetime.combine(day, at)
    instant = wanted.replace(tzinfo=UTC) - timedelta(hours=26)
    while instant.astimezone(zone).replace(tzinfo=None) < wanted:
        instant += QUARTER
    return instant


def next_local(start: datetime, at: time, days: Sequence[str], zone: ZoneInfo) -> datetime:
    """The first such time of day, on one of these weekdays (any, if none are named), not before `start`."""
    first = start.astimezone(zone).date() - timedelta(days=2)
    near = [first + timedelta(days=n) for n in range(12)]
    wanted = [day for day in near if not days or WEEKDAYS[day.weekday()] in days]
    return min(instant for instant in (local(day, at, zone) for day in wanted) if instant >= start)


def shifted(moment: str) -> tuple[str, int, str, int]:
    """`3 days before birthday` in parts: what it counts from, how many, of what unit, and which way; of others 0 days."""
    found = _SHIFTED.fullmatch(moment)
    return (found[4], int(found[1]), found[2], -1 if found[3] == "before" else 1) if found else (moment, 0, "day", 1)


def shift_day(day: date, count: int, unit: str, sign: int) -> date:
    """A date so much later or earlier; where a month has no such day, its last."""
    if unit not in ("month", "year"):
        return day + sign * timedelta(seconds=count * SECONDS[unit])
    months = day.year * 12 + day.month - 1 + sign * count * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def comes_round(month: int, day: int, policy: str, years: Sequence[int]) -> Iterator[tuple[int, date]]:
    """(year, date) on which a birthday comes round in these years."""
    for year in years:
        if (month, day) != (2, 29) or isleap(year):
            yield year, date(year, month, day)
        elif policy != "leap-years-only":
            yield year, date(year, 2, 28) if policy == "feb-28" else date(year, 3, 1)
