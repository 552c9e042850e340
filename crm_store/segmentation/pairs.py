"""Channels and topics, as several kinds of conditions name them."""

from __future__ import annotations

from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.fields import Fields, sure, text
from crm_store.content.nodes import Node
from crm_store.segmentation.language import Language


def read_pair(node: Node, language: Language, what: str) -> tuple[str, str]:
    """`{channel: email, topic: offers}`."""
    fields = Fields(node, language.faults, f"'{what}'")
    channel = fields.need("channel", lambda value: read_channel(value, language))
    topic = fields.need("topic", language.vocabulary.topic)
    fields.close()
    return sure(channel), sure(topic)


def read_channel(node: Node, language: Language) -> str:
    name = text(node)
    if name not in language.channels:
        raise Fault(node.place, f"channel '{name}' is not known{did_you_mean(name, language.channels)}")
    return name
