"""The literals of the language: durations, moments, periods, times, money, percentages.

Each has a `read_*` that takes a node and raises a Fault. Calendar arithmetic (months, years) is done here, in Python,
so that both databases see the same edges.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from crm_store.clock import local_instant
from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.fields import text
from crm_store.content.nodes import Node

FIXED_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
CALENDAR_UNITS = ("month", "year")
# Bounds that keep every sum of a date and a duration within the calendar of Python and both databases.
_DAYS = {**{unit: span / timedelta(days=1) for unit, span in FIXED_UNITS.items()}, "month": 30, "year": 365}
_LONGEST_DAYS = 365_000
_YEARS = range(1500, 8000)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DURATION = re.compile(r"(\d+)\s+([a-z]+?)s?")
_GAPS = re.compile(r"(\d{1,6})\s+usual\s+gaps?")
# `500/h`, `500 an hour`, `500 per hour`: what people write for `500 per 1 hour`.
_LETTERS = {unit[0]: unit for unit in FIXED_UNITS}
_UNIT = r"([smhdw]|sec|seconds?|min|minutes?|hours?|days?|weeks?)"
_RATE = re.compile(rf"([1-9]\d{{0,5}}) ?(?:/|per|an?|every|each|in) ?(\d{{1,3}})? ?{_UNIT}")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Duration:
    """`14 days`: a day is 24 hours; months and years are calendar units of a zone."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"

    @property
    def is_calendar(self) -> bool:
        return self.unit in CALENDAR_UNITS

    @property
    def in_days(self) -> bool:
        """Whether it counts whole days, so that it can shift a date."""
        return self.unit in ("day", "week", *CALENDAR_UNITS)

    def fixed(self) -> timedelta:
        """The elapsed time of a duration without months and years."""
        return FIXED_UNITS[self.unit] * self.count

    def shift(self, instant: datetime, sign: int, zone: ZoneInfo) -> datetime:
        """The instant that much later (sign 1) or earlier (sign -1), in UTC."""
        if not self.is_calendar:
            return instant.astimezone(UTC) + self.fixed() * sign
        local = instant.astimezone(zone)
        moved = self.shift_date(local.date(), sign)
        return local_instant(moved, local.time(), zone).astimezone(UTC)

    def shift_date(self, day: date, sign: int) -> date:
        """The date that many days, weeks, months or years later or earlier (31 January + 1 month: 28 February)."""
        if self.is_calendar:
            return day + relativedelta(months=self.count * sign * (12 if self.unit == "year" else 1))
        return day + self.fixed() * sign


@dataclass(frozen=True)
class Gaps:
    """`2 usual gaps`: so many times the median gap between a customer's events."""

    count: int

    def __str__(self) -> str:
        return f"{self.count} usual gap{'' if self.count == 1 else 's'}"


def read_duration(node: Node) -> Duration:
    return parse_duration(text(node), node)


def parse_span(word: str, node: Node) -> Duration | Gaps:
    """A duration, or `N usual gaps`."""
    match = _GAPS.fullmatch(word.strip())
    if match is None:
        return parse_duration(word, node)
    if not 1 <= int(match[1]) <= 100:
        raise Fault(node.place, f"'{word}': write 1 to 100 usual gaps")
    return Gaps(int(match[1]))


def parse_duration(word: str, node: Node) -> Duration:
    """`N seconds|minutes|hours|days|weeks|months|years`."""
    match = _DURATION.fullmatch(word.strip())
    units = (*FIXED_UNITS, *CALENDAR_UNITS)
    if not match:
        if _GAPS.fullmatch(word.strip()):
            raise Fault(node.place, f"'{word}': usual gaps are not built yet here; write a number of days")
        raise Fault(node.place, f"'{word}' is not a duration; write e.g. '14 days'")
    if match[2] not in units:
        hint = did_you_mean(match[2] + "s", [unit + "s" for unit in units])
        raise Fault(node.place, f"'{word}' has no unit of time{hint}")
    if len(match[1]) > 12 or int(match[1]) * _DAYS[match[2]] > _LONGEST_DAYS:
        raise Fault(node.place, f"'{word}' is longer than 1000 years")
    return Duration(int(match[1]), match[2])


@dataclass(frozen=True)
class Anchor:
    """A moment named by a word: a date attribute, `entered`, `trigger`, `now`."""

    name: str


@dataclass(frozen=True)
class Moment:
    """A point in time: a base (a date, a local date and time, or an anchor), shifted by durations.

    `base` a date or naive datetime is local to the company's zone; an Anchor is resolved by whoever compiles it.
    """

    base: date | datetime | Anchor
    shift: Duration | None = None
    sign: int = 0
    written: str = ""
    gaps: Gaps | None = None  # so many usual gaps before now

    def __str__(self) -> str:
        return self.written

    @property
    def anchor(self) -> str | None:
        return self.base.name if isinstance(self.base, Anchor) else None

    @property
    def is_date(self) -> bool:
        """Whether it names a whole day rather than an instant."""
        return isinstance(self.base, date) and not isinstance(self.base, datetime)

    def shifted(self, instant: datetime, zone: ZoneInfo) -> datetime:
        return self.shift.shift(instant, self.sign, zone) if self.shift else instant

    def shifted_date(self, day: date) -> date:
        return self.shift.shift_date(day, self.sign) if self.shift else day


def read_event_moment(node: Node) -> Moment:
    """A moment, or `N usual gaps ago`."""
    written = " ".join(text(node).split())
    span = parse_span(written.removesuffix(" ago"), node) if _GAPS.match(written) and written.endswith(" ago") else None
    return Moment(Anchor("now"), None, -1, written, span) if isinstance(span, Gaps) else read_moment(node)


def read_moment(node: Node) -> Moment:
    """`2026-01-31 | 2026-01-31 09:00[:30] | D ago | D from now | ANCHOR | D before ANCHOR | D after ANCHOR`."""
    written = " ".join(text(node).split())
    fixed = parse_local(written, node)
    if fixed is not None:
        return Moment(fixed, written=written)
    if match := re.fullmatch(r"(.+) (ago|from now)", written):
        return Moment(Anchor("now"), parse_duration(match[1], node), -1 if match[2] == "ago" else 1, written)
    if match := re.fullmatch(r"(\d+ [a-z]+) (before|after) (.+)", written):
        return Moment(Anchor(match[3]), parse_duration(match[1], node), -1 if match[2] == "before" else 1, written)
    if re.fullmatch(r"[a-z_][\w. -]*", written):
        return Moment(Anchor(written), written=written)
    raise Fault(node.place, f"'{written}' is not a moment; write e.g. 2026-01-31, '30 days ago' or 'entered'")


def parse_local(written: str, node: Node) -> date | datetime | None:
    """A date or a local date and time, None for anything that does not begin like one."""
    if not re.match(r"\d{4}-\d{2}", written):
        return None
    value: date | datetime | None = None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", written):
            value = date.fromisoformat(written)
        elif re.fullmatch(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2})?", written):
            value = datetime.fromisoformat(written)
    except ValueError:
        timed = "" if len(written) == len("2026-01-31") else " and a time from 00:00 to 23:59"
        raise Fault(node.place, f"'{written}' is not a day of the calendar{timed}") from None
    if value is None:
        raise Fault(node.place, f"'{written}' is not a date; write e.g. 2026-01-31 or '2026-01-31 09:00'")
    if value.year not in _YEARS:
        raise Fault(node.place, f"'{written}' is too far away; write a year from {_YEARS.start} to {_YEARS.stop - 1}")
    return value


def read_date(node: Node) -> date:
    value = parse_local(text(node), node)
    if isinstance(value, datetime) or value is None:
        raise Fault(node.place, f"'{text(node)}' is not a date; write e.g. 2026-01-31")
    return value


def read_time(node: Node) -> time:
    """`09:00`."""
    word = text(node)
    if not re.fullmatch(r"\d{2}:\d{2}", word) or int(word[:2]) > 23 or int(word[3:]) > 59:
        raise Fault(node.place, f"'{word}' is not a time of day; write e.g. \"09:00\"")
    return time(int(word[:2]), int(word[3:]))


def parse_number(word: str, node: Node) -> Decimal:
    try:
        if _NUMBER.fullmatch(word.strip()):
            return Decimal(word.strip())
    except InvalidOperation:
        pass
    raise Fault(node.place, f"'{word}' is not a number")


@dataclass(frozen=True)
class Money:
    """An amount in minor units of a currency."""

    minor: int
    currency: str
    written: str

    def __str__(self) -> str:
        return self.written


def read_money(node: Node) -> Money:
    """`49.90 EUR`."""
    from crm_store.money import to_minor

    written = text(node).strip()
    match = re.fullmatch(r"(-?\d+(?:\.\d+)?)\s+([A-Z]{3})", written)
    if not match:
        raise Fault(node.place, f"'{written}' is not an amount of money; write e.g. '49.90 EUR'")
    if len(match[1]) > 15:
        raise Fault(node.place, f"'{written}' is more money than there is")
    try:
        return Money(to_minor(Decimal(match[1]), match[2]), match[2], written)
    except ValueError as error:
        raise Fault(node.place, f"'{written}': {error}") from None


def read_whole(node: Node) -> int:
    """A whole number, 1 or more."""
    if not re.fullmatch(r"[1-9]\d{0,5}", text(node)):
        raise Fault(node.place, f"'{text(node)}' must be a whole number, 1 or more")
    return int(text(node))


def read_port(node: Node) -> int:
    """A TCP port."""
    word = text(node)
    if not re.fullmatch(r"[1-9]\d{0,4}", word) or int(word) > 65535:
        raise Fault(node.place, f"'{word}' must be a port, a whole number from 1 to 65535")
    return int(word)


@dataclass(frozen=True)
class Rate:
    """`2 per 7 days`: at most so many in any such time."""

    count: int
    per: Duration

    def __str__(self) -> str:
        return f"{self.count} per {self.per}"

    @property
    def a_day(self) -> int:
        """How many there can be within 24 hours."""
        return self.count * max(1, -(timedelta(days=-1) // self.per.fixed()))


def read_times(node: Node) -> Rate:
    """`2 per 7 days`."""
    word = " ".join(text(node).split())
    match = re.fullmatch(r"([1-9]\d{0,5}) per (\d.*)", word)
    if not match:
        meant = _RATE.fullmatch(word)
        example = f"{meant[1]} per {meant[2] or 1} {_LETTERS[meant[3][0]]}" if meant else "e.g. 2 per 7 days"
        raise Fault(node.place, f"'{word}' does not say how often; write {example}")
    per = parse_duration(match[2], node)
    if per.is_calendar or not per.count:
        raise Fault(node.place, f"'{word}': months and years differ in length; write days, 1 or more")
    return Rate(int(match[1]), per)


def read_first_or_last(node: Node, of: str) -> tuple[str, int]:
    """`last 5` or `first 3`, of something."""
    match = re.fullmatch(r"(first|last) ([1-9]\d{0,5})", " ".join(text(node).split()))
    if not match:
        raise Fault(node.place, f"'{text(node)}' must say which of {of}, e.g. last 5")
    return match[1], int(match[2])


def read_percent(node: Node) -> Decimal:
    """`15 %`, as 15."""
    written = text(node).strip()
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", written)
    if not match or Decimal(match[1]) > 100:
        raise Fault(node.place, f"'{written}' is not a percentage; write e.g. '15 %'")
    return Decimal(match[1])


_METRES = {"m": Decimal(1), "km": Decimal(1000), "mi": Decimal("1609.344")}


@dataclass(frozen=True)
class Distance:
    """`10 km`, in kilometres."""

    kilometres: float
    written: str

    def __str__(self) -> str:
        return self.written


def read_distance(node: Node) -> Distance:
    """`10 km`, `500 m` or `6 mi`."""
    written = text(node).strip()
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)\s*(m|km|mi)", written)
    if not match:
        raise Fault(node.place, f"'{written}' is not a distance; write e.g. '10 km'")
    return Distance(float(Decimal(match[1]) * _METRES[match[2]] / 1000), written)


@dataclass(frozen=True)
class Period:
    """`last month`: a whole calendar unit; [start, end) as dates."""

    word: str

    def dates(self, today: date) -> tuple[date, date]:
        """First day, and the day after the last one."""
        if self.word in ("today", "yesterday", "tomorrow"):
            day = today + timedelta(days={"yesterday": -1, "today": 0, "tomorrow": 1}[self.word])
            return day, day + timedelta(days=1)
        which, unit = self.word.split()
        offset = {"last": -1, "this": 0, "next": 1}[which]
        return _unit_start(today, unit, offset), _unit_start(today, unit, offset + 1)


def read_period(node: Node) -> Period:
    word = " ".join(text(node).split())
    if word not in PERIODS:
        raise Fault(node.place, f"'{word}' is not a period{did_you_mean(word, PERIODS) or ', e.g. last month'}")
    return Period(word)


_UNIT_MONTHS = {"week": 0, "month": 1, "quarter": 3, "year": 12}
PERIODS = (
    "today", "yesterday", "tomorrow",
    *(f"{which} {unit}" for which in ("this", "last", "next") for unit in _UNIT_MONTHS),
)  # fmt: skip


def _unit_start(today: date, unit: str, offset: int) -> date:
    """The first day of the unit that is `offset` units from today's; weeks begin on Monday (ISO 8601)."""
    months = _UNIT_MONTHS[unit]
    if not months:
        return today - timedelta(days=today.weekday()) + timedelta(weeks=offset)
    first = date(today.year, (today.month - 1) // months * months + 1, 1)
    return first + relativedelta(months=months * offset)
