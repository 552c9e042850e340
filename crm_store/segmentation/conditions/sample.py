"""sample: a stable share of all customers, drawn by a hash of their keys (crm_store/segmentation/drawing.py)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, sure, text
from crm_store.content.literals import read_percent
from crm_store.content.nodes import Mapping, Node
from crm_store.intake.buckets import PRIME
from crm_store.segmentation.conditions.base import Condition, FieldHelp
from crm_store.segmentation.drawing import below, drawn
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing


@dataclass(frozen=True)
class SampleCondition(Condition):
    """The share of customers whose hash lies below it."""

    kind: ClassVar = "sample"
    help: ClassVar = "a stable share of all customers; the same salt draws the same ones, another salt others"
    example: ClassVar = "sample: 10 %, salt: spring"
    fields: ClassVar = (
        FieldHelp("sample", "a percentage, e.g. 10 %", "percent"),
        FieldHelp("salt", "a name for the draw; the file's own unless said", "text"),
    )
    percent: Decimal
    salt: str

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'sample'")
        percent = fields.need("sample", _percent)
        salt = fields.get("salt", text, language.file)
        fields.close()
        return cls(sure(percent), salt)

    @property
    def cost(self) -> int:
        return 0

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        return drawn(self.salt) < below(self.percent)

    def moved(self, time: Passing) -> Moved:
        return []

    def values(self, scope: Scope) -> dict[str, ColumnElement[Any]]:
        return {"drawn at %": drawn(self.salt) * 100.0 / PRIME}

    def sentence(self) -> str:
        return f"they are in the {self.percent} % drawn as '{self.salt}'"


def _percent(node: Node) -> Decimal:
    percent = read_percent(node)
    if not percent:
        raise Fault(node.place, "0 % are nobody; write more")
    return percent
