"""score: a figure that was worked out about the customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, Numeric, Select, select, type_coerce
from sqlalchemy import cast as sql_cast

from crm_store.content.fields import Fields, sure, text
from crm_store.content.literals import Duration, read_duration
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.content.vocabulary import look_up
from crm_store.schema import customer, score
from crm_store.schema.types import Number
from crm_store.segmentation.belonging import has_row, newest
from crm_store.segmentation.comparisons import Comparison, ValueSpec, read_only_word
from crm_store.segmentation.conditions.base import Condition, FieldHelp, Lead
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.ranking import Ranking, read_ranking


@dataclass(frozen=True)
class ScoreCondition(Condition):
    """A score, compared; `fresh`: and it must be there and no older than that."""

    kind: ClassVar = "score"
    help: ClassVar = "a score of the vocabulary's `scores`; a missing one is_not and is not_in"
    example: ClassVar = "score: churn, at_least: 0.7, fresh: 7 days"
    fields: ClassVar = (
        FieldHelp("score", "a score of the vocabulary", "score"),
        FieldHelp(
            "is, is_not, in, not_in, is_set, at_least, more_than, at_most, less_than, between", "how it is", "number words"
        ),
        FieldHelp("top, bottom", "the highest or lowest so many or such a share; `tie: all` with all who equal", "ranking"),
        FieldHelp("fresh", "worked out no longer ago than that, e.g. 7 days", "duration"),
    )
    name: str
    title: str
    test: Comparison | Ranking | None
    fresh: Duration | None

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'score'")
        name = fields.need("score", lambda value: _known(value, language))
        fresh = fields.maybe("fresh", read_duration)
        entries = [(word, value) for word, value in node.entries if word.text not in ("score", "fresh")]
        fields.known(*(word.text for word, _ in entries))
        fields.close()
        test = _test(entries, node) if entries or fresh is None else None
        return cls(sure(name), language.vocabulary.scores[sure(name)], test, fresh)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        tests = self._known_now(scope)
        value = _value()
        if isinstance(self.test, Ranking):
            return customer.c.id.in_(self._ranked(self.test, scope))
        if self.test is None:
            return has_row(score, scope, *tests)
        holds = has_row(score, scope, *tests, self.test.sql(value))
        if self.fresh is None and self.test.holds_for_missing():
            return holds | ~has_row(score, scope, *tests)
        return holds

    def lead(self, scope: Scope) -> Lead | None:
        return Lead(self._ranked(self.test, scope), rank=4, unique=True) if isinstance(self.test, Ranking) else None

    def _ranked(self, ranking: Ranking, scope: Scope) -> Select[Any]:
        return ranking.ids(select(score.c.customer_id, score.c.value).where(*self._known_now(scope)), scope)

    def _known_now(self, scope: Scope) -> list[ColumnElement[bool]]:
        tests = [score.c.name == self.name, score.c.at <= scope.now]
        return [*tests, score.c.at >= self.fresh.shift(scope.now, -1, scope.company_zone)] if self.fresh else tests

    def values(self, scope: Scope) -> dict[str, ColumnElement[Any]]:
        return {self.title: newest(score.c.value, score, *self._known_now(scope))}

    def sentence(self) -> str:
        fresh = f" (worked out in the last {self.fresh})" if self.fresh else ""
        return f"the score {self.title} {self.test.sentence() if self.test else 'is known'}{fresh}"


def _value() -> ColumnElement[Any]:
    """As a decimal number: PostgreSQL would compare a double in binary."""
    return type_coerce(sql_cast(score.c.value, Numeric), Number())


def _known(node: Node, language: Language) -> str:
    look_up(node, language.vocabulary.scores, "score")
    return text(node)


def _test(entries: list[tuple[Scalar, Node]], node: Node) -> Comparison | Ranking:
    return read_ranking(entries, node) or read_only_word(entries, node, ValueSpec("number"))
