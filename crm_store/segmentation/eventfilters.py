"""Filters on events: by their properties, by their items, by being the same as a campaign's trigger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

from sqlalchemy import ColumnElement, FromClause, select, type_coerce

from crm_store.content.faults import Fault, Incomplete, Unnamed, did_you_mean
from crm_store.content.fields import text
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.content.vocabulary import NO_KEYS, EventKind
from crm_store.dialect import JsonList, JsonScalar, instant_of_text, looked_up, unindexed
from crm_store.schema import event, event_item, product
from crm_store.schema.types import Number
from crm_store.segmentation.amounts import Currency, currency_of, spec_of
from crm_store.segmentation.comparisons import Comparison, ValueSpec, read_comparison
from crm_store.segmentation.language import UNKNOWN_EVENT, Language, Scope
from crm_store.segmentation.times import Window, read_nested_window

Column = ColumnElement[Any]


class EventFilter(Protocol):
    """A test of one event row."""

    @property
    def asks_customer(self) -> bool:
        """Whether it looks at the `customer` row too."""
        ...

    @property
    def asks_when(self) -> bool:
        """Whether it says something else of the same event as time passes."""
        ...

    def sql(self, row: FromClause, scope: Scope) -> ColumnElement[bool]: ...

    def sentence(self) -> str: ...


@dataclass(frozen=True)
class AmountFilter:
    """The amount of the event, compared."""

    currency: Currency
    test: Comparison
    asks_customer: ClassVar = False
    asks_when: ClassVar = False

    def sql(self, row: FromClause, scope: Scope) -> ColumnElement[bool]:
        return self.test.sql(self.currency.value(row.c.amount, row.c.currency, row.c.at, scope))

    def sentence(self) -> str:
        return f"whose amount {self.test.sentence()}"


@dataclass(frozen=True)
class PropertyFilter:
    """A property of the event, compared."""

    of: Property
    test: Comparison | Window

    @property
    def asks_customer(self) -> bool:
        """Dates are judged by the customer's own."""
        return isinstance(self.test, Window) and (self.of.type == "date" or self.test.is_relative)

    @property
    def asks_when(self) -> bool:
        return isinstance(self.test, Window)

    def sql(self, row: FromClause, scope: Scope) -> ColumnElement[bool]:
        value = self.of.sql(row, scope)
        if isinstance(self.test, Comparison):
            return self.test.sql(value)
        if self.of.type == "date":
            return self.test.on_date(value, scope)
        return self.test.on_instant(instant_of_text(value) if self.test.is_relative else value, scope)

    def sentence(self) -> str:
        return f"whose {self.of.name} {'is ' if isinstance(self.test, Window) else ''}{self.test.sentence()}"


@dataclass(frozen=True)
class Property:
    """A property of the events of some kinds; `currency` if it is money."""

    name: str
    type: str
    currency: Currency | None = None

    def sql(self, row: FromClause, scope: Scope) -> Column:
        path = self.name.split(".")
        if self.currency is not None:
            amount = type_coerce(JsonScalar(row.c.properties, [*path, "minor"], "number"), Number())
            return self.currency.value(amount, JsonScalar(row.c.properties, [*path, "currency"], "code"), row.c.at, scope)
        if self.type == "list":
            return JsonList(row.c.properties, path)
        return JsonScalar(row.c.properties, path, self.type)

    @property
    def spec(self) -> ValueSpec:
        return spec_of(self.currency) if self.currency else ValueSpec(self.type)


def read_where(node: Node, kinds: Sequence[EventKind], language: Language) -> tuple[EventFilter, ...]:
    """`where: {PROPERTY: comparison, ..}`; `amount` is the event's."""
    if not isinstance(node, Mapping) or not node.entries:
        raise Unnamed(node, "must be a mapping of properties, e.g. {value: {at_least: 20 EUR}}")
    if not kinds:  # of unknown events nothing is known
        raise Incomplete
    return language.faults.each(lambda entry: _filter(entry[0], entry[1], kinds, language), node.entries)


def _filter(name: Scalar, value: Node, kinds: Sequence[EventKind], language: Language) -> EventFilter:
    if name.text == "amount" and not any("amount" in kind.properties for kind in kinds):
        currency = amounts_of(kinds, name, language)
        return AmountFilter(currency, read_comparison(value, spec_of(currency)))
    known = property_of(name, kinds, language)
    if known.type in ("date", "instant") and not _asks_whether_set(value):
        return PropertyFilter(known, read_nested_window(value, language, of_dates=known.type == "date"))
    return PropertyFilter(known, read_comparison(value, known.spec))


def _asks_whether_set(node: Node) -> bool:
    return isinstance(node, Mapping) and node.get("is_set") is not None


def amounts_of(kinds: Sequence[EventKind], node: Node, language: Language) -> Currency:
    """What amounts of these events are compared in. Raises a Fault unless all have one."""
    for kind in kinds:
        if not kind.amount:
            raise Fault(node.place, f"event '{kind.name}' has no amount; give it `amount: yes` in the vocabulary")
    return currency_of(node, language)


def property_of(name: Scalar, kinds: Sequence[EventKind], language: Language) -> Property:
    """A property that all these kinds have, of one type. Raises a Fault."""
    for kind in kinds:
        if name.text not in kind.properties:
            hint = did_you_mean(name.text, kind.properties)
            raise Fault(name.place, f"event '{kind.name}' has no property '{name.text}' in the vocabulary{hint}")
    types = sorted({kind.properties[name.text] for kind in kinds})
    if len(types) > 1:
        raise Fault(name.place, f"'{name.text}' is a {' here and a '.join(types)} there; ask each event by itself")
    return Property(name.text, types[0], currency_of(name, language) if types[0] == "money" else None)


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
    asks_customer: ClassVar = False
    asks_when: ClassVar = False
    tests: tuple[tuple[str, Comparison], ...]
    currency: Currency | None

    @classmethod
    def read(cls, node: Node, language: Language) -> Self:
        """`items: {product|category|brand|price|quantity|amount: comparison}`."""
        if not isinstance(node, Mapping) or not node.entries:
            raise Unnamed(node, f"must be a mapping of {', '.join(cls.COLUMNS)}")

        def read(entry: tuple[Scalar, Node]) -> tuple[str, Comparison]:
            name, value = entry
            if name.text not in cls.COLUMNS:
                raise Fault(name.place, f"items have no '{name.text}'{did_you_mean(name.text, cls.COLUMNS)}")
            kind = cls.COLUMNS[name.text][1]
            spec = spec_of(currency_of(name, language)) if kind == "money" else ValueSpec(kind)
            return name.text, read_comparison(value, spec)

        tests = language.faults.each(read, node.entries)
        money = any(cls.COLUMNS[name][1] == "money" for name, _ in tests)
        return cls(tests, currency_of(node, language) if money else None)

    def sql(self, row: FromClause, scope: Scope) -> ColumnElement[bool]:
        if self.currency is not None:
            lines = select(event_item.c.event_id).where(*self.on_lines(row, scope), event_item.c.event_id == row.c.id)
            of_products = [event_item.c.product_id == product.c.id] if self.asks_products else []
            return lines.where(*of_products).correlate(row).exists()
        tests = [self._of_line(name, test) for name, test in self.tests if self.COLUMNS[name][0].table is event_item]
        lines = select(event_item.c.event_id).where(*tests)
        if scope.shape == "among" or scope.narrowed or scope.by_row:
            lines = lines.where(*self._of_products(unindexed(event_item.c.product_id)), event_item.c.event_id == row.c.id)
            return looked_up(lines.correlate(row))
        return row.c.id.in_(lines.where(*self._of_products(event_item.c.product_id)).correlate(None))

    def _of_products(self, product_id: Column) -> list[ColumnElement[bool]]:
        """The products are few, and worked out once; what the lines' order says is the way to the lines."""
        tests = [self._of_line(name, test) for name, test in self.tests if self.COLUMNS[name][0].table is product]
        return [product_id.in_(select(product.c.id).where(*tests).correlate(None))] if tests else []

    def _of_line(self, name: str, test: Comparison) -> ColumnElement[bool]:
        return test.sql(self.COLUMNS[name][0])

    @property
    def asks_products(self) -> bool:
        return any(self.COLUMNS[name][0].table is product for name, _ in self.tests)

    def on_lines(self, row: FromClause, scope: Scope) -> list[ColumnElement[bool]]:
        """The tests of a line of the event, on `event_item` and `product`."""
        return [test.sql(self._column(name, row, scope)) for name, test in self.tests]

    def _column(self, name: str, row: FromClause, scope: Scope) -> Column:
        """What is compared; amounts are in the event's currency, prices in the product's."""
        column = self.COLUMNS[name][0]
        if self.currency is None or name not in ("price", "amount"):
            return column
        return self.currency.value(column, product.c.currency if name == "price" else row.c.currency, row.c.at, scope)

    def sentence(self) -> str:
        return "with an item whose " + " and ".join(f"{name} {test.sentence()}" for name, test in self.tests)


@dataclass(frozen=True)
class SameAsTrigger:
    """A property that must be the same as that of the event which began the enrolment."""

    asks_customer: ClassVar = False
    asks_when: ClassVar = False  # what it is compared with stays as it was when she entered
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
        if trigger.properties[name] in NO_KEYS:
            what = f"'{name}' is a {trigger.properties[name]}"
            raise Fault(node.place, f"{what}, by which nothing is told apart; take a property of another type")
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
