"""A date enters: `enter: {date: 3 days before birthday, at: "09:00"}`, by each customer's own local time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    cast,
    extract,
    func,
    null,
    or_,
    select,
    true,
    type_coerce,
)

from crm_store.clock import EPOCH, is_leap_year, start_of_day
from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, one_of, sure
from crm_store.content.literals import Moment, read_moment, read_time
from crm_store.content.nodes import Node, Scalar
from crm_store.content.vocabulary import Attribute
from crm_store.dialect import JsonScalar, as_date
from crm_store.journeys.again import Again
from crm_store.journeys.localtimes import Occurrence, occurrences_table, sending_days, zones
from crm_store.journeys.triggers.base import Trigger, Window
from crm_store.schema import customer, enrolment, event
from crm_store.schema.types import Instant, Words
from crm_store.segmentation.anchors import EventAnchor, event_anchor
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing
from crm_store.segmentation.times import EPOCH_DEFAULTS, LEAP_DAYS, read_years

# Days between two occurrences of a yearly date: a corrected birthday must not bring a second mail in the same season.
NEAREST = timedelta(days=300)
USUAL_TIME = time(9, 0)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class DateTrigger(Trigger):
    """A yearly date (birthday), a date attribute, the day of a first or last event, or one fixed date; with a lead or lag,
    at a local time. `years`: only these anniversaries of it."""

    word: ClassVar = "date"
    help: ClassVar = (
        "a date of the customer or of the calendar, with a lead or lag, at a local time of the customer's; "
        "`years: [1, 5]`: these anniversaries of it"
    )
    own_keys: ClassVar = True
    moment: Moment
    of: Attribute | EventAnchor | None
    at: time = USUAL_TIME
    leap_day: str = "feb-28"
    years: tuple[int, ...] = ()

    @classmethod
    def read(cls, fields: Fields, language: Language) -> Self:
        moment = fields.need("date", _moment)
        of = fields.maybe("date", lambda node: _of(node, language)) if moment and moment.anchor else None
        at = fields.get("at", read_time, USUAL_TIME)
        leap_day = fields.get("leap_day", one_of(*LEAP_DAYS), "feb-28")
        years = tuple(dict.fromkeys(fields.several("years", read_years)))
        if years and moment and not moment.anchor:
            fields.fault(fields.place_of("years"), f"{moment} comes once; 'years' goes with a date of the customer's")
        fields.close()
        return cls(sure(moment), of, at, leap_day, years)

    @property
    def is_yearly(self) -> bool:
        return bool(self.years) or (isinstance(self.of, Attribute) and self.of.type == "yearly")

    def candidates(self, conn: Connection, campaign: str, again: Again, window: Window, scope: Scope) -> Select[Any]:
        where = zones(conn, scope.company_zone)
        days = sending_days(where, window.since, window.now, self.at)
        occurrences = list(self._occurrences(days, dict(where)))
        table = occurrences_table(occurrences)
        chosen = select(
            customer.c.id.label("customer_id"),
            table.c.occasion,
            table.c.right_at.label("entered_at"),
            table.c.right_at.label("trigger_at"),
            cast(null(), Integer).label("trigger_event_id"),
            as_date(table.c.occurs_on).label("occurs_on"),
        ).where(customer.c.zone_id == table.c.zone_id, self._falls_on(table), *window.of(customer.c.id))
        if isinstance(self.of, EventAnchor):
            chosen = chosen.where(*_event_on(self.of, table, occurrences, window.now))
        return chosen.where(~_too_near(campaign, table)) if self.is_yearly else chosen

    def _occurrences(
        self, days: Iterable[tuple[int, date, datetime]], where: Mapping[int, ZoneInfo]
    ) -> Iterator[Occurrence]:
        """What the days on which a mail is right now are the lead or lag of."""
        for zone_id, day, instant in days:
            for occurs in self._dates_behind(day):
                occasion = str(occurs.year) if self.is_yearly else occurs.isoformat()
                for month, of_month, began in self._began(occurs):
                    begins, ends = _whole_day(began, where[zone_id]) if isinstance(self.of, EventAnchor) else _NO_DAY
                    nearest = occurs - NEAREST
                    yield Occurrence(zone_id, month, of_month, occasion, occurs, nearest, instant, began, begins, ends)

    def _began(self, occurs: date) -> Iterator[tuple[int, int, date]]:
        """(month, day, date) of what comes round on that day; with `years`, of so many years before."""
        for month, day in self._born(occurs):
            if not self.years:
                yield month, day, occurs
            for year in (occurs.year - years for years in self.years):
                if (month, day) != (2, 29) or is_leap_year(year):
                    yield month, day, date(year, month, day)

    def _dates_behind(self, day: date) -> list[date]:
        """The dates whose lead or lag falls on the day. With calendar months several may, or none."""
        if not self.moment.shift:
            return [day]
        near = self.moment.shift.shift_date(day, -self.moment.sign)
        around = [near + timedelta(days=n) for n in range(-4, 5)] if self.moment.shift.is_calendar else [near]
        return [occurs for occurs in around if self.moment.shifted_date(occurs) == day]

    def _born(self, occurs: date) -> list[tuple[int, int]]:
        """The (month, day) of those whose date comes round on that day."""
        born = [(occurs.month, occurs.day)]
        if not self.is_yearly or is_leap_year(occurs.year):
            return born
        observed = {"feb-28": (2, 28), "mar-1": (3, 1)}.get(self.leap_day)
        return [*born, (2, 29)] if born[0] == observed else born

    def _falls_on(self, table: CTE) -> ColumnElement[bool]:
        began_on = as_date(table.c.began_on)
        if self.of is None:
            return began_on == self.moment.base
        if isinstance(self.of, EventAnchor):
            return true()
        if self.of.type == "yearly":
            of_year = [customer.c.birth_year == cast(extract("year", began_on), Integer)] if self.years else []
            on_day = customer.c.birth_month == table.c.month, customer.c.birth_day == table.c.day
            return and_(*on_day, *of_year, ~_is_epoch_default())
        if self.of.built_in:
            return customer.c[self.of.name] == began_on
        value = JsonScalar(customer.c.attributes, self.of.name.split("."), "date")
        return value == cast(table.c.began_on, Words)

    def comes(self, conn: Connection, window: Window, scope: Scope) -> bool:
        where = zones(conn, scope.company_zone)
        days = sending_days(where, window.since, window.now, self.at)
        return next(self._occurrences(days, dict(where)), None) is not None

    def moved(self, time: Passing) -> Moved:
        """An event that lies ahead becomes the last one when its time comes."""
        return time.over(event, event.c.at, event.c.kind == self.of.kind) if isinstance(self.of, EventAnchor) else []

    def feeds(self) -> Iterator[str]:
        yield from (self.of.kind,) if isinstance(self.of, EventAnchor) else ()

    @property
    def by_zones(self) -> bool:
        return True

    def sentence(self) -> str:
        years = f" (years {', '.join(map(str, self.years))})" if self.years else ""
        return f"the date {self.moment}{years} at {self.at:%H:%M} of the customer's local time"


_NO_DAY = (EPOCH, EPOCH)


def _whole_day(day: date, where: ZoneInfo) -> tuple[datetime, datetime]:
    return start_of_day(day, where), start_of_day(day + _DAY, where)


def _event_on(of: EventAnchor, table: CTE, occurrences: Sequence[Occurrence], now: datetime) -> list[ColumnElement[bool]]:
    """The customer's first or last event of the kind, up to now, lies on the day where she is."""
    begin = min((one.begins for one in occurrences), default=now)
    end = max((one.ends for one in occurrences), default=now)
    near = select(event.c.customer_id).where(event.c.kind == of.kind, event.c.at >= begin, event.c.at < end)
    own = event.alias()
    choose = func.min if of.which == "first" else func.max
    theirs = own.c.customer_id == customer.c.id, own.c.kind == of.kind, own.c.at <= now
    at = type_coerce(select(choose(own.c.at)).where(*theirs).correlate(customer).scalar_subquery(), Instant())
    return [customer.c.id.in_(near), at >= table.c.begins, at < table.c.ends]


def _too_near(campaign: str, table: CTE) -> ColumnElement[bool]:
    earlier = select(enrolment.c.id).where(
        enrolment.c.campaign == campaign,
        enrolment.c.customer_id == customer.c.id,
        enrolment.c.occurs_on > as_date(table.c.not_since),
    )
    return earlier.correlate(customer, table).exists()


def _is_epoch_default() -> ColumnElement[bool]:
    parts = customer.c.birth_year, customer.c.birth_month, customer.c.birth_day
    return or_(
        *(
            and_(*(part.is_not_distinct_from(value) for part, value in zip(parts, date_, strict=True)))
            for date_ in EPOCH_DEFAULTS
        )
    )


def _moment(node: Node) -> Moment:
    moment = read_moment(node)
    if isinstance(moment.base, datetime):
        raise Fault(node.place, f"'{moment}': the time of day goes into `at`")
    if moment.anchor == "now":
        raise Fault(node.place, f"'{moment}' is not a date; write e.g. 'birthday' or 2026-12-24")
    if moment.shift and not moment.shift.in_days:
        raise Fault(node.place, f"'{moment}': dates have no hours; use days, and `at` for the time")
    return moment


def _of(node: Node, language: Language) -> Attribute | EventAnchor:
    anchor = _moment(node).anchor or ""
    found = event_anchor(anchor, node, language.vocabulary)
    if found is not None:
        return found
    if anchor.startswith(("step ", "offer ")):
        raise Fault(
            node.place, f"'{anchor}' is known once somebody is in; use a date attribute, or the first or last event"
        )
    attribute = language.vocabulary.attribute(Scalar(anchor, node.place))
    if attribute.type not in ("date", "yearly"):
        raise Fault(node.place, f"'{anchor}' is not a date but a {attribute.type}")
    return attribute
