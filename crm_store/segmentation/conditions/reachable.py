"""reachable: the customer may be written to about a topic, now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement

from crm_store.consent.standing import has_address, has_consent, is_reachable, is_suppressed, suppressions
from crm_store.content.fields import Fields, sure
from crm_store.content.nodes import Mapping
from crm_store.schema import consent
from crm_store.segmentation.conditions.base import Condition, FieldHelp
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.pairs import read_pair
from crm_store.segmentation.passing import Moved, Passing


@dataclass(frozen=True)
class ReachableCondition(Condition):
    """An address that is not suppressed, and consent to the topic as of now."""

    kind: ClassVar = "reachable"
    help: ClassVar = "has an address that is not suppressed, and consent to the topic, as of now"
    example: ClassVar = "reachable: {channel: email, topic: offers}"
    fields: ClassVar = (FieldHelp("reachable", "{channel, topic}", "pair"),)
    channel: str
    topic: str
    topic_title: str

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'reachable'")
        pair = fields.need("reachable", lambda value: read_pair(value, language, "reachable"))
        fields.close()
        channel, topic = sure(pair)
        return cls(channel, topic, language.vocabulary.topics[topic])

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        return is_reachable(self.channel, self.topic, scope.now)

    def moved(self, time: Passing) -> Moved:
        of_topic = consent.c.channel == self.channel, consent.c.topic == self.topic
        barred = suppressions(self.channel)
        return [*time.over(consent, consent.c.at, *of_topic), *time.over(barred, barred.c.at)]

    def values(self, scope: Scope) -> dict[str, ColumnElement[Any]]:
        return {
            "has an address": has_address(self.channel),
            "has consented": has_consent(self.channel, self.topic, scope.now),
            "is suppressed": is_suppressed(self.channel, scope.now),
        }

    def sentence(self) -> str:
        return f"they can be reached by {self.channel} about {self.topic_title}"
