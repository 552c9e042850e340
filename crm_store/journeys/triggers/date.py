"""A date enters: `enter: {date: 3 days before birthday, at: "09:00"}`, by each customer's own local time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, Self

from sqlalchemy import CTE, ColumnElement, Connection, Integer, Select, and_, cast, null, or_, select

from crm_store.clock import is_leap_year
from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, one_of, sure
from crm_store.content.literals import Moment, read_moment, read_time
from crm_store.content.nodes import Node, Scalar
from crm_store.content.vocabulary import Attribute
from crm_store.dialect import JsonScalar, as_date
from crm_store.journeys.again import Again
from crm_store.journeys.localtimes import Occurrence, occurrences_table, sending_days, zones
from crm_store.journeys.triggers.base import Trigger, Window
from crm_store.schema import customer, enrolment
from crm_store.schema.types import Words
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.times import EPOCH_DEFAULTS, LEAP_DAYS

# Days between two occurrences of a yearly date: a corrected birthday must not bring a second mail in the same season.
NEAREST = timedelta(days=300)
USUAL_TIME = time(9, 0)

_PLANNED = re.compile(r"(first|last|step|offer) ")


@dataclass(frozen=True)
class DateTrigger(Trigger):
    """A yearly date (birthday), a date attribute, or one fixed date; with a lead or lag, at a local time."""

    word: ClassVar = "date"
    help: ClassVar = "a date of the customer or of the calendar, with a lead or lag, at a local time of the customer's"
    moment: Moment
    attribute: Attribute | None
    at: time = USUAL_TIME
    leap_day: str = "feb-28"

    @classmethod
    def read(cls, fields: Fields, language: Language) -> Self:
        moment = fields.need("date", _moment)
        attribute = fields.maybe("date", lambda node: _attribute(node, language)) if moment and moment.anchor else None
        at = fields.get("at", read_time, USUAL_TIME)
        leap_day = fields.get("leap_day", one_of(*LEAP_DAYS), "feb-28")
        fields.close()
        return cls(sure(moment), attribute, at, leap_day)

    @property
    def is_yearly(self) -> bool:
        return self.attribute is not None and self.attribute.type == "yearly"

    def candidates(self, conn: Connection, campaign: str, again: Again, window: Window, scope: Scope) -> Select[Any]:
        days = sending_days(zones(conn, scope.company_zone), window.since, window.now, self.at)
        table = occurrences_table(self._occurrences(days))
        chosen = select(
            customer.c.id.label("customer_id"),
            table.c.occasion,
            table.c.right_at.label("entered_at"),
            table.c.right_at.label("trigger_at"),
            cast(null(), Integer).label("trigger_event_id"),
            as_date(table.c.occurs_on).label("occurs_on"),
        ).where(customer.c.zone_id == table.c.zone_id, self._falls_on(table), *window.of(customer.c.id))
        return chosen.where(~_too_near(campaign, table)) if self.is_yearly else chosen

    def _occurrences(self, days: Iterable[tuple[int, date, datetime]]) -> Iterator[Occurrence]:
        """What the days on which a mail is right now are the lead or lag of."""
        for zone_id, day, instant in days:
            for occurs in self._dates_behind(day):
                occasion = str(occurs.year) if self.is_yearly else occurs.isoformat()
                for month, of_month in self._born(occurs):
                    yield Occurrence(zone_id, month, of_month, occasion, occurs, occurs - NEAREST, instant)

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
        if self.attribute is None:
            return as_date(table.c.occurs_on) == self.moment.base
        if self.is_yearly:
            return and_(customer.c.birth_month == table.c.month, customer.c.birth_day == table.c.day, ~_is_epoch_default())
        if self.attribute.built_in:
            return customer.c[self.attribute.name] == as_date(table.c.occurs_on)
        value = JsonScalar(customer.c.attributes, self.attribute.name.split("."), "date")
        return value == cast(table.c.occurs_on, Words)

    def comes(self, conn: Connection, window: Window, scope: Scope) -> bool:
        days = sending_days(zones(conn, scope.company_zone), window.since, window.now, self.at)
        return next(iter(self._occurrences(days)), None) is not None

    @property
    def shows(self) -> bool:
        return True

    def sentence(self) -> str:
        return f"the date {self.moment} at {self.at:%H:%M} of the customer's local time"


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


def _attribute(node: Node, language: Language) -> Attribute:
    anchor = _moment(node).anchor or ""
    if _PLANNED.match(anchor):
        raise Fault(node.place, f"counting from '{anchor}' is not built yet; use a date attribute")
    attribute = language.vocabulary.attribute(Scalar(anchor, node.place))
    if attribute.type not in ("date", "yearly"):
        raise Fault(node.place, f"'{anchor}' is not a date but a {attribute.type}")
    return attribute
