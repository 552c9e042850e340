"""suppressed: the customer's address may not be written to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from sqlalchemy import ColumnElement

from crm_store.consent.standing import is_suppressed, suppressions
from crm_store.content.fields import Fields, sure, texts
from crm_store.content.nodes import Mapping, Node
from crm_store.segmentation.conditions.base import Condition, FieldHelp
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.pairs import read_channel
from crm_store.segmentation.passing import Moved, Passing


@dataclass(frozen=True)
class SuppressedCondition(Condition):
    """The address is suppressed on a channel, as of now."""

    kind: ClassVar = "suppressed"
    help: ClassVar = "the address is suppressed: nobody may write to it, whatever was consented"
    example: ClassVar = "suppressed: {channel: email}, reason: hard bounce"
    fields: ClassVar = (
        FieldHelp("suppressed", "{channel}", "channel"),
        FieldHelp("reason", "a reason, or a list of them; any unless said", "texts"),
    )
    channel: str
    reasons: tuple[str, ...]

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'suppressed'")
        channel = fields.need("suppressed", lambda value: _channel(value, language))
        reasons = fields.several("reason", texts)
        fields.close()
        return cls(sure(channel), reasons)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        return is_suppressed(self.channel, scope.now, self.reasons)

    def moved(self, time: Passing) -> Moved:
        barred = suppressions(self.channel)
        return time.over(barred, barred.c.at)

    def sentence(self) -> str:
        because = f" because of {' or '.join(self.reasons)}" if self.reasons else ""
        return f"their address is suppressed for {self.channel}{because}"


def _channel(node: Node, language: Language) -> str:
    fields = Fields(node, language.faults, "'suppressed'")
    channel = fields.need("channel", lambda value: read_channel(value, language))
    fields.close()
    return sure(channel)
