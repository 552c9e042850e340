"""campaign: where the customer is or was in campaigns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, and_, or_, true

from crm_store.content.faults import every
from crm_store.content.fields import Fields, items, one_of, sure, text
from crm_store.content.nodes import Mapping, Node, Sequence
from crm_store.schema import enrolment
from crm_store.segmentation.belonging import has_row, ids_of_rows, newest
from crm_store.segmentation.conditions.base import Condition, FieldHelp, Lead
from crm_store.segmentation.conditions.event import read_only_window
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.times import Window

Column = ColumnElement[Any]
_E = enrolment.alias("enrolled")


def _under_way(scope: Scope) -> ColumnElement[bool]:
    finished, left = _E.c.finished_at, _E.c.left_at
    not_yet = (or_(ended.is_(None), ended > scope.now) for ended in (finished, left))
    return and_(_E.c.held_out_at.is_(None), *not_yet)


# Each state: the instant that makes it so, and what else must hold.
STATES: dict[str, tuple[Column, Callable[[Scope], ColumnElement[bool]]]] = {
    "in": (_E.c.entered_at, _under_way),
    "finished": (_E.c.finished_at, lambda scope: _E.c.held_out_at.is_(None)),
    "left": (_E.c.left_at, lambda scope: _E.c.held_out_at.is_(None)),
    "held_out": (_E.c.entered_at, lambda scope: _E.c.held_out_at <= scope.now),
    "reached_goal": (_E.c.goal_at, lambda scope: true()),
    "ever_in": (_E.c.entered_at, lambda scope: _E.c.held_out_at.is_(None)),
}


@dataclass(frozen=True)
class CampaignCondition(Condition):
    """An enrolment of the customer's, by its state."""

    kind: ClassVar = "campaign"
    help: ClassVar = "is or was in a campaign; held-out customers count as held_out and reached_goal only"
    example: ClassVar = "campaign: welcome, state: finished, in_last: 30 days"
    fields: ClassVar = (
        FieldHelp("campaign", "a campaign, a list of them, or any", "campaigns"),
        FieldHelp("state", "in, finished, left, held_out, reached_goal, or ever_in (unless said)", "campaign state"),
        FieldHelp("is, before, since, between, in_last, in_next, during", "when that came about", "window words"),
    )
    names: tuple[str, ...]  # none: any
    state: str
    window: Window | None

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'campaign'")
        names = fields.need("campaign", lambda value: read_names_or_any(value, "campaign", "campaigns", language))
        state = fields.get("state", one_of(*STATES), "ever_in")
        window = read_only_window(fields, language)
        fields.close()
        return cls(sure(names), state, window)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        return has_row(_E, scope, *self._tests(scope))

    def lead(self, scope: Scope) -> Lead:
        return Lead(ids_of_rows(_E, scope, *self._tests(scope)), rank=2 if self.window else 5)

    def _tests(self, scope: Scope) -> list[ColumnElement[bool]]:
        at, also = STATES[self.state]
        tests = [at <= scope.now, also(scope), *self._of_names()]
        return [*tests, self.window.on_instant(at, scope)] if self.window else tests

    def _of_names(self) -> list[ColumnElement[bool]]:
        return [_E.c.campaign.in_(self.names)] if self.names else []

    def values(self, scope: Scope) -> dict[str, Column]:
        return {"last entered": newest(_E.c.entered_at, _E, _E.c.entered_at <= scope.now, *self._of_names())}

    def sentence(self) -> str:
        said = {
            "in": "are in",
            "ever_in": "are or were in",
            "held_out": "are held out of",
            "reached_goal": "reached the goal of",
        }
        when = f" {self.window.sentence()}" if self.window else ""
        of = f"campaign {' or '.join(self.names)}" if self.names else "any campaign"
        return f"they {said.get(self.state, 'have ' + self.state)} {of}{when}"


def read_names_or_any(node: Node, what: str, where: str, language: Language) -> tuple[str, ...]:
    """A name, a list of names, or `any`: no names."""
    if isinstance(node, Sequence):
        return every(lambda item: language.names.known(item, what, where), items(node))
    return () if text(node) == "any" else (language.names.known(node, what, where),)
