"""Filters on events: by their properties, by their items, by being the same as a campaign's trigger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

from sqlalchemy import ColumnElement, FromClause, case, select

from crm_store.content.faults import Fault, Incomplete, did_you_mean
from crm_store.content.fields import text
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.content.vocabulary import EventKind
from crm_store.dialect import JsonScalar
from crm_store.schema import event, event_item, product
from crm_store.segmentation.comparisons import Comparison, ValueSpec, read_comparison
from crm_store.segmentation.language import UNKNOWN_EVENT, Language, Scope

Column = ColumnElement[Any]


class EventFilter(Protocol):
    """A test of one event row."""

    def sql(self, row: FromClause, scope: Scope) -> ColumnElement[bool]: ...

    def sentence(self) -> str: ...


@dataclass(frozen=True)
class PropertyFilter:
    """A property of the event, or its amount, compared."""

    name: str
    type: str
    test: Comparison

    @classmethod
    def read_all(cls, node: Node, kinds: Sequence[EventKind], language: Language) -> tuple[Self, ...]:
        """`where: {PROPERTY: comparison, ..}`."""
        if not isinstance(node, Mapping) or not node.entries:
            raise Fault(node.place, "must be a mapping of properties, e.g. {value: {at_least: 20 EUR}}")
        if not kinds:  # of unknown events nothing is known
            raise Incomplete
        return language.faults.each(lambda entry: cls._read(entry[0], entry[1], kinds, language), node.entries)

    @classmethod
    def _read(cls, name: Scalar, value: Node, kinds: Sequence[EventKind], language: Language) -> Self:
        spec = _spec(name, kinds, language)
        return cls(name.text, spec.type, read_comparison(value, spec))

    def sql(self, row: FromClause, scope: Scope) -> ColumnElement[bool]:  # properties know no time
        if self.type == "money":
            return self.test.sql(amount_in(self.test.currency, row))
        return self.test.sql(JsonScalar(row.c.properties, self.name.split("."), self.type))

    def sentence(self) -> str:
        return f"whose {self.name} {self.test.sentence()}"


def amount_in(currency: str | None, row: FromClause) -> Column:
    """An event's amount, missing if it is in another currency."""
    amount: Column = row.c.amount
    return case((row.c.currency == currency, amount)) if currency else amount


def money_of(kinds: Sequence[EventKind], node: Node, language: Language) -> ValueSpec:
    """What amounts of these events are compared with. Raises a Fault unless all have one, in the one currency there is."""
    for kind in kinds:
        if not kind.amount:
            raise Fault(node.place, f"event '{kind.name}' has no amount; give it `amount: yes` in the vocabulary")
    return _money(node, language)


def _money(node: Node, language: Language) -> ValueSpec:
    currencies = language.vocabulary.currencies
    if len(currencies) != 1:
        raise Fault(node.place, "amounts of several currencies are not built yet; the vocabulary must name one")
    return ValueSpec("money", currency=currencies[0])


def _spec(name: Scalar, kinds: Sequence[EventKind], language: Language) -> ValueSpec:
    if name.text == "amount" and not any("amount" in kind.properties for kind in kinds):
        return money_of(kinds, name, language)
    for kind in kinds:
        if name.text not in kind.properties:
            hint = did_you_mean(name.text, kind.properties)
            raise Fault(name.place, f"event '{kind.name}' has no property '{name.text}' in the vocabulary{hint}")
    types = {kind.properties[name.text] for kind in kinds}
    if len(types) > 1 or types & {"date", "instant"}:
        raise Fault(
            name.place, f"comparing '{name.text}' ({' and '.join(sorted(types))}) is not built yet; take it out for now"
        )
    return ValueSpec(types.pop())


@dataclass(frozen=True)
class ItemFilter:
    """An item of the event that satisfies all the comparisons, on one line."""

    COLUMNS: ClassVar[dict[str, tuple[Column, str]]] = {
        "product": (product.c.key, "text"),
        "category": (product.c.category, "text path"),
        "brand": (product.c.brand, "text"),
        "price": (product.c.price, "money"),
        "quantity": (event_item.c.quantity, "number"),
        "amount": (event_item.c.amount, "money"),
    }
    tests: tuple[tuple[str, Comparison], ...]

    @classmethod
    def read(cls, node: Node, language: Language) -> Self:
        """`items: {product|category|brand|price|quantity|amount: comparison}`."""
        if not isinstance(node, Mapping) or not node.entries:
            raise Fault(node.place, f"must be a mapping of {', '.join(cls.COLUMNS)}")

        def read(entry: tuple[Scalar, Node]) -> tuple[str, Comparison]:
            name, value = entry
            if name.text not in cls.COLUMNS:
                raise Fault(name.place, f"items have no '{name.text}'{did_you_mean(name.text, cls.COLUMNS)}")
            kind = cls.COLUMNS[name.text][1]
            spec = _money(name, language) if kind == "money" else ValueSpec(kind)
            return name.text, read_comparison(value, spec)

        return cls(language.faults.each(read, node.entries))

    def sql(self, row: FromClause, scope: Scope) -> ColumnElement[bool]:
        tests = [test.sql(self._column(name, test, row)) for name, test in self.tests]
        lines = select(event_item.c.event_id).where(*tests)
        if any(self.COLUMNS[name][0].table is product for name, _ in self.tests):
            lines = lines.where(event_item.c.product_id == product.c.id)
        if scope.shape == "among" or any(name == "amount" for name, _ in self.tests):
            return lines.where(event_item.c.event_id == row.c.id).correlate(row).exists()
        return row.c.id.in_(lines)

    def _column(self, name: str, test: Comparison, row: FromClause) -> Column:
        """What is compared; amounts are in the event's currency, and missing if that is another one."""
        column = self.COLUMNS[name][0]
        if name == "price":
            return case((product.c.currency == test.currency, column))
        if name == "amount":
            return case((row.c.currency == test.currency, column))
        return column

    def sentence(self) -> str:
        return "with an item whose " + " and ".join(f"{name} {test.sentence()}" for name, test in self.tests)


@dataclass(frozen=True)
class SameAsTrigger:
    """A property that must be the same as that of the event which began the enrolment."""

    name: str
    type: str

    @classmethod
    def read(cls, node: Node, kinds: Sequence[EventKind], language: Language) -> Self:
        name = text(node)
        if language.trigger_event == UNKNOWN_EVENT:
            raise Incomplete
        if not language.in_campaign or language.trigger_event is None:
            raise Fault(node.place, "'same' is known in campaigns that an event enters")
        trigger = language.vocabulary.events[language.trigger_event]
        for kind in (trigger, *kinds):
            if name not in kind.properties:
                hint = did_you_mean(name, kind.properties)
                raise Fault(node.place, f"event '{kind.name}' has no property '{name}' in the vocabulary{hint}")
        return cls(name, trigger.properties[name])

    def sql(self, row: FromClause, scope: Scope) -> ColumnElement[bool]:
        if scope.enrolment is None:
            raise LookupError("'same' needs an enrolment")
        trigger = event.alias()
        value = JsonScalar(trigger.c.properties, self.name.split("."), self.type)
        of_trigger = select(value).where(trigger.c.id == scope.enrolment.c.trigger_event_id)
        return (
            JsonScalar(row.c.properties, self.name.split("."), self.type)
            == of_trigger.correlate(scope.enrolment).scalar_subquery()
        )

    def sentence(self) -> str:
        return f"with the trigger's {self.name}"
