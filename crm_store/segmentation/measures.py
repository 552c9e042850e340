"""What is measured over the events that count: how many, sums and averages, first and last, whether they are regular."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from sqlalchemy import ColumnElement, FromClause, Numeric, and_, case, func, type_coerce
from sqlalchemy import cast as sql_cast

from crm_store.content.faults import Fault, Unnamed, did_you_mean
from crm_store.content.fields import Fields, literal, sure, text
from crm_store.content.literals import Duration, parse_duration, read_whole
from crm_store.content.nodes import Mapping as MappingNode
from crm_store.content.nodes import Node, Scalar
from crm_store.content.vocabulary import EventKind
from crm_store.schema import event_item, product
from crm_store.schema.types import Number
from crm_store.segmentation.amounts import Currency, currency_of, spec_of
from crm_store.segmentation.comparisons import Comparison, ValueSpec, read_only_word
from crm_store.segmentation.eventfilters import ItemFilter, Property, amounts_of, property_of
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.ranking import Ranking, read_ranking
from crm_store.segmentation.times import Window, read_nested_window

Column = ColumnElement[Any]
SUMMARIES = ("sum", "avg", "min", "max", "distinct")
LINE_VALUES = ("items.amount", "items.quantity", "items.product")
# Sums and averages of fractions are rounded to so many decimals: SQLite adds binary fractions, PostgreSQL decimal ones.
DECIMALS = 9
MOST_PERIODS = 120


class Of(Protocol):
    """The value of each event, or of each of its lines, that is summed up."""

    @property
    def name(self) -> str: ...

    @property
    def of_lines(self) -> bool: ...

    def sql(self, row: FromClause, scope: Scope) -> Column: ...


@dataclass(frozen=True)
class AmountOf:
    """The event's amount, or with `of_lines` that of a line."""

    currency: Currency
    of_lines: bool = False

    @property
    def name(self) -> str:
        return "item amounts" if self.of_lines else "amounts"

    def sql(self, row: FromClause, scope: Scope) -> Column:
        amount = event_item.c.amount if self.of_lines else row.c.amount
        return self.currency.value(amount, row.c.currency, row.c.at, scope)


@dataclass(frozen=True)
class LineOf:
    """A line's quantity or product."""

    name: str
    of_lines: bool = True

    def sql(self, row: FromClause, scope: Scope) -> Column:  # lines know no time
        if self.name == "product":
            return event_item.c.product_id
        # As a double it would be added in binary.
        return type_coerce(sql_cast(event_item.c.quantity, Numeric), Number())


@dataclass(frozen=True)
class PropertyOf:
    """A property of the event."""

    of: Property
    of_lines: bool = False

    @property
    def name(self) -> str:
        return f"its {self.of.name}"

    def sql(self, row: FromClause, scope: Scope) -> Column:
        return self.of.sql(row, scope)


@dataclass(frozen=True)
class Regular:
    """An event in at least so many of the last units of time, which roll back from now."""

    at_least: int
    of_last: Duration

    def bucket(self, at: Column, scope: Scope) -> Column:
        """Which unit before now an instant lies in, missing if it is further back."""
        return case(*((at > edge, number) for number, edge in enumerate(self.edges(scope))))

    def counts(self, at: Column, scope: Scope) -> ColumnElement[bool]:
        """The instant is not further back than all of the units."""
        return at > self.start(scope)

    def start(self, scope: Scope) -> datetime:
        return self.edges(scope)[-1]

    def edges(self, scope: Scope) -> list[datetime]:
        """How far back each of the units begins."""
        return [
            Duration(number, self.of_last.unit).shift(scope.now, -1, scope.company_zone)
            for number in range(1, self.of_last.count + 1)
        ]


@dataclass(frozen=True)
class Measure:
    """A measure by name with its test; `of`: of what values, where it sums up values."""

    name: str
    test: Comparison | Window | Ranking | Regular
    of: Of | None = None

    @property
    def of_lines(self) -> bool:
        return self.of is not None and self.of.of_lines

    @property
    def is_of_tallies(self) -> bool:
        """Whether tallies know it, for events that are not filtered."""
        if self.name in ("count", "first", "last"):
            return True
        return self.name == "sum" and isinstance(self.of, AmountOf) and not self.of_lines and self.of.currency.rates is None

    @property
    def currency(self) -> str | None:
        return self.of.currency.code if isinstance(self.of, AmountOf) else None

    @property
    def money(self) -> Currency | None:
        """What it is counted in, if it is an amount."""
        if isinstance(self.of, PropertyOf):
            return self.of.of.currency
        return self.of.currency if isinstance(self.of, AmountOf) else None

    @property
    def is_of_customer(self) -> bool:
        """Whether what it says of a customer follows from more than events: a date of hers, her usual gap."""
        return isinstance(self.test, Window) and self.test.is_relative

    def edges(self, scope: Scope) -> list[datetime]:
        """The instants that it compares events with."""
        return self.test.edges(scope) if isinstance(self.test, (Window, Regular)) else []

    def holds_for_none(self) -> bool:
        """Whether customers without any such event belong to it: for them counts and sums are 0, all else is missing."""
        counted = self.name in ("count", "sum", "distinct")
        return counted and isinstance(self.test, Comparison) and self.test.holds_for_zero()

    def value(self, row: FromClause, scope: Scope) -> Column:
        """The aggregate over a customer's rows."""
        if self.name == "count":
            return func.count()
        if self.name in ("first", "last"):
            return (func.min if self.name == "first" else func.max)(row.c.at)
        if isinstance(self.test, Regular):
            return func.count(self.test.bucket(row.c.at, scope).distinct())
        assert self.of is not None
        aggregate: Column = _AGGREGATES[self.name](self.of.sql(row, scope))
        return aggregate

    def tests(self, row: FromClause, scope: Scope) -> list[ColumnElement[bool]]:
        """What rows must pass to matter: it spares reading all of history."""
        return [self.test.counts(row.c.at, scope)] if isinstance(self.test, Regular) else []

    def holds(self, value: Column, scope: Scope) -> ColumnElement[bool]:
        """The test on the aggregate. Not for rankings, which need everybody's."""
        if isinstance(self.test, Regular):
            return value >= self.test.at_least
        if isinstance(self.test, Window):
            return self.test.on_instant(value, scope)
        if isinstance(self.test, Ranking):
            raise LookupError("a ranking compares customers with each other")
        # Of what has no average even a negative word says nothing; counts and sums are never missing.
        return (
            and_(value.is_not(None), self.test.sql(value)) if self.name in ("avg", "min", "max") else self.test.sql(value)
        )

    def sentence(self, events: str) -> str:
        if isinstance(self.test, Regular):
            least, last = self.test.at_least, self.test.of_last
            return f"in at least {least} of the last {last} there are {events}"
        verb = "was " if isinstance(self.test, Window) else ""
        return f"{self._said().format(events)} {verb}{self.test.sentence()}"

    def _said(self) -> str:
        if self.of is None:
            return {"count": "the number of {}"}.get(self.name, f"the {self.name} of {{}}")
        said = {"sum": "sum", "avg": "average", "min": "smallest", "max": "largest", "distinct": "number of different"}
        return f"the {said[self.name]} of the {self.of.name} of {{}}"


def _rounded(value: Column) -> Column:
    return type_coerce(func.round(value, DECIMALS), Number())


_AGGREGATES: dict[str, Any] = {
    "sum": lambda value: func.coalesce(_summed(value), 0),
    "avg": lambda value: _rounded(func.avg(value)),
    "min": func.min,
    "max": func.max,
    "distinct": lambda value: func.count(value.distinct()),
}


def _summed(value: Column) -> Column:
    return _rounded(func.sum(value)) if isinstance(value.type, Number) else func.sum(value)


def lines_of(
    row: FromClause, items: ItemFilter | None, scope: Scope, keep_events: bool
) -> tuple[FromClause, list[ColumnElement[bool]]]:
    """The events' lines beside them: those that pass `items`, or all. `keep_events`: events without lines stay too."""
    tests = items.on_lines(row, scope) if items else []
    lines: FromClause = event_item
    if items is not None and items.asks_products:
        lines = event_item.join(product, product.c.id == event_item.c.product_id)
    if keep_events:
        return row.outerjoin(lines, and_(event_item.c.event_id == row.c.id, *tests)), []
    return row.join(lines, event_item.c.event_id == row.c.id), tests


def read_measure(fields: Fields, kinds: Sequence[EventKind], language: Language) -> Measure | None:
    """The one measure of events that stands there, if any; its faults are collected."""
    readers: dict[str, Callable[[Node], Measure]] = {
        "count": read_count,
        **{name: partial(_read_summary, name, kinds=kinds, language=language) for name in SUMMARIES},
        "first": partial(read_when, "first", language=language),
        "last": partial(read_when, "last", language=language),
        "regular": partial(_read_regular, language=language),
    }
    return read_only_measure(fields, readers)


def read_only_measure(fields: Fields, readers: Mapping[str, Callable[[Node], Measure]]) -> Measure | None:
    """The one of these measures that stands there, if any; its faults are collected."""
    given = [name for name in readers if fields.has(name)]
    if len(given) > 1:
        fields.fault(fields.place_of(given[1]), f"one measure only, beside '{given[0]}'; use a list under `all:`")
    found = [fields.maybe(name, read) for name, read in readers.items()]
    return next((measure for measure in found if measure is not None), None)


def read_when(name: str, node: Node, language: Language) -> Measure:
    """`first` or `last`, with one time word."""
    return Measure(name, read_nested_window(node, language))


def read_count(node: Node) -> Measure:
    return Measure("count", _read_test(_entries(node), node, ValueSpec("number")))


def _entries(node: Node) -> Sequence[tuple[Scalar, Node]]:
    if not isinstance(node, MappingNode):
        written = literal(node) if isinstance(node, Scalar) else "3"
        raise Unnamed(node, f"must be a comparison; write {{is: {written}}}")
    return node.entries


def _read_test(entries: Sequence[tuple[Scalar, Node]], node: Node, spec: ValueSpec) -> Comparison | Ranking:
    return read_ranking(entries, node) or read_only_word(entries, node, spec)


def _read_summary(name: str, node: Node, kinds: Sequence[EventKind], language: Language) -> Measure:
    fields = Fields(node, language.faults, f"'{name}'")
    of = fields.need("of", lambda value: _of(name, value, kinds, language))
    words = [(word, value) for word, value in fields.node.entries if word.text != "of"]
    fields.known(*(word.text for word, _ in words))
    fields.close()
    return Measure(name, _read_test(words, node, _spec(name, sure(of))), sure(of))


def _spec(name: str, of: Of) -> ValueSpec:
    if name == "distinct":
        return ValueSpec("number")
    if isinstance(of, AmountOf):
        return spec_of(of.currency)
    return of.of.spec if isinstance(of, PropertyOf) else ValueSpec("number")


def _of(name: str, node: Node, kinds: Sequence[EventKind], language: Language) -> Of:
    word = text(node)
    if name == "distinct":
        return _distinct_of(word, node, kinds, language)
    if word == "amount" and not any("amount" in kind.properties for kind in kinds):
        return AmountOf(amounts_of(kinds, node, language))
    if word == "items.amount":
        return AmountOf(currency_of(node, language), of_lines=True)
    if word == "items.quantity":
        return LineOf("quantity")
    return _property(word, node, kinds, language, ("number", "money"), ("amount", "items.amount", "items.quantity"))


def _distinct_of(word: str, node: Node, kinds: Sequence[EventKind], language: Language) -> Of:
    if word == "items.product":
        return LineOf("product")
    return _property(word, node, kinds, language, ("text", "text path"), ("items.product",))


def _property(
    word: str, node: Node, kinds: Sequence[EventKind], language: Language, types: Sequence[str], others: Sequence[str]
) -> PropertyOf:
    known = {name for kind in kinds for name, type_ in kind.properties.items() if type_ in types}
    if word not in known:
        raise Fault(node.place, f"'{word}' can't be summed up so{did_you_mean(word, (*known, *others))}")
    return PropertyOf(property_of(Scalar(word, node.place), kinds, language))


def _read_regular(node: Node, language: Language) -> Measure:
    fields = Fields(node, language.faults, "'regular'")
    at_least = fields.need("at_least", read_whole)
    of_last = fields.need("of_last", lambda value: _periods(parse_duration(text(value), value), value))
    fields.close()
    if sure(at_least) > sure(of_last).count:
        raise Fault(node.place, f"{at_least} of the last {of_last} can't be; ask for {sure(of_last).count} at most")
    return Measure("regular", Regular(sure(at_least), sure(of_last)))


def _periods(duration: Duration, node: Node) -> Duration:
    if not 1 <= duration.count <= MOST_PERIODS:
        raise Fault(node.place, f"'{duration}': write 1 to {MOST_PERIODS} units of time")
    return duration
