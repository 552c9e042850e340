"""A person enters customers: `enter: {by_hand: true}`, then `rapport campaign enrol`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import Connection, Date, Integer, Select, cast, null, select

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, truth
from crm_store.content.nodes import Node
from crm_store.journeys.again import Again
from crm_store.journeys.triggers.base import Trigger, Window
from crm_store.schema import entry_request
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing


@dataclass(frozen=True)
class ByHandTrigger(Trigger):
    """Whom somebody has asked for, under the key of the request: once for each key."""

    word: ClassVar = "by_hand"
    help: ClassVar = "`true`: whom somebody enters with `rapport campaign enrol`, once for each key of a request"
    own_keys: ClassVar = True

    @classmethod
    def read(cls, fields: Fields, language: Language) -> Self:
        fields.need("by_hand", _yes)
        fields.close()
        return cls()

    def candidates(self, conn: Connection, campaign: str, again: Again, window: Window, scope: Scope) -> Select[Any]:
        return select(
            entry_request.c.customer_id,
            entry_request.c.request.label("occasion"),
            entry_request.c.at.label("entered_at"),
            entry_request.c.at.label("trigger_at"),
            cast(null(), Integer).label("trigger_event_id"),
            cast(null(), Date).label("occurs_on"),
        ).where(
            entry_request.c.campaign == campaign,
            entry_request.c.at.between(window.since, window.now),
            *window.of(entry_request.c.customer_id),
        )

    def moved(self, time: Passing) -> Moved:
        return []

    def sentence(self) -> str:
        return "a person, with `rapport campaign enrol`"


def _yes(node: Node) -> bool:
    if not truth(node):
        raise Fault(node.place, "'by_hand' is true, or not there: then name an event or a segment")
    return True
