"""attribute: what is known about a customer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, case, literal

from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.content.vocabulary import Attribute
from crm_store.dialect import JsonScalar
from crm_store.schema import customer
from crm_store.segmentation.comparisons import Comparison, ValueSpec, read_word, refuse_planned
from crm_store.segmentation.conditions.base import Condition, FieldHelp
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.times import WINDOW_WORDS, Anniversary, Window, read_anniversary, read_window

Column = ColumnElement[Any]
PLANNED_HERE = ("for", "was", "changed")


@dataclass(frozen=True)
class AttributeCondition(Condition):
    """A comparison of one of the customer's attributes."""

    kind: ClassVar = "attribute"
    help: ClassVar = "what is known about the customer; dates are judged by the customer's own date"
    example: ClassVar = "attribute: birthday, anniversary: {in_next: 7 days}"
    fields: ClassVar = (
        FieldHelp("attribute", "an attribute of the vocabulary, or a built-in one such as country, age, birthday"),
        FieldHelp("is, is_not, in, not_in, is_set", "for any attribute"),
        FieldHelp("at_least, more_than, at_most, less_than, between", "for numbers"),
        FieldHelp("contains, not_contains, starts_with, ends_with", "for texts"),
        FieldHelp("under", "for text paths: the path itself and everything below it"),
        FieldHelp("is, before, since, between, in_last, in_next, during", "for dates and instants"),
        FieldHelp("anniversary", "for dates: {is|in_last|in_next|during, years: [1, 5], leap_day: feb-28}"),
    )
    attribute: Attribute
    test: Comparison | Window | Anniversary

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        entries = [(name, value) for name, value in node.entries if name.text != "attribute"]
        planned = [name for name, _ in entries if name.text in PLANNED_HERE]
        if planned:
            raise Fault(planned[0].place, f"attribute: '{planned[0].text}' is not built yet; take it out for now")
        refuse_planned(entries)
        subject = node.get("attribute")
        if subject is None or len(entries) != 1:
            raise Fault(node.place, "an attribute needs exactly one comparison, e.g. `is: DE`")
        attribute = language.vocabulary.attribute(subject)
        return cls(attribute, _read_test(attribute, *entries[0], language))

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        if self.attribute.name == "birthday":
            return self._birthday(scope)
        column = _column(self.attribute, scope)
        if isinstance(self.test, Comparison):
            return self.test.sql(column)
        if isinstance(self.test, Anniversary):
            return self.test.on_date(column, scope)
        if self.attribute.type == "instant":
            return self.test.on_instant(column, scope)
        return self.test.on_date(column, scope)

    def _birthday(self, scope: Scope) -> ColumnElement[bool]:
        if isinstance(self.test, Anniversary):
            return self.test.on_parts(customer.c.birth_month, customer.c.birth_day, customer.c.birth_year, scope)
        if isinstance(self.test, Comparison):
            return self.test.sql(customer.c.birth_month)
        raise LookupError("a yearly date has no windows")

    def sentence(self) -> str:
        verb = "is " if isinstance(self.test, Window) else ""
        return f"the {self.attribute.title} {verb}{self.test.sentence()}"


def _read_test(attribute: Attribute, name: Scalar, value: Node, language: Language) -> Comparison | Window | Anniversary:
    dated = attribute.type in ("date", "yearly")
    if name.text == "anniversary" and dated:
        return read_anniversary(value, language)
    if attribute.type == "yearly" and name.text in WINDOW_WORDS:
        raise Fault(name.place, f"a {attribute.title} comes every year; write `anniversary: {{{name.text}: ..}}`")
    if attribute.type in ("date", "instant") and name.text in WINDOW_WORDS:
        # No `since: entered`: attributes know one value, whatever the enrolment.
        return read_window(name, value, replace(language, in_campaign=False), of_dates=attribute.type == "date")
    if attribute.type in ("date", "instant") and name.text != "is_set":
        known = (*WINDOW_WORDS, "is_set", *(("anniversary",) if dated else ()))
        raise Fault(name.place, f"type '{attribute.type}' has no comparison '{name.text}'{did_you_mean(name.text, known)}")
    return read_word(name, value, ValueSpec(attribute.type, attribute.values))


def _column(attribute: Attribute, scope: Scope) -> Column:
    if attribute.name == "age":
        return _age(scope)
    if attribute.built_in:
        return customer.c[attribute.name]
    return JsonScalar(customer.c.attributes, attribute.name.split("."), attribute.type)


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
