"""When a broadcast goes out: local times of the calendar, once, every so often, or as cron has it.

Everything here is naive local time; whoever asks knows whose zone it is.
"""

from __future__ import annotations

import calendar
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from cronsim import CronSim, CronSimError

from crm_store.content.faults import Fault
from crm_store.content.fields import one_of, text
from crm_store.content.literals import WEEKDAYS
from crm_store.content.nodes import Node

LAST = 0  # the last day of a month, among its days
_UNTIL_LAST = 28  # every month has so many days
_TWO_YEARS = timedelta(days=731)


class Schedule(ABC):
    """Local times of the calendar; in words as its text."""

    @abstractmethod
    def times(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Those that lie in [first, last], in order."""

    def most_a_day(self) -> int:
        """How many there are on the day that has the most of them."""
        return 1

    def always_within(self, span: timedelta) -> int:
        """How many lie within any such time of two years, of which it is a part: 0 for what leaves longer gaps, or comes
        once."""
        begin = datetime(2024, 1, 1)  # noqa: DTZ001 - naive local time
        times = list(self.times(begin, begin + _TWO_YEARS))
        after = ((number, one + span) for number, one in enumerate(times, 1) if one + span <= begin + _TWO_YEARS)
        return min((bisect_right(times, end) - number for number, end in after), default=0)


@dataclass(frozen=True)
class Once(Schedule):
    """One local time."""

    at: datetime

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"

    def times(self, first: datetime, last: datetime) -> Iterator[datetime]:
        yield from (self.at,) if first <= self.at <= last else ()


@dataclass(frozen=True)
class Every(Schedule):
    """Every day, on weekdays (Monday is 0) of every week, or on days of every month, LAST among them perhaps."""

    unit: str
    days: tuple[int, ...]
    at: time

    def __str__(self) -> str:
        names = [WEEKDAYS[day] if self.unit == "week" else _day_of_month(day) for day in self.days]
        days = f" on {' and '.join(names)}" if names else ""
        return f"every {self.unit}{days} at {self.at:%H:%M}"

    def times(self, first: datetime, last: datetime) -> Iterator[datetime]:
        for number in range((last.date() - first.date()).days + 1):
            found = datetime.combine(first.date() + timedelta(days=number), self.at)
            if self._is_one(found.date()) and first <= found <= last:
                yield found

    def _is_one(self, day: date) -> bool:
        if self.unit == "month":
            is_last = day.day == calendar.monthrange(day.year, day.month)[1]
            return day.day in self.days or (is_last and LAST in self.days)
        return self.unit == "day" or day.weekday() in self.days


@dataclass(frozen=True)
class Cron(Schedule):
    """Minute, hour, day of the month, month, day of the week."""

    expression: str

    def __str__(self) -> str:
        return f"cron '{self.expression}'"

    def times(self, first: datetime, last: datetime) -> Iterator[datetime]:
        for found in CronSim(self.expression, first - timedelta(minutes=1)):
            if found > last:
                return
            if found >= first:
                yield found

    def most_a_day(self) -> int:
        """Of two years: as many as there can be, but for rules on days that hardly ever come."""
        begin = datetime(2024, 1, 1)  # noqa: DTZ001 - naive local time
        counted = Counter(found.date() for found in self.times(begin, begin + _TWO_YEARS))
        return max(counted.values(), default=1)


def read_cron(node: Node) -> Cron:
    """`0 9 * * 1`: five fields that come together some day."""
    expression = " ".join(text(node).split())
    begin = datetime(2024, 1, 1)  # noqa: DTZ001 - naive local time
    try:
        if len(expression.split()) != 5:
            raise CronSimError("five fields")
        next(CronSim(expression, begin))
    except (CronSimError, StopIteration):
        what = f"'{expression}' is no time of cron; write minute, hour, day, month and weekday, e.g. \"0 9 * * 1\""
        raise Fault(node.place, what) from None
    return Cron(expression)


def read_weekday(node: Node) -> int:
    return WEEKDAYS.index(one_of(*WEEKDAYS)(node))


def read_day_of_month(node: Node) -> int:
    """1 to 28, or `last`: days that every month has."""
    word = text(node)
    if word == "last":
        return LAST
    if not word.isdecimal() or not 1 <= int(word) <= _UNTIL_LAST:
        raise Fault(node.place, f"'{word}' is not a day that every month has; write 1 to 28, or last")
    return int(word)


def _day_of_month(day: int) -> str:
    return "the last day" if day == LAST else f"day {day}"
