"""Comparisons of times: windows on instants, on dates (by the customer's own date) and on yearly dates.

`in_last: D` is now - D <= at <= now, `before: D ago` its exact rest; `since M` and `before M` are exact rests too;
`between` takes both ends, of dates both whole days; periods are [start, end).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Integer, Text, and_, cast, extract, func, literal, or_, tuple_

from crm_store.clock import is_leap_year, start_of_day
from crm_store.content.faults import Fault, did_you_mean, every, nearest
from crm_store.content.fields import Fields, items, one_of, sure, text
from crm_store.content.literals import (
    Duration,
    Gaps,
    Moment,
    Period,
    parse_span,
    read_date,
    read_duration,
    read_event_moment,
    read_period,
)
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.schema.types import Words
from crm_store.segmentation.anchors import AttributeAnchor, OfferAnchor, StepAnchor, is_relative, resolved, shift_in_days
from crm_store.segmentation.language import Language, Scope

Column = ColumnElement[Any]
Edge = datetime | Column
WINDOW_WORDS = ("is", "before", "since", "between", "in_last", "in_next", "during")
LEAP_DAYS = ("feb-28", "mar-1", "leap-years-only")
ENROLMENT_ANCHORS = ("entered", "trigger")
OF_COURSE = re.compile(r"step (?P<step>.+)|offer (?P<offer>.+) expires")
_FEW_DAYS = 100
# What systems write when they know no date; nothing comes round for these.
EPOCH_DEFAULTS = ((1970, 1, 1), (1900, 1, 1))


@dataclass(frozen=True)
class Window:
    """One time word with its operand: a date, a moment, two moments, a duration or a period."""

    word: str
    operand: date | Moment | tuple[Moment, Moment] | Duration | Gaps | Period

    def sentence(self) -> str:
        if isinstance(self.operand, tuple):
            return f"between {self.operand[0]} and {self.operand[1]}"
        said = {"is": "on {}", "in_last": "in the last {}", "in_next": "in the next {}", "during": "{}"}
        operand = self.operand.word if isinstance(self.operand, Period) else self.operand
        return said.get(self.word, self.word + " {}").format(operand)

    def on_instant(self, column: Column, scope: Scope) -> ColumnElement[bool]:
        """The window on an instant column; calendar days and periods are the company's."""
        start, end, with_end = self._bounds(scope)
        tests = [column >= start] if start is not None else []
        tests += [] if end is None else [column <= end if with_end else column < end]
        return and_(*tests)

    def edges(self, scope: Scope) -> list[datetime]:
        """Where the window on instants begins and ends, if that is the same for everybody."""
        start, end, _ = self._bounds(scope)
        return [edge for edge in (start, end) if isinstance(edge, datetime)]

    def _bounds(self, scope: Scope) -> tuple[Edge | None, Edge | None, bool]:
        """Its first instant, its end (None: open), and whether the end belongs to it."""
        operand, zone = self.operand, scope.company_zone
        if isinstance(operand, tuple):
            return scope.instant(operand[0]), *self._last(operand[1], scope)
        if isinstance(operand, Moment):
            edge = scope.instant(operand)
            return (None, edge, False) if self.word == "before" else (edge, None, False)
        if isinstance(operand, Gaps):
            return scope.gaps_ago(operand), scope.now, True
        if isinstance(operand, Duration):
            edge = operand.shift(scope.now, -1 if self.word == "in_last" else 1, zone)
            return (edge, scope.now, True) if self.word == "in_last" else (scope.now, edge, True)
        start, end = operand.dates(scope.today) if isinstance(operand, Period) else (operand, operand + timedelta(days=1))
        return start_of_day(start, zone), start_of_day(end, zone), False

    def _last(self, end: Moment, scope: Scope) -> tuple[Edge, bool]:
        if end.is_date and isinstance(end.base, date):
            return start_of_day(end.shifted_date(end.base) + timedelta(days=1), scope.company_zone), False
        return scope.instant(end), True

    def start(self, scope: Scope) -> datetime | None:
        """An instant before which it holds no instant of, if there is one that is the same for everybody."""
        start = None if self.is_relative else self._bounds(scope)[0]
        return start if isinstance(start, datetime) else None

    @property
    def is_relative(self) -> bool:
        """Whether its edges differ from customer to customer."""
        ends = self.operand if isinstance(self.operand, tuple) else (self.operand,)
        return isinstance(self.operand, Gaps) or any(is_relative(end) for end in ends)

    @property
    def has_gaps(self) -> bool:
        ends = self.operand if isinstance(self.operand, tuple) else (self.operand,)
        return any(isinstance(end, Gaps) or (isinstance(end, Moment) and end.gaps is not None) for end in ends)

    def on_date(self, column: Column, scope: Scope) -> ColumnElement[bool]:
        """The window on a date column, judged by the customer's own date."""
        if self.is_relative:
            return scope.by_local_date(lambda today: self._on_own_dates(cast(column, Text), today))
        return scope.by_local_date(lambda today: _between(column, *self.dates(today)))

    def _on_own_dates(self, column: Column, today: date) -> ColumnElement[bool]:
        """Compared as ISO texts, which sort as dates do."""
        if isinstance(self.operand, tuple):
            first, last = (_own_day(end, today) for end in self.operand)
            return and_(column >= first, column <= last)
        if not isinstance(self.operand, Moment):
            raise LookupError("only moments differ from customer to customer")
        edge = _own_day(self.operand, today)
        return column < edge if self.word == "before" else column >= edge

    def dates(self, today: date) -> tuple[date | None, date | None]:
        """First and last day of the window (None: open) where it is `today`."""
        operand = self.operand
        if isinstance(operand, Period):
            start, end = operand.dates(today)
            return start, end - timedelta(days=1)
        if isinstance(operand, Duration):
            return (
                (operand.shift_date(today, -1), today) if self.word == "in_last" else (today, operand.shift_date(today, 1))
            )
        if isinstance(operand, Gaps):
            raise LookupError("usual gaps are of events")
        if isinstance(operand, tuple):
            return _day(operand[0], today), _day(operand[1], today)
        if isinstance(operand, Moment):
            edge = _day(operand, today)
            return (None, edge - timedelta(days=1)) if self.word == "before" else (edge, None)
        return operand, operand


@dataclass(frozen=True)
class Anniversary:
    """A window on the days a date comes round; `years` which anniversaries count (1 is the first)."""

    window: Window
    years: tuple[int, ...]
    leap_day: str

    def sentence(self) -> str:
        which = f" (years {', '.join(map(str, self.years))})" if self.years else ""
        return f"comes round{which} {self.window.sentence()}"

    def on_parts(self, month: Column, day: Column, year: Column, scope: Scope) -> ColumnElement[bool]:
        """The condition on a yearly date given by its parts; `year` may be NULL (unknown)."""
        exactly = scope.by_local_date(lambda today: self._on_days(month * 100 + day, year, today))
        days = self.days(scope)
        return and_(tuple_(month, day).in_(_born_on(days)), exactly) if days else exactly

    def on_date(self, column: Column, scope: Scope) -> ColumnElement[bool]:
        """The condition on a date column, or on a date in JSON."""
        if isinstance(column.type, Date):
            month, day, year = list[Column](extract(part, column) for part in ("month", "day", "year"))
        else:
            month, day, year = _digits(column, 6, 2), _digits(column, 9, 2), _digits(column, 1, 4)
        exactly = scope.by_local_date(lambda today: self._on_days(month * 100 + day, year, today))
        dates = self._dates(self.days(scope))
        return and_(column.in_(dates), exactly) if dates else exactly

    def days(self, scope: Scope) -> frozenset[date]:
        """Every day of the window, wherever the customer is: looked up sooner than worked out. Empty if they are many."""
        ends = [self.window.dates(today) for today in scope.local_dates]
        spans = [(first, (last - first).days + 1) for first, last in ends if first is not None and last is not None]
        if sum(many for _, many in spans) > _FEW_DAYS:
            return frozenset()
        return frozenset(first + timedelta(days=number) for first, many in spans for number in range(many))

    def _dates(self, days: frozenset[date]) -> list[date]:
        """Those that come round on these days for the years asked, and on no other; none if all years are."""
        born = [(day.year - years, *month_day) for day in days for years in self.years for month_day in _born_on({day})]
        return sorted({date(*parts) for parts in born if parts[1:] != (2, 29) or is_leap_year(parts[0])})

    def _on_days(self, month_day: Column, year: Column, today: date) -> ColumnElement[bool]:
        first, last = self.window.dates(today)
        if first is None or last is None:
            raise LookupError("an anniversary's window has two ends")
        tests = []
        for occurs in range(first.year, last.year + 1):
            start = max(first, date(occurs, 1, 1))
            end = min(last, date(occurs, 12, 31))
            tests.append(and_(self._in_year(month_day, start, end), self._which(year, occurs)))
        return and_(or_(*tests), _is_known(month_day, year))

    def _which(self, year: Column, occurs: int) -> ColumnElement[bool]:
        """The day itself is no anniversary of its own; of an unknown year only that it comes round is known."""
        if self.years:
            return year.in_([occurs - n for n in self.years])
        return or_(year.is_(None), year < occurs)

    def _in_year(self, month_day: Column, start: date, end: date) -> ColumnElement[bool]:
        low, high = start.month * 100 + start.day, end.month * 100 + end.day
        usual = and_(month_day.between(low, high), month_day != 229)
        return or_(usual, month_day == 229) if self._leapling(low, high, start.year) else usual

    def _leapling(self, low: int, high: int, year: int) -> bool:
        """Whether somebody born on 29 February has the day between the two in that year."""
        if is_leap_year(year):
            return low <= 229 <= high
        if self.leap_day == "feb-28":
            return low <= 228 <= high
        return self.leap_day == "mar-1" and low <= 301 <= high


def _born_on(days: Collection[date]) -> list[tuple[int, int]]:
    """Month and day of whoever may have an anniversary then; those of 29 February have it a day before or after too."""
    found = {(day.month, day.day) for day in days}
    return sorted(found | {(2, 29)} if found & {(2, 28), (3, 1)} else found)


def _digits(column: Column, start: int, length: int) -> Column:
    return cast(func.substr(column, start, length), Integer)


def _is_known(month_day: Column, year: Column) -> ColumnElement[bool]:
    """Not what systems write when they know no date."""
    return and_(*(or_(month_day != m * 100 + d, year.is_(None), year != y) for y, m, d in EPOCH_DEFAULTS))


def _between(column: Column, first: date | None, last: date | None) -> ColumnElement[bool]:
    return and_(
        *([column >= first] if first is not None else []),
        *([column <= last] if last is not None else []),
    )


def _day(moment: Moment, today: date) -> date:
    if isinstance(moment.base, datetime):
        return moment.shifted_date(moment.base.date())
    return moment.shifted_date(moment.base if isinstance(moment.base, date) else today)


def _own_day(moment: Moment, today: date) -> Column:
    """ISO text of the day the moment names."""
    if isinstance(moment.base, AttributeAnchor):
        return moment.base.day(shift_in_days(moment))
    return literal(_day(moment, today).isoformat(), Words)


def read_window(name: Scalar, operand: Node, language: Language, of_dates: bool) -> Window:
    """A time word. `of_dates`: it stands for dates, where hours mean nothing and anchors of an enrolment don't either."""
    reader = _READERS.get(name.text)
    if reader is None:
        raise Fault(name.place, f"a time has no comparison '{name.text}'{did_you_mean(name.text, _READERS)}")
    window = Window(name.text, _resolved(reader(operand), operand, language, of_dates))
    if isinstance(window.operand, tuple) and _is_backwards(*window.operand):
        raise Fault(operand.place, f"{window.sentence()} is empty; the earlier comes first")
    return window


def _resolved(read: Any, node: Node, language: Language, of_dates: bool) -> Any:
    """The operand with its anchors looked up, if it may stand here. Raises a Fault."""
    if isinstance(read, tuple):
        return tuple(_resolved(end, node, language, of_dates) for end in read)
    if isinstance(read, Gaps) or (isinstance(read, Moment) and read.gaps):
        if not language.gaps:
            raise Fault(node.place, f"'{read}': usual gaps are known of one event with a `usual_gap` in the vocabulary")
        return read
    if isinstance(read, Duration) and of_dates and not read.in_days:
        raise Fault(node.place, f"'{read}': dates have no hours; use days, weeks, months or years")
    return _moment(read, node, language, of_dates) if isinstance(read, Moment) else read


def _moment(moment: Moment, node: Node, language: Language, of_dates: bool) -> Moment:
    if of_dates and (isinstance(moment.base, datetime) or (moment.shift and not moment.shift.in_days)):
        raise Fault(node.place, f"'{moment}': dates have no hours; use days, weeks, months or years")
    if moment.anchor in (None, "now"):
        return moment
    if moment.anchor in ENROLMENT_ANCHORS:
        return _of_enrolment(moment, node, language, of_dates)
    found = resolved(moment, node, language.vocabulary, of_dates)
    if found is not None:
        return found
    if (of_course := OF_COURSE.fullmatch(str(moment.anchor))) is not None:
        return _of_course(moment, of_course, node, language, of_dates)
    own = ENROLMENT_ANCHORS if language.in_campaign and not of_dates else ()
    known = (*own, *(name for name, one in language.vocabulary.attributes.items() if one.type == "date"))
    usual = ["2026-01-31", "30 days ago", *own]
    hint = nearest(str(moment.anchor), known) or f"; write e.g. {', '.join(usual)}"
    raise Fault(node.place, f"'{moment}' is not a moment known here{hint}")


_NO_ENROLMENT = (
    "'{}' is of an enrolment: it is known on events in `exit_when` and steps of a campaign; "
    "elsewhere say e.g. `in_last: 30 days`, or a date"
)


def _of_enrolment(moment: Moment, node: Node, language: Language, of_dates: bool) -> Moment:
    if not language.in_campaign or of_dates:
        raise Fault(node.place, _NO_ENROLMENT.format(moment))
    return moment


def _of_course(moment: Moment, said: re.Match[str], node: Node, language: Language, of_dates: bool) -> Moment:
    """`step NAME` or `offer NAME expires`: of this enrolment."""
    if not language.in_campaign or of_dates:
        raise Fault(node.place, _NO_ENROLMENT.format(moment))
    return replace(moment, base=course_anchor(said, node, language))


def course_anchor(said: re.Match[str], node: Node, language: Language) -> StepAnchor | OfferAnchor:
    """The step or offer of the file itself that a match of OF_COURSE names. Raises a Fault."""
    step, offer = said["step"], said["offer"]
    if step is not None and step not in language.own_steps:
        hint = did_you_mean(step, language.own_steps)
        raise Fault(node.place, f"'{step}' is none of this file's steps that send something{hint}")
    if offer is not None and offer not in language.own_offers:
        hint = did_you_mean(offer, language.own_offers)
        raise Fault(node.place, f"offer '{offer}' is not in this file's `offers`{hint}")
    return StepAnchor(said[0], step) if step is not None else OfferAnchor(said[0], str(offer))


def _is_backwards(first: Moment, last: Moment) -> bool:
    """Whether the later of two moments that can be compared before `now` is known comes first."""
    if first.anchor != last.anchor or first.anchor not in (None, "now"):
        return False
    here = ZoneInfo("UTC")
    now = datetime(2026, 6, 15, tzinfo=UTC)
    return _instant(first, now, here) > _instant(last, now, here)


def _instant(moment: Moment, now: datetime, zone: ZoneInfo) -> datetime:
    base = moment.base
    if isinstance(base, datetime):
        return base.replace(tzinfo=zone)
    return moment.shifted(start_of_day(base, zone) if isinstance(base, date) else now, zone)


def read_nested_window(node: Node, language: Language, of_dates: bool = False) -> Window:
    """A mapping with exactly one time word."""
    if not isinstance(node, Mapping) or len(node.entries) != 1:
        raise Fault(node.place, "must have exactly one time word, e.g. {in_last: 30 days}")
    ((name, operand),) = node.entries
    return read_window(name, operand, language, of_dates)


def read_anniversary(node: Node, language: Language) -> Anniversary:
    """`{is|in_last|in_next|during, years: [1, 5], leap_day: feb-28}`."""
    fields = Fields(node, language.faults, "anniversary")
    words = [name for name, _ in fields.node.entries if name.text in ("is", "in_last", "in_next", "during")]
    fields.known("is", "in_last", "in_next", "during")
    if len(words) != 1:
        fields.fault(node.place, "anniversary needs exactly one of is, in_last, in_next, during")
    windows = [fields.maybe(name.text, partial(read_window, name, language=language, of_dates=True)) for name in words]
    years = fields.several("years", read_years)
    leap_day = fields.get("leap_day", one_of(*LEAP_DAYS), "feb-28")
    fields.close()
    window = sure(windows[0])
    if isinstance(window.operand, Duration) and window.operand.shift_date(date(2000, 1, 1), 1) > date(2010, 1, 1):
        raise Fault(node.place, f"'{window.operand}': a date comes round every year; write 10 years at most")
    return Anniversary(window, years, leap_day)


def read_years(node: Node) -> tuple[int, ...]:
    """`[1, 5]`: which anniversaries of a date; 1 is the first."""
    return every(_year, items(node))


def _year(node: Node) -> int:
    if not re.fullmatch(r"[1-9]\d{0,2}", text(node)):
        raise Fault(node.place, f"'{text(node)}' must be a number of years, from 1 to 999")
    return int(text(node))


def _both_ends(node: Node) -> tuple[Moment, Moment]:
    ends = items(node)
    if len(ends) != 2:
        raise Fault(node.place, "between takes two moments, [from, to]")
    first, last = every(read_event_moment, ends)
    return first, last


_READERS: dict[str, Callable[[Node], Any]] = {
    "is": read_date,
    "before": read_event_moment,
    "since": read_event_moment,
    "between": _both_ends,
    "in_last": lambda node: parse_span(text(node), node),
    "in_next": read_duration,
    "during": read_period,
}
