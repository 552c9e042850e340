"""segment: membership in another segment, compiled in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from sqlalchemy import ColumnElement

from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.fields import Fields, sure, text
from crm_store.content.nodes import Mapping, Node
from crm_store.segmentation.conditions.base import Condition, FieldHelp
from crm_store.segmentation.language import Language, Scope


@dataclass(frozen=True)
class SegmentCondition(Condition):
    """The customer is in another segment."""

    kind: ClassVar = "segment"
    help: ClassVar = "the customer is in another segment"
    example: ClassVar = "segment: coffee-drinkers"
    fields: ClassVar = (FieldHelp("segment", "the name of a file in segments/, without .yaml"),)
    name: str

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'segment'", planned=("entered", "left", "for"))
        name = fields.need("segment", lambda value: _known(value, language))
        fields.close()
        return cls(sure(name))

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        return scope.segments[self.name].sql(scope)

    def sentence(self) -> str:
        return f"they are in segment {self.name}"

    def segments(self) -> Iterator[str]:
        yield self.name


def _known(node: Node, language: Language) -> str:
    name = text(node)
    if name not in language.segments:
        raise Fault(node.place, f"segment '{name}' is not in segments/{did_you_mean(name, language.segments)}")
    return name
