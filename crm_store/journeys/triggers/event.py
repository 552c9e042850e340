"""An event enters: `enter: {event: signed_up}`, perhaps once it has been quiet for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, Connection, FromClause, Integer, Select, and_, literal, or_, select

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, sure
from crm_store.content.literals import Duration, read_duration
from crm_store.content.nodes import Node
from crm_store.content.vocabulary import EventKind
from crm_store.journeys.again import Again, keyed
from crm_store.journeys.triggers.base import Trigger, Window, any_at
from crm_store.schema import event
from crm_store.schema.types import later
from crm_store.segmentation.eventfilters import EventFilter, ItemFilter, read_where
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing


@dataclass(frozen=True)
class EventTrigger(Trigger):
    """An event of a kind, perhaps filtered. One older than the campaign's `late` never enters.

    `quiet_for`: it enters so long after it, if no other such event has come by then - with `again: per PROPERTY`, none
    of the same value.
    """

    word: ClassVar = "event"
    help: ClassVar = (
        "an event of the customer, with `where` and `items` as in segments; `quiet_for: D`: D after the last one"
    )
    kind: EventKind
    filters: tuple[EventFilter, ...] = ()
    quiet_for: Duration | None = None

    @classmethod
    def read(cls, fields: Fields, language: Language) -> Self:
        kind = fields.need("event", language.vocabulary.event)
        kinds = (kind,) if kind else ()
        where = fields.several("where", lambda node: read_where(node, kinds, language))
        on_items = fields.maybe("items", lambda node: ItemFilter.read(node, language))
        quiet_for = fields.maybe("quiet_for", _quiet)
        fields.close()
        return cls(sure(kind), (*where, *((on_items,) if on_items else ())), quiet_for)

    def candidates(self, conn: Connection, campaign: str, again: Again, window: Window, scope: Scope) -> Select[Any]:
        after = self.quiet_for.fixed() if self.quiet_for else timedelta(0)
        facts = select(
            event.c.customer_id,
            later(event.c.at, after).label("at"),
            event.c.at.label("trigger_at"),
            event.c.id.label("event_id"),
            literal(None, Integer).label("n"),
        ).where(*self._tests(event, scope), event.c.at >= window.since - after, event.c.at <= window.now - after)
        facts = facts.where(*window.of(event.c.customer_id))
        if after:
            facts = facts.where(~self._goes_on(after, again, scope))
        return keyed(again, campaign, facts.subquery(), window, scope.company_zone)

    def _tests(self, row: FromClause, scope: Scope) -> list[ColumnElement[bool]]:
        return [row.c.kind == self.kind.name, *(test.sql(row, scope) for test in self.filters)]

    def _goes_on(self, after: timedelta, again: Again, scope: Scope) -> ColumnElement[bool]:
        """There is a later one before the time is up; of two at the same instant the one with the higher id is later."""
        newer = event.alias()
        is_later = or_(newer.c.at > event.c.at, and_(newer.c.at == event.c.at, newer.c.id > event.c.id))
        same = []
        if again.property:
            same.append(again.value(newer) == again.value(event))
        return (
            select(newer.c.id)
            .where(*self._tests(newer, scope), newer.c.customer_id == event.c.customer_id, *same)
            .where(newer.c.at <= later(event.c.at, after), is_later)
            .correlate(event)
            .exists()
        )

    def comes(self, conn: Connection, window: Window, scope: Scope) -> bool:
        after = self.quiet_for.fixed() if self.quiet_for else timedelta(0)
        return any_at(conn, event.c.at, window.since - after, window.now - after, event.c.kind == self.kind.name)

    def moved(self, time: Passing) -> Moved:
        return None if any(test.asks_when or test.asks_customer for test in self.filters) else []

    def sentence(self) -> str:
        quiet = [f"after {self.quiet_for} without another"] if self.quiet_for else []
        return " ".join([f"the event '{self.kind.title}'", *(test.sentence() for test in self.filters), *quiet])

    def event(self) -> str | None:
        return self.kind.name

    @property
    def at_once(self) -> bool:
        return self.quiet_for is None


def _quiet(node: Node) -> Duration:
    duration = read_duration(node)
    if duration.is_calendar or not duration.count:
        raise Fault(node.place, f"'{duration}' must be longer than nothing, in weeks, days, hours, minutes or seconds")
    return duration
