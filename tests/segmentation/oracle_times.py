"""Times as the grammar has them, for the oracle: windows on instants and on days, yearly dates, ages.

Like the oracle it imports nothing of Rapport's.
"""

from __future__ import annotations

import re
from calendar import isleap, monthrange
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

Anchors: TypeAlias = Callable[
    [str], Any
]  # the instant, or the day, of `joined_on` or `last order`; Missing if there is none
EPOCH = (date(1970, 1, 1), date(1900, 1, 1))
FIXED = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400}
WINDOWS = ("is", "before", "since", "between", "in_last", "in_next", "during")


class Missing(Exception):
    """What a moment is counted from is not there."""


def unknown(anchor: str) -> Any:
    """No anchors."""
    raise ValueError(anchor)


def at_local(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant of a local time: the first of two, and where there is none the next that there is."""
    naive = datetime.combine(day, at)
    while naive.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive:
        naive = naive.replace(second=0) + timedelta(minutes=1)
    return naive.replace(tzinfo=zone).astimezone(UTC)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return at_local(day, time(0), zone)


def months_on(day: date, months: int) -> date:
    """So many months later; the last of the month where it is shorter."""
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def duration(text: str) -> tuple[int, str]:
    number, unit = text.split()
    return int(number), unit.removesuffix("s")


def moved(instant: datetime, text: str, sign: int, zone: ZoneInfo) -> datetime:
    """The instant so much later (1) or earlier (-1); months and years keep the local time."""
    number, unit = duration(text)
    if unit == "microsecond":
        return instant + timedelta(microseconds=number * sign)
    if unit in FIXED:
        return instant + timedelta(seconds=FIXED[unit] * number * sign)
    local = instant.astimezone(zone)
    return at_local(months_on(local.date(), number * sign * (12 if unit == "year" else 1)), local.time(), zone)


def moved_day(day: date, text: str, sign: int) -> date:
    number, unit = duration(text)
    if unit in FIXED:
        return day + timedelta(days=FIXED[unit] * number * sign // 86_400)
    return months_on(day, number * sign * (12 if unit == "year" else 1))


def period(word: str, today: date) -> tuple[date, date]:
    """First day, and the day after the last."""
    if word in ("yesterday", "today", "tomorrow"):
        day = today + timedelta(days=("yesterday", "today", "tomorrow").index(word) - 1)
        return day, day + timedelta(days=1)
    which, unit = word.split()
    step = ("last", "this", "next").index(which) - 1
    if unit == "week":
        monday = today - timedelta(days=today.isoweekday() - 1) + timedelta(days=7 * step)
        return monday, monday + timedelta(days=7)
    length = {"month": 1, "quarter": 3, "year": 12}[unit]
    first = date(today.year, (today.month - 1) // length * length + 1, 1)
    return months_on(first, length * step), months_on(first, length * (step + 1))


def instant_of(moment: str, now: datetime, zone: ZoneInfo, anchors: Anchors = unknown) -> datetime:
    """A moment; a day is its first instant. Raises Missing."""
    if moment.endswith(" ago"):
        return moved(now, moment.removesuffix(" ago"), -1, zone)
    if moment.endswith(" from now"):
        return moved(now, moment.removesuffix(" from now"), 1, zone)
    if moment[:4].isdigit():
        said = datetime.fromisoformat(moment)
        return at_local(said.date(), said.time(), zone)
    shift, sign, anchor = counted_from(moment)
    instant: datetime = anchors(anchor)
    return moved(instant, shift, sign, zone)


def counted_from(moment: str) -> tuple[str, int, str]:
    """(2 days, -1, joined_on) of `2 days before joined_on`."""
    match = re.fullmatch(r"(?:(\d+ \w+) (before|after) )?(.+)", moment)
    assert match
    return match[1] or "0 days", -1 if match[2] == "before" else 1, match[3]


def in_window(
    instant: datetime, word: str, operand: Any, now: datetime, zone: ZoneInfo, anchors: Anchors = unknown
) -> bool:
    """Whether an instant lies in a window; days and periods are those of the zone. Of a missing anchor it does not."""
    if word in ("in_last", "in_next"):
        edge = moved(now, operand, -1 if word == "in_last" else 1, zone)
        return min(edge, now) <= instant <= max(edge, now)
    if word in ("is", "during"):
        today = now.astimezone(zone).date()
        first, last = days_of(word, operand, today)
        return midnight(first, zone) <= instant < midnight(last + timedelta(days=1), zone)
    try:
        if word == "between":
            start = instant_of(operand[0], now, zone, anchors)
            return not after(instant, operand[1], now, zone, anchors) and start <= instant
        return (instant < instant_of(operand, now, zone, anchors)) == (word == "before")
    except Missing:
        return False


def after(instant: datetime, end: str, now: datetime, zone: ZoneInfo, anchors: Anchors) -> bool:
    """Whether it is after the end of a `between`; a day is in it as a whole."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", end):
        return instant >= midnight(date.fromisoformat(end) + timedelta(days=1), zone)
    return instant > instant_of(end, now, zone, anchors)


def day_of(moment: str, today: date, anchors: Anchors = unknown) -> date:
    """A day. Raises Missing."""
    if moment.endswith(" ago"):
        return moved_day(today, moment.removesuffix(" ago"), -1)
    if moment.endswith(" from now"):
        return moved_day(today, moment.removesuffix(" from now"), 1)
    if moment[:4].isdigit():
        return date.fromisoformat(moment)
    shift, sign, anchor = counted_from(moment)
    return moved_day(anchors(anchor), shift, sign)


def days_of(word: str, operand: Any, today: date, anchors: Anchors = unknown) -> tuple[date, date]:
    """The first and last day of a window. Raises Missing."""
    if word == "in_last":
        return moved_day(today, operand, -1), today
    if word == "in_next":
        return today, moved_day(today, operand, 1)
    if word == "is":
        return date.fromisoformat(operand), date.fromisoformat(operand)
    if word == "during":
        first, after = period(operand, today)
        return first, after - timedelta(days=1)
    if word == "between":
        return day_of(operand[0], today, anchors), day_of(operand[1], today, anchors)
    edge = day_of(operand, today, anchors)
    return (date.min, edge - timedelta(days=1)) if word == "before" else (edge, date.max)


def in_days(day: date, word: str, operand: Any, today: date, anchors: Anchors = unknown) -> bool:
    try:
        first, last = days_of(word, operand, today, anchors)
    except Missing:
        return False
    return first <= day <= last


def comes_round(born: tuple[int, int, int | None] | None, operand: Mapping[str, Any], today: date) -> bool:
    """Whether a yearly date comes round on a day of the window, in one of the years asked for."""
    if born is None or (born[2] is not None and date(born[2], born[0], born[1]) in EPOCH):
        return False
    word = next(word for word in operand if word not in ("years", "leap_day"))
    first, last = days_of(word, operand[word], today)
    wanted = [int(years) for years in operand.get("years", [])]
    for year in range(first.year, last.year + 1):
        day = celebrated(born[0], born[1], year, operand.get("leap_day", "feb-28"))
        turns = None if born[2] is None else year - born[2]
        right_year = turns in wanted if wanted else turns is None or turns > 0
        if day is not None and first <= day <= last and right_year:
            return True
    return False


def celebrated(month: int, day: int, year: int, leap_day: str) -> date | None:
    if (month, day) != (2, 29) or isleap(year):
        return date(year, month, day)
    return {"feb-28": date(year, 2, 28), "mar-1": date(year, 3, 1)}.get(leap_day)


def age(born: tuple[int, int, int | None] | None, today: date) -> int | None:
    """Whole years; 29 February counts from 1 March in common years."""
    if born is None or born[2] is None:
        return None
    return today.year - born[2] - ((today.month, today.day) < (born[0], born[1]))
