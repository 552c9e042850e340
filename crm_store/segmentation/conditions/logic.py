"""all, any, not: at any depth. `not` is the exact complement over all customers who are not erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from sqlalchemy import ColumnElement, and_, or_, true

from crm_store.content.fields import Fields, items, sure
from crm_store.content.nodes import Mapping, Node
from crm_store.segmentation.conditions.base import Condition, FieldHelp
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing, together


def _read_one(node: Node, language: Language) -> Condition:
    from crm_store.segmentation.conditions import read_condition  # the registry lists this file

    return read_condition(node, language)


@dataclass(frozen=True)
class _Several(Condition):
    conditions: tuple[Condition, ...]

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, f"'{cls.kind}'")
        parts = fields.need(
            cls.kind, lambda value: language.faults.each(lambda item: _read_one(item, language), items(value))
        )
        fields.close()
        return cls(sure(parts))

    def moved(self, time: Passing) -> Moved:
        return together(part.moved(time) for part in self.conditions)

    def parts(self) -> Sequence[Condition]:
        return self.conditions


@dataclass(frozen=True)
class AllOf(_Several):
    """Every one of the conditions holds."""

    kind: ClassVar = "all"
    help: ClassVar = "every one of the conditions in the list holds"
    example: ClassVar = "all: [{attribute: country, is: US}, {event: order, in_last: 30 days}]"
    fields: ClassVar = (FieldHelp("all", "a list of conditions", "conditions"),)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        return and_(*(part.sql(scope) for part in self.conditions))

    def sentence(self) -> str:
        return "(" + " and ".join(part.sentence() for part in self.conditions) + ")"


@dataclass(frozen=True)
class AnyOf(_Several):
    """At least one of the conditions holds."""

    kind: ClassVar = "any"
    help: ClassVar = "at least one of the conditions in the list holds"
    example: ClassVar = "any: [{attribute: country, is: US}, {attribute: country, is: CA}]"
    fields: ClassVar = (FieldHelp("any", "a list of conditions", "conditions"),)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        return or_(*(part.sql(scope) for part in self.conditions))

    def sentence(self) -> str:
        return "(" + " or ".join(part.sentence() for part in self.conditions) + ")"


@dataclass(frozen=True)
class Not(Condition):
    """The condition does not hold."""

    kind: ClassVar = "not"
    help: ClassVar = "the condition does not hold: exactly everybody else"
    example: ClassVar = "not: {event: order}"
    fields: ClassVar = (FieldHelp("not", "one condition", "condition"),)
    part: Condition

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'not'")
        part = fields.need("not", lambda value: _read_one(value, language))
        fields.close()
        return cls(sure(part))

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        # IS NOT TRUE, so that a condition that is NULL (a missing value) has its exact rest too.
        return self.part.sql(scope).is_not(true())

    def sentence(self) -> str:
        return f"it is not so that {self.part.sentence()}"

    def moved(self, time: Passing) -> Moved:
        return self.part.moved(time)

    def parts(self) -> Sequence[Condition]:
        return (self.part,)
