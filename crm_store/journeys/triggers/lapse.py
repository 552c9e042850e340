"""Silence enters: `enter: {lapse: order, after: 60 days}`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, Connection, Date, FromClause, Select, String, and_, cast, null, or_, select

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, sure
from crm_store.content.literals import Duration, read_duration
from crm_store.content.nodes import Node
from crm_store.content.vocabulary import EventKind
from crm_store.journeys.again import Again
from crm_store.journeys.triggers.base import Trigger, Window, any_at
from crm_store.schema import event
from crm_store.schema.types import later
from crm_store.segmentation.eventfilters import ItemFilter
from crm_store.segmentation.language import Language, Scope


@dataclass(frozen=True)
class LapseTrigger(Trigger):
    """Nothing of the kind for so long since the last one; keyed by that last event, so once per lapse."""

    word: ClassVar = "lapse"
    help: ClassVar = "so long without an event of the kind (with `items`: without one that has such an item)"
    kind: EventKind
    after: Duration
    items: ItemFilter | None = None

    @classmethod
    def read(cls, fields: Fields, language: Language) -> Self:
        kind = fields.need("lapse", language.vocabulary.event)
        after = fields.need("after", _elapsed)
        items = fields.maybe("items", lambda node: ItemFilter.read(node, language))
        fields.close()
        return cls(sure(kind), sure(after), items)

    def candidates(self, conn: Connection, campaign: str, again: Again, window: Window, scope: Scope) -> Select[Any]:
        gap = self.after.fixed()
        right_at = later(event.c.at, gap)
        return select(
            event.c.customer_id,
            cast(event.c.id, String).label("occasion"),
            right_at.label("entered_at"),
            event.c.at.label("trigger_at"),
            event.c.id.label("trigger_event_id"),
            cast(null(), Date).label("occurs_on"),
        ).where(
            *self._tests(event, scope),
            event.c.at >= window.since - gap,
            event.c.at <= window.now - gap,
            ~self._came_back(window, scope),
            *window.of(event.c.customer_id),
        )

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
        gap = self.after.fixed()
        return any_at(conn, event.c.at, window.since - gap, window.now - gap, event.c.kind == self.kind.name)

    @property
    def shows(self) -> bool:
        return True

    def sentence(self) -> str:
        items = f" {self.items.sentence()}" if self.items else ""
        return f"{self.after} without an event '{self.kind.title}'{items}"

    def event(self) -> str | None:
        return self.kind.name


def _elapsed(node: Node) -> Duration:
    duration = read_duration(node)
    if duration.is_calendar:
        raise Fault(node.place, f"'{duration}': months and years are not built yet here; use days")
    if duration.fixed() <= timedelta(0):
        raise Fault(node.place, f"'{duration}' must be longer than nothing")
    return duration
