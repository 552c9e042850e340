"""follow_up: tasks that people have with the customer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

from sqlalchemy import ColumnElement, and_, case, or_

from crm_store.content.fields import Fields, one_of, sure, text
from crm_store.content.nodes import Mapping, Node
from crm_store.content.vocabulary import FollowUpKind, look_up
from crm_store.schema import follow_up
from crm_store.segmentation.belonging import has_row, ids_of_rows
from crm_store.segmentation.comparisons import Comparison, ValueSpec, read_comparison
from crm_store.segmentation.conditions.base import Condition, FieldHelp, Lead
from crm_store.segmentation.language import Language, Scope

_F = follow_up.alias("task")


def _open(scope: Scope) -> ColumnElement[bool]:
    return or_(_F.c.done_at.is_(None), _F.c.done_at > scope.now)


STATES: dict[str, Callable[[Scope], ColumnElement[bool]]] = {
    "open": _open,
    "done": lambda scope: _F.c.done_at <= scope.now,
    "overdue": lambda scope: and_(_open(scope), _F.c.due_at < scope.now),
}


@dataclass(frozen=True)
class FollowUpCondition(Condition):
    """A task with the customer, by its state and outcome."""

    kind: ClassVar = "follow_up"
    help: ClassVar = "there is a task for a person about the customer"
    example: ClassVar = "follow_up: call, state: done, outcome: {is: reached}"
    fields: ClassVar = (
        FieldHelp("follow_up", "a kind of the vocabulary's follow_ups, or any", "follow-up"),
        FieldHelp("state", "open, done or overdue; any unless said", "follow-up state"),
        FieldHelp("outcome", "a comparison of texts, e.g. {is: reached}", "text test"),
    )
    task: FollowUpKind | None  # None: any
    state: str | None
    outcome: Comparison | None

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'follow_up'")
        tasks = fields.need("follow_up", lambda value: _kinds(value, language))
        state = fields.maybe("state", one_of(*STATES))
        outcomes = tasks[0].outcomes if tasks else ()
        outcome = fields.maybe("outcome", lambda value: read_comparison(value, ValueSpec("text", outcomes)))
        fields.close()
        return cls(next(iter(sure(tasks)), None), state, outcome)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        return has_row(_F, scope, *self._tests(scope))

    def lead(self, scope: Scope) -> Lead:
        return Lead(ids_of_rows(_F, scope, *self._tests(scope)), rank=3)

    def _tests(self, scope: Scope) -> list[ColumnElement[bool]]:
        tests = [_F.c.created_at <= scope.now]
        tests += [_F.c.kind == self.task.name] if self.task else []
        tests += [STATES[self.state](scope)] if self.state else []
        tests += [self.outcome.sql(case((_F.c.done_at <= scope.now, _F.c.outcome)))] if self.outcome else []
        return tests

    def sentence(self) -> str:
        which = f"'{self.task.title}'" if self.task else "any"
        outcome = f" whose outcome {self.outcome.sentence()}" if self.outcome else ""
        return f"there is a follow-up of kind {which}{' that is ' + self.state if self.state else ''}{outcome}"


def _kinds(node: Node, language: Language) -> tuple[FollowUpKind, ...]:
    """One kind, or none for `any`."""
    return () if text(node) == "any" else (look_up(node, language.vocabulary.follow_ups, "follow-up"),)
