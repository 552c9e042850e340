"""event: what customers did: filters first, then one window, then one measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, select, true, union_all
from sqlalchemy import exists as sql_exists

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, items, one_of, sure, text
from crm_store.content.nodes import Mapping, Node, Sequence
from crm_store.content.vocabulary import EventKind
from crm_store.schema import customer, event, tally
from crm_store.segmentation.comparisons import Comparison, ValueSpec, read_comparison, read_only_word
from crm_store.segmentation.conditions.base import Condition, FieldHelp
from crm_store.segmentation.eventfilters import (
    EventFilter,
    ItemFilter,
    PropertyFilter,
    SameAsTrigger,
    amount_in,
    money_of,
)
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.times import WINDOW_WORDS, Window, read_nested_window, read_window

Column = ColumnElement[Any]
MEASURES = ("count", "sum", "first", "last")
PLANNED_OF = ("items.amount", "items.quantity", "items.product")
PLANNED = ("among", "after_silence", "avg", "min", "max", "distinct", "regular")


@dataclass(frozen=True)
class Measure:
    """What is measured over the events that passed the filters: how many, their sum, or when the first or last was."""

    name: str
    test: Comparison | Window

    @property
    def currency(self) -> str | None:
        """That of the amounts compared, if it is about money."""
        return self.test.currency if isinstance(self.test, Comparison) else None

    def holds_for_none(self) -> bool:
        """Whether customers without any such event belong to it: count and sum are 0 for them, first and last missing."""
        return isinstance(self.test, Comparison) and self.test.holds_for_zero()

    def sql(self, measured: dict[str, Column], scope: Scope) -> ColumnElement[bool]:
        if isinstance(self.test, Window):
            return self.test.on_instant(measured[self.name], scope)
        return self.test.sql(measured[self.name])

    def sentence(self, events: str) -> str:
        of = {"count": "the number of {}", "sum": "the sum of the amounts of {}", "first": "the first of {}"}
        verb = "was " if isinstance(self.test, Window) else ""
        return f"{of.get(self.name, 'the last of {}').format(events)} {verb}{self.test.sentence()}"


@dataclass(frozen=True)
class EventCondition(Condition):
    """Events of one or several kinds, filtered and measured."""

    kind: ClassVar = "event"
    help: ClassVar = "what the customer did, up to now; days and periods are the company's"
    example: ClassVar = "event: order, items: {category: {under: GROCERY/COFFEE}}, in_last: 30 days, count: {at_least: 2}"
    fields: ClassVar = (
        FieldHelp("event", "an event of the vocabulary, or a list of them"),
        FieldHelp("where", "comparisons of the event's properties, or of its amount"),
        FieldHelp("items", "comparisons of product, category, brand, price, quantity, amount; all on one line"),
        FieldHelp("same", "in campaigns: a property that must be as the trigger's"),
        FieldHelp("is, before, since, between, in_last, in_next, during", "one window in time"),
        FieldHelp("count", "how many there are; at least 1 unless said"),
        FieldHelp("sum", "{of: amount, at_least: 100 USD}; 0 if there is none"),
        FieldHelp("first, last", "when the first or last was, e.g. {in_last: 30 days}; false if there is none"),
    )
    kinds: tuple[EventKind, ...]
    filters: tuple[EventFilter, ...]
    window: Window | None
    measure: Measure | None

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'event'", planned=PLANNED)
        kinds = fields.need("event", lambda value: _kinds(value, language)) or ()
        filters = _filters(fields, kinds, language)
        window = _window(fields, language)
        measure = _measure(fields, kinds, language)
        fields.close()
        return cls(sure(kinds), filters, window, measure)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        if scope.shape == "among" or scope.enrolment is not None:
            return self._looked_up(scope)
        return self._as_set(scope)

    def _looked_up(self, scope: Scope) -> ColumnElement[bool]:
        """Asked for each row of an outer query over few customers."""
        tests = and_(*self._tests(event, scope), event.c.customer_id == customer.c.id)
        if self.measure is None:
            return sql_exists().where(tests)
        holds = self.measure.sql(_measures(event, self.measure.currency), scope)
        return select(holds).select_from(event).where(tests).scalar_subquery().is_(true())

    def _as_set(self, scope: Scope) -> ColumnElement[bool]:
        """The set of customers it holds for, worked out once."""
        if self.measure is None:
            return customer.c.id.in_(select(event.c.customer_id).where(*self._tests(event, scope)))
        source, measures = self._source(scope, self.measure.currency)
        holds = self.measure.sql(measures, scope)
        if not self.measure.holds_for_none():
            return customer.c.id.in_(source.having(holds))
        return customer.c.id.not_in(source.having(holds.is_not(true())))

    def _source(self, scope: Scope, currency: str | None) -> tuple[Select[Any], dict[str, Column]]:
        """A select of customer ids grouped by customer, and its measures: from the tallies where nothing is filtered."""
        if self.filters or self.window:
            rows: FromClause = event
            grouped = select(event.c.customer_id).where(*self._tests(event, scope))
            measures = _measures(event, currency)
        else:
            rows = _tallied([kind.name for kind in self.kinds], scope, currency)
            grouped = select(rows.c.customer_id)
            measures = _measures_of_tallies(rows)
        return grouped.group_by(rows.c.customer_id), measures

    def _tests(self, row: FromClause, scope: Scope) -> list[ColumnElement[bool]]:
        tests = [row.c.kind.in_([kind.name for kind in self.kinds]), row.c.at <= scope.now]
        if len(self.kinds) == 1:
            tests[0] = row.c.kind == self.kinds[0].name
        tests += [test.sql(row, scope) for test in self.filters]
        return [*tests, self.window.on_instant(row.c.at, scope)] if self.window else tests

    def sentence(self) -> str:
        events = " or ".join(f"'{kind.title}'" for kind in self.kinds) + " events"
        said = [events, *(test.sentence() for test in self.filters)]
        said += [self.window.sentence()] if self.window else []
        return self.measure.sentence(" ".join(said)) if self.measure else f"there are {' '.join(said)}"


def _measures(row: FromClause, currency: str | None) -> dict[str, Column]:
    return {
        "count": func.count(),
        "sum": func.coalesce(func.sum(amount_in(currency, row)), 0),
        "first": func.min(row.c.at),
        "last": func.max(row.c.at),
    }


def _measures_of_tallies(row: FromClause) -> dict[str, Column]:
    return {
        "count": func.sum(row.c.count),
        "sum": func.sum(row.c.sum),
        "first": func.min(row.c.first),
        "last": func.max(row.c.last),
    }


def _tallied(kinds: list[str], scope: Scope, currency: str | None) -> FromClause:
    """count, sum, first, last per customer: of the tallies, but counted anew where a tally knows events after `now`."""
    total = case((tally.c.currency == currency, tally.c.sum), else_=0).label("sum") if currency else tally.c.sum
    known = select(tally.c.customer_id, tally.c.count, total, tally.c.first, tally.c.last)
    known = known.where(tally.c.kind.in_(kinds), tally.c.last <= scope.now)
    ahead = sql_exists().where(
        tally.c.kind == event.c.kind,
        tally.c.customer_id == event.c.customer_id,
        tally.c.currency == func.coalesce(event.c.currency, ""),
        tally.c.last > scope.now,
    )
    counted = (
        select(event.c.customer_id, *(column.label(name) for name, column in _measures(event, currency).items()))
        .where(event.c.kind.in_(kinds), event.c.at <= scope.now, ahead)
        .group_by(event.c.customer_id)
    )
    return union_all(known, counted).subquery()


def _kinds(node: Node, language: Language) -> tuple[EventKind, ...]:
    if isinstance(node, Sequence):
        return language.faults.each(language.vocabulary.event, items(node))
    return (language.vocabulary.event(node),)


def _filters(fields: Fields, kinds: tuple[EventKind, ...], language: Language) -> tuple[EventFilter, ...]:
    where = fields.several("where", lambda node: PropertyFilter.read_all(node, kinds, language))
    on_items = fields.maybe("items", lambda node: ItemFilter.read(node, language))
    same = fields.maybe("same", lambda node: SameAsTrigger.read(node, kinds, language))
    return (*where, *((on_items,) if on_items else ()), *((same,) if same else ()))


def _window(fields: Fields, language: Language) -> Window | None:
    words = [(name, value) for name, value in fields.node.entries if name.text in WINDOW_WORDS]
    fields.known(*WINDOW_WORDS)
    if len(words) > 1:
        fields.fault(
            words[1][0].place, f"one window only, beside '{words[0][0].text}'; use `between` or a list under `all:`"
        )
    if not words:
        return None
    name, _ = words[0]
    return fields.maybe(name.text, lambda value: read_window(name, value, language, of_dates=False))


def _measure(fields: Fields, kinds: tuple[EventKind, ...], language: Language) -> Measure | None:
    given = [name for name in MEASURES if fields.has(name)]
    if len(given) > 1:
        fields.fault(fields.place_of(given[1]), f"one measure only, beside '{given[0]}'; use a list under `all:`")
    measures = (
        fields.maybe("count", _count),
        fields.maybe("sum", lambda node: _sum(node, kinds, language)),
        fields.maybe("first", lambda node: Measure("first", read_nested_window(node, language))),
        fields.maybe("last", lambda node: Measure("last", read_nested_window(node, language))),
    )
    return next((measure for measure in measures if measure is not None), None)


def _count(node: Node) -> Measure:
    return Measure("count", read_comparison(node, ValueSpec("number")))


def _sum(node: Node, kinds: tuple[EventKind, ...], language: Language) -> Measure:
    fields = Fields(node, language.faults, "'sum'")
    of = fields.need("of", lambda value: _of(value, kinds))
    words = [(name, value) for name, value in fields.node.entries if name.text != "of"]
    fields.known(*(name.text for name, _ in words))
    fields.close()
    sure(of)
    return Measure("sum", read_only_word(words, node, money_of(kinds, node, language)))


def _of(node: Node, kinds: tuple[EventKind, ...]) -> str:
    word = text(node)
    if word in PLANNED_OF or any(word in kind.properties for kind in kinds):
        raise Fault(node.place, f"a sum of '{word}' is not built yet; use amount")
    return one_of("amount")(node)
