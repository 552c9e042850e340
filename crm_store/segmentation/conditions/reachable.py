"""reachable: the customer may be written to about a topic, now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from sqlalchemy import ColumnElement

from crm_store.consent.standing import is_reachable
from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.fields import Fields, sure, text
from crm_store.content.nodes import Mapping, Node
from crm_store.segmentation.conditions.base import Condition, FieldHelp
from crm_store.segmentation.language import Language, Scope


@dataclass(frozen=True)
class ReachableCondition(Condition):
    """An address that is not suppressed, and consent to the topic as of now."""

    kind: ClassVar = "reachable"
    help: ClassVar = "has an address that is not suppressed, and consent to the topic, as of now"
    example: ClassVar = "reachable: {channel: email, topic: offers}"
    fields: ClassVar = (FieldHelp("reachable", "{channel, topic}"),)
    channel: str
    topic: str
    topic_title: str

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'reachable'")
        pair = fields.need("reachable", lambda value: _pair(value, language))
        fields.close()
        channel, topic = sure(pair)
        return cls(channel, topic, language.vocabulary.topics[topic])

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        return is_reachable(self.channel, self.topic, scope.now, scope.shape == "among")

    def sentence(self) -> str:
        return f"they can be reached by {self.channel} about {self.topic_title}"


def _pair(node: Node, language: Language) -> tuple[str, str]:
    fields = Fields(node, language.faults, "'reachable'")
    channel = fields.need("channel", lambda value: _channel(value, language))
    topic = fields.need("topic", language.vocabulary.topic)
    fields.close()
    return sure(channel), sure(topic)


def _channel(node: Node, language: Language) -> str:
    name = text(node)
    if name not in language.channels:
        raise Fault(node.place, f"channel '{name}' is not known{did_you_mean(name, language.channels)}")
    return name
