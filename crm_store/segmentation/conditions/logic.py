"""all, any, not: at any depth. `not` is the exact complement over all customers who are not erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from sqlalchemy import ColumnElement, Exists, and_, or_, select, true, union_all

from crm_store.content.fields import Fields, items, sure
from crm_store.content.nodes import Mapping, Node
from crm_store.segmentation.conditions.base import Condition, FieldHelp, Lead
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing, together


def by_cost(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """The cheapest first: SQLite tests them in this order, and stops at the first that decides."""
    return tuple(sorted(conditions, key=lambda one: one.cost))


def _read_one(node: Node, language: Language) -> Condition:
    from crm_store.segmentation.conditions import read_condition  # the registry lists this file

    return read_condition(node, language)


@dataclass(frozen=True)
class _Several(Condition):
    conditions: tuple[Condition, ...]

    @property
    def cost(self) -> int:
        """The cheapest is tested first, and mostly decides."""
        return min(part.cost for part in self.conditions)

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
        return and_(*(part.sql(scope) for part in by_cost(self.conditions)))

    def lead(self, scope: Scope) -> Lead | None:
        """That of the part which leaves the fewest."""
        leads = [(part.lead(scope), part) for part in self.conditions]
        known = [(lead, part) for lead, part in leads if lead is not None]
        if not known:
            return None
        best, of = min(known, key=lambda pair: pair[0].rank)
        others = [part for part in self.conditions if part is not of]
        return replace(best, rest=by_cost([*best.rest, *others]))

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
        scope = replace(scope, is_alternative=True)
        return or_(*(part.sql(scope) for part in by_cost(self.conditions)))

    def lead(self, scope: Scope) -> Lead | None:
        """Those of all its parts together."""
        leads = [part.lead(scope) for part in self.conditions]
        known = [lead for lead in leads if lead is not None]
        if len(known) < len(leads):
            return None
        together = union_all(*(lead.ids for lead in known)).subquery()
        inexact = any(lead.rest for lead in known)
        return Lead(select(together.c[0]), max(lead.rank for lead in known), (self,) if inexact else ())

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
        holds = self.part.sql(replace(scope, is_alternative=True) if self.part.parts() else scope)
        if isinstance(holds, Exists):  # is never NULL, and PostgreSQL can join with its rest
            return ~holds
        # IS NOT TRUE, so that a condition that is NULL (a missing value) has its exact rest too.
        return holds.is_not(true())

    def sentence(self) -> str:
        return f"it is not so that {self.part.sentence()}"

    def moved(self, time: Passing) -> Moved:
        return self.part.moved(time)

    @property
    def cost(self) -> int:
        return self.part.cost

    def parts(self) -> Sequence[Condition]:
        return (self.part,)
