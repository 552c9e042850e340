"""attribute: what is known about a customer, and what it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, TypeVar

from sqlalchemy import ColumnElement, Select, and_, case, literal, select

from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.fields import Fields, sure
from crm_store.content.literals import Duration, read_duration
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.content.vocabulary import Attribute
from crm_store.dialect import instant_of_text
from crm_store.schema import customer
from crm_store.segmentation.amounts import Currency, currency_of, spec_of
from crm_store.segmentation.comparisons import MODIFIERS, Comparison, ValueSpec, read_only_word
from crm_store.segmentation.conditions.base import Condition, FieldHelp, Lead
from crm_store.segmentation.history import History
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Anybody, Moved, Passing
from crm_store.segmentation.ranking import RANKING_WORDS, Ranking, read_ranking
from crm_store.segmentation.times import (
    WINDOW_WORDS,
    Anniversary,
    Window,
    read_anniversary,
    read_nested_window,
    read_window,
)
from crm_store.segmentation.typedvalues import typed_value

Column = ColumnElement[Any]
Entries = list[tuple[Scalar, Node]]
A = TypeVar("A", bound="AttributeCondition")
Test = Comparison | Window | Anniversary | Ranking
HISTORY_WORDS = ("for", "was", "changed")
# Facts that follow from others, or never change.
WITHOUT_HISTORY = ("age", "birthday", "key")


@dataclass(frozen=True)
class AttributeCondition(Condition):
    """A comparison of one of the customer's attributes, or of what it was before."""

    kind: ClassVar = "attribute"
    help: ClassVar = "what is known about the customer; dates are judged by the customer's own date"
    example: ClassVar = "attribute: birthday, anniversary: {in_next: 7 days}"
    fields: ClassVar = (
        FieldHelp(
            "attribute", "an attribute of the vocabulary, or a built-in one such as country, age, birthday", "attribute"
        ),
        FieldHelp("is, is_not, in, not_in, is_set", "for any attribute", "comparison words"),
        FieldHelp("at_least, more_than, at_most, less_than, between", "for numbers and money", "comparison words"),
        FieldHelp(
            "top, bottom",
            "the highest or lowest so many or such a share, e.g. 500 or 10 %; `tie: all` with all who equal",
            "ranking",
        ),
        FieldHelp("contains, not_contains, starts_with, ends_with, matches", "for texts", "comparison words"),
        FieldHelp("ignoring", "`case`, beside a comparison of texts: upper and lower case are the same", "case"),
        FieldHelp("under", "for text paths: the path itself and everything below it", "comparison words"),
        FieldHelp("includes, includes_any, includes_all, length", "for lists", "comparison words"),
        FieldHelp("is, before, since, between, in_last, in_next, during", "for dates and instants", "window words"),
        FieldHelp("anniversary", "for dates: {is|in_last|in_next|during, years: [1, 5], leap_day: feb-28}", "anniversary"),
        FieldHelp("for", "the comparison has held so long, e.g. {at_least: 30 days}", "at least"),
        FieldHelp("was", "the value before the last change", "text"),
        FieldHelp("changed", "when the last change was, e.g. {in_last: 7 days}", "window"),
    )
    attribute: Attribute
    test: Test | None
    currency: Currency | None = None
    held_for: Duration | None = None
    was: Comparison | Window | None = None
    changed: Window | None = None

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        subject = node.get("attribute")
        if subject is None:
            raise Fault(node.place, "'attribute' names nothing; write e.g. `attribute: country`")
        attribute = language.vocabulary.attribute(subject)
        entries = [(name, value) for name, value in node.entries if name.text not in ("attribute", *HISTORY_WORDS)]
        history = [name for name, _ in node.entries if name.text in HISTORY_WORDS]
        currency = currency_of(subject, language) if attribute.type == "money" else None
        test = _read_test(attribute, entries, node, currency, language) if entries or not history else None
        found = cls(attribute, test, currency)
        return _with_history(found, node, history[0], language) if history else found

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        tests = [] if self.test is None else [self._holds(self.test, scope)]
        if self.held_for is not None:
            tests = [self._history.has_held(self._on_values(self.test, scope), self.held_for, tests[0], scope)]
        if self.was or self.changed:
            was = self._on_values(self.was, scope) if self.was else None
            tests.append(self._history.last_change(was, self._at_change(scope), scope))
        return and_(*tests)

    def moved(self, time: Passing) -> Moved:
        if isinstance(self.test, Ranking):
            return Anybody(self._value_moved(time))
        by_test = self._test_moved(self.test, time) if self.test else []
        if not (self.held_for or self.was or self.changed):
            return by_test
        if any(isinstance(one, Window) and one.is_relative for one in (self.test, self.was, self.changed)):
            return None
        if by_test or self._value_moved(time):
            return None
        return self._history.moved(time, self.held_for, self.changed)

    def _test_moved(self, test: Test, time: Passing) -> list[Select[Any]]:
        if isinstance(test, Comparison) and not self._value_moved(time):
            return []
        of_dates = self.attribute.type in ("date", "yearly") or self.attribute.name == "age"
        judged = time.days_later if of_dates else time.judged_otherwise
        return judged(lambda scope: self._holds(test, scope))

    def _value_moved(self, time: Passing) -> list[Select[Any]]:
        """Of whom the value itself may be another one: ages grow day by day, money is counted by the rates of the day."""
        if self.attribute.name == "age":
            return time.days_later(lambda scope: self._column(scope) == self._column(time.before))
        if self.currency is not None and self.currency.has_other_rates(time.before, time.after):
            return [select(customer.c.id)]
        return []

    def lead(self, scope: Scope) -> Lead | None:
        if self.held_for or self.was or self.changed:
            return None
        if isinstance(self.test, Ranking):
            return Lead(self._ranked(self.test, scope), rank=4, unique=True)
        if isinstance(self.test, Anniversary) and self.test.days(scope) and not scope.narrowed:
            found = select(customer.c.id).where(self._holds(self.test, scope))
            return Lead(found.correlate(None), rank=6, unique=True)
        return None

    def _ranked(self, ranking: Ranking, scope: Scope) -> Select[Any]:
        return ranking.ids(select(customer.c.id, self._column(scope)).correlate(None), scope)

    @property
    def cost(self) -> int:
        if self.attribute.type in ("list", "money"):
            return 3
        return 0 if self.attribute.built_in else 1

    @property
    def _history(self) -> History:
        return History(self.attribute, self.currency)

    def _at_change(self, scope: Scope) -> Callable[[Column], ColumnElement[bool]] | None:
        changed = self.changed
        return None if changed is None else lambda at: changed.on_instant(at, scope)

    def _on_values(self, test: Test | None, scope: Scope) -> Callable[[Column], ColumnElement[bool]]:
        """The test of any value the attribute has or had."""

        def holds(column: Column) -> ColumnElement[bool]:
            if isinstance(test, Comparison):
                return test.sql(column)
            if not isinstance(test, Window):
                raise LookupError("only comparisons and windows are of single values")
            if self.attribute.type == "date":
                return test.on_date(column, scope)
            return test.on_instant(instant_of_text(column) if test.is_relative else column, scope)

        return holds

    def values(self, scope: Scope) -> dict[str, Column]:
        if self.attribute.name == "birthday":
            return {
                "birth month": customer.c.birth_month,
                "birth day": customer.c.birth_day,
                "birth year": customer.c.birth_year,
            }
        if self.currency is not None:
            return {f"{self.attribute.title} in {self.currency.code}": self.currency.major(self._column(scope))}
        return {self.attribute.title: self._column(scope)}

    def _holds(self, test: Test, scope: Scope) -> ColumnElement[bool]:
        if self.attribute.name == "birthday":
            return self._birthday(test, scope)
        column = self._column(scope)
        if isinstance(test, Ranking):
            return customer.c.id.in_(self._ranked(test, scope))
        return test.on_date(column, scope) if isinstance(test, Anniversary) else self._on_values(test, scope)(column)

    def _birthday(self, test: Test, scope: Scope) -> ColumnElement[bool]:
        if isinstance(test, Anniversary):
            return test.on_parts(customer.c.birth_month, customer.c.birth_day, customer.c.birth_year, scope)
        if isinstance(test, Comparison):
            return test.sql(customer.c.birth_month)
        raise LookupError("a yearly date has no windows")

    def _column(self, scope: Scope) -> Column:
        if self.attribute.name == "age":
            return _age(scope)
        if self.attribute.built_in:
            return customer.c[self.attribute.name]
        path = self.attribute.name.split(".")
        return typed_value(customer.c.attributes, path, self.attribute.type, scope, self.currency)

    def sentence(self) -> str:
        title = self.attribute.title
        said = [f"the {title} {'is ' if isinstance(self.test, Window) else ''}{self.test.sentence()}"] if self.test else []
        said = [f"{said[0]}, and has been so for at least {self.held_for}"] if self.held_for else said
        said += [f"the {title} before {self.was.sentence().replace('is ', 'was ', 1)}"] if self.was else []
        said += [f"the {title} last changed {self.changed.sentence()}"] if self.changed else []
        return " and ".join(said)


def _read_test(attribute: Attribute, entries: Entries, node: Node, currency: Currency | None, language: Language) -> Test:
    words = [(name, value) for name, value in entries if name.text not in (*MODIFIERS, "tie")]
    if len(words) != 1:
        raise Fault(node.place, "an attribute needs exactly one comparison, e.g. `is: DE`")
    name, value = words[0]
    if attribute.type in ("date", "instant", "yearly") and name.text != "is_set":
        return _read_times(attribute, name, value, language)
    if name.text in RANKING_WORDS and attribute.type not in ("number", "money"):
        raise Fault(name.place, f"'{name.text}' is for numbers and money; '{attribute.name}' is a {attribute.type}")
    spec = spec_of(currency) if currency else ValueSpec(attribute.type, attribute.values)
    return read_ranking(entries, node) or read_only_word(entries, node, spec)


def _read_times(attribute: Attribute, name: Scalar, value: Node, language: Language) -> Test:
    dated = attribute.type in ("date", "yearly")
    if name.text == "anniversary" and dated:
        return read_anniversary(value, language)
    if attribute.type == "yearly" and name.text in WINDOW_WORDS:
        raise Fault(name.place, f"a {attribute.title} comes every year; write `anniversary: {{{name.text}: ..}}`")
    if attribute.type != "yearly" and name.text in WINDOW_WORDS:
        # No `since: entered`: attributes know one value, whatever the enrolment.
        return read_window(name, value, replace(language, in_campaign=False), of_dates=dated)
    windows = () if attribute.type == "yearly" else WINDOW_WORDS
    known = (*windows, "is_set", *(("anniversary",) if dated else ()))
    raise Fault(name.place, f"type '{attribute.type}' has no comparison '{name.text}'{did_you_mean(name.text, known)}")


def _with_history(found: A, node: Mapping, first: Scalar, language: Language) -> A:
    attribute = found.attribute
    if attribute.name in WITHOUT_HISTORY:
        raise Fault(first.place, f"'{first.text}' needs an attribute whose values are kept as they change; this is none")
    fields = Fields(node, language.faults, "'attribute'")
    fields.known(*(name.text for name, _ in node.entries if name.text not in HISTORY_WORDS))
    held_for = fields.maybe("for", lambda value: _at_least(value, language))
    was = fields.maybe("was", lambda value: _was(value, found, language))
    changed = fields.maybe("changed", lambda value: read_nested_window(value, replace(language, in_campaign=False)))
    if fields.has("for") and not isinstance(found.test, (Comparison, Window)):
        fields.fault(first.place, "'for' needs a comparison beside it, e.g. `is: gold`")
    fields.close()
    return replace(found, held_for=held_for, was=was, changed=changed)


def _was(node: Node, found: AttributeCondition, language: Language) -> Comparison | Window:
    attribute, name = found.attribute, Scalar("is", node.place)
    if attribute.type in ("date", "instant"):
        return read_window(name, node, replace(language, in_campaign=False), of_dates=attribute.type == "date")
    spec = spec_of(found.currency) if found.currency else ValueSpec(attribute.type, attribute.values)
    return read_only_word([(name, node)], node, spec)


def _at_least(node: Node, language: Language) -> Duration:
    fields = Fields(node, language.faults, "'for'")
    span = fields.need("at_least", read_duration)
    fields.close()
    return sure(span)


def _age(scope: Scope) -> Column:
    """Whole years by the customer's date; missing for an unknown year. 29 February counts from 1 March in common years."""
    month_day = customer.c.birth_month * 100 + customer.c.birth_day
    ages = [
        (
            customer.c.zone_id.in_(ids),
            today.year - customer.c.birth_year - case((month_day > _number(today), 1), else_=0),
        )
        for today, ids in scope.local_dates.items()
    ]
    return ages[0][1] if len(ages) == 1 else case(*ages)


def _number(today: Any) -> Column:
    return literal(today.month * 100 + today.day)
