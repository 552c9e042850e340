"""Silence enters: `enter: {lapse: order, after: 60 days}`, or `after: 2 usual gaps` of the customer's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Select,
    String,
    and_,
    cast,
    literal,
    null,
    or_,
    select,
    type_coerce,
)

from crm_store.calendar import may_reach, shifted
from crm_store.content.faults import Fault, Incomplete
from crm_store.content.fields import Fields, sure, text
from crm_store.content.literals import Duration, Gaps, Rate, parse_span
from crm_store.content.nodes import Node
from crm_store.content.vocabulary import EventKind, UsualGap
from crm_store.journeys.again import Again
from crm_store.journeys.triggers.base import Trigger, Window, any_at
from crm_store.schema import event
from crm_store.schema.types import Instant, Words
from crm_store.segmentation.eventfilters import ItemFilter
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing
from crm_store.segmentation.usualgaps import usual_gaps


@dataclass(frozen=True)
class LapseTrigger(Trigger):
    """Nothing of the kind for so long since the last one; keyed by that last event, so once per lapse."""

    word: ClassVar = "lapse"
    help: ClassVar = (
        "so long without an event of the kind (with `items`: without one that has such an item); `after: 2 usual gaps`: "
        "of the customer's own"
    )
    own_keys: ClassVar = True
    kind: EventKind
    after: Duration | Gaps
    items: ItemFilter | None = None

    @classmethod
    def read(cls, fields: Fields, language: Language) -> Self:
        kind = fields.need("lapse", language.vocabulary.event)
        after = fields.need("after", lambda node: _after(node, kind))
        items = fields.maybe("items", lambda node: ItemFilter.read(node, language))
        fields.close()
        if after is None:
            raise Incomplete
        return cls(sure(kind), after, items)

    def candidates(self, conn: Connection, campaign: str, again: Again, window: Window, scope: Scope) -> Select[Any]:
        if isinstance(self.after, Gaps):
            return self._by_gaps(self.after, window, scope)
        right_at = shifted(event.c.at, self.after, 1, literal(scope.company_zone.key, Words))
        in_time = self._in_time(self.after, window, scope.company_zone)
        return self._lapsed(event, right_at, window).where(in_time, *self._last(window, scope))

    def _in_time(self, after: Duration, window: Window, zone: ZoneInfo) -> ColumnElement[bool]:
        """What an index tells of when the event was."""
        if after.is_calendar:
            return may_reach(event.c.at, after, window.since, window.now, zone)
        return and_(event.c.at >= window.since - after.fixed(), event.c.at <= window.now - after.fixed())

    def _by_gaps(self, after: Gaps, window: Window, scope: Scope) -> Select[Any]:
        """The gaps of those only whose last event is as long ago as the least and the longest gap there can be."""
        usual = self._usual
        shortest = min((one.fixed() for one in (usual.at_least, usual.otherwise) if one), default=timedelta(0))
        least = shortest * after.count if usual.at_least else timedelta(0)
        in_time = [event.c.at <= window.now - least, *window.of(event.c.customer_id)]
        if usual.at_most:
            in_time.append(event.c.at >= window.since - max(usual.at_most.fixed(), usual.otherwise.fixed()) * after.count)
        found = select(event.c.id, event.c.customer_id, event.c.at)
        last = found.where(*in_time, *self._last(window, scope)).cte("last_event")
        own = event.alias()
        theirs = select(own.c.customer_id, own.c.at).where(*self._tests(own, scope), own.c.at <= window.now)
        gaps = usual_gaps(theirs.where(own.c.customer_id.in_(select(last.c.customer_id))), usual, [])
        ends = type_coerce(type_coerce(last.c.at, BigInteger) + gaps.c.gap * after.count, Instant())
        return self._lapsed(last, ends, window).where(gaps.c.customer_id == last.c.customer_id)

    @property
    def _usual(self) -> UsualGap:
        assert self.kind.usual_gap is not None
        return self.kind.usual_gap

    def _lapsed(self, row: FromClause, right_at: ColumnElement[Any], window: Window) -> Select[Any]:
        return select(
            row.c.customer_id,
            cast(row.c.id, String).label("occasion"),
            right_at.label("entered_at"),
            row.c.at.label("trigger_at"),
            row.c.id.label("trigger_event_id"),
            cast(null(), Date).label("occurs_on"),
        ).where(right_at >= window.since, right_at <= window.now, *window.of(row.c.customer_id))

    def _last(self, window: Window, scope: Scope) -> list[ColumnElement[bool]]:
        return [*self._tests(event, scope), ~self._came_back(window, scope)]

    def _tests(self, row: FromClause, scope: Scope) -> list[ColumnElement[bool]]:
        tests = [row.c.kind == self.kind.name]
        return [*tests, self.items.sql(row, scope)] if self.items else tests

    def _came_back(self, window: Window, scope: Scope) -> ColumnElement[bool]:
        """There is a later one by now; of two at the same instant the one with the higher id is the later."""
        newer = event.alias()
        is_later = or_(newer.c.at > event.c.at, and_(newer.c.at == event.c.at, newer.c.id > event.c.id))
        return (
            select(newer.c.id)
            .where(*self._tests(newer, scope), newer.c.customer_id == event.c.customer_id)
            .where(newer.c.at <= window.now, is_later)
            .correlate(event)
            .exists()
        )

    def comes(self, conn: Connection, window: Window, scope: Scope) -> bool:
        if isinstance(self.after, Gaps) or self.after.is_calendar:
            return True
        first, last = (at - self.after.fixed() for at in (window.since, window.now))
        return any_at(conn, event.c.at, first, last, event.c.kind == self.kind.name)

    def moved(self, time: Passing) -> Moved:
        return None if isinstance(self.after, Gaps) else []

    def sentence(self) -> str:
        items = f" {self.items.sentence()}" if self.items else ""
        return f"{self.after} without an event '{self.kind.title}'{items}"

    def event(self) -> str | None:
        return self.kind.name

    def a_day(self) -> int:
        """A lapse needs an event, and as much time after it."""
        if isinstance(self.after, Gaps) or self.after.is_calendar:
            return 1
        return Rate(1, self.after).a_day


def _after(node: Node, kind: EventKind | None) -> Duration | Gaps:
    span = parse_span(text(node), node)
    if isinstance(span, Gaps):
        if kind is not None and kind.usual_gap is None:
            raise Fault(node.place, f"'{span}': event '{kind.name}' has no `usual_gap` in the vocabulary; give it one")
    elif not span.count:
        raise Fault(node.place, f"'{span}' must be longer than nothing")
    return span
