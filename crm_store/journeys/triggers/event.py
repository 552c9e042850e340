"""An event enters: `enter: {event: signed_up}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import Connection, Integer, Select, literal, select

from crm_store.content.fields import Fields, sure
from crm_store.content.vocabulary import EventKind
from crm_store.journeys.again import Again, keyed
from crm_store.journeys.triggers.base import Trigger, Window, any_at
from crm_store.schema import event
from crm_store.segmentation.eventfilters import EventFilter, ItemFilter, read_where
from crm_store.segmentation.language import Language, Scope


@dataclass(frozen=True)
class EventTrigger(Trigger):
    """An event of a kind, perhaps filtered. One older than the campaign's `late` never enters."""

    word: ClassVar = "event"
    help: ClassVar = "an event of the customer, with `where` and `items` as in segments"
    kind: EventKind
    filters: tuple[EventFilter, ...] = ()

    @classmethod
    def read(cls, fields: Fields, language: Language) -> Self:
        kind = fields.need("event", language.vocabulary.event)
        kinds = (kind,) if kind else ()
        where = fields.several("where", lambda node: read_where(node, kinds, language))
        on_items = fields.maybe("items", lambda node: ItemFilter.read(node, language))
        fields.close()
        return cls(sure(kind), (*where, *((on_items,) if on_items else ())))

    def candidates(self, conn: Connection, campaign: str, again: Again, window: Window, scope: Scope) -> Select[Any]:
        facts = (
            select(event.c.customer_id, event.c.at, event.c.id.label("event_id"), literal(None, Integer).label("n"))
            .where(event.c.kind == self.kind.name, event.c.at >= window.since, event.c.at <= window.now)
            .where(*(test.sql(event, scope) for test in self.filters), *window.of(event.c.customer_id))
            .subquery()
        )
        return keyed(again, campaign, facts)

    def comes(self, conn: Connection, window: Window, scope: Scope) -> bool:
        return any_at(conn, event.c.at, window.since, window.now, event.c.kind == self.kind.name)

    @property
    def shows(self) -> bool:
        return not any(test.asks_when or test.asks_customer for test in self.filters)

    def sentence(self) -> str:
        return " ".join([f"the event '{self.kind.title}'", *(test.sentence() for test in self.filters)])

    def event(self) -> str | None:
        return self.kind.name
