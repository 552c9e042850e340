"""event: what customers did: filters first, then one window, then one measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, FromClause, Select, func, select, true

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, items, text
from crm_store.content.literals import Duration, Gaps, parse_span, read_first_or_last, read_whole
from crm_store.content.nodes import Mapping, Node, Scalar, Sequence
from crm_store.content.vocabulary import EventKind, UsualGap
from crm_store.schema import customer, tally
from crm_store.segmentation.belonging import asked, has_row, in_set, looks_up, outer
from crm_store.segmentation.conditions.base import Condition, FieldHelp, Lead
from crm_store.segmentation.eventfilters import EventFilter, ItemFilter, SameAsTrigger, read_where
from crm_store.segmentation.eventrows import Among, Chosen, EventRows, of_kinds
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.measures import Measure, Regular, lines_of, read_measure
from crm_store.segmentation.passing import Anybody, Moved, Passing
from crm_store.segmentation.ranking import Ranking
from crm_store.segmentation.tallies import of_tallies
from crm_store.segmentation.times import WINDOW_WORDS, Window, read_window

Column = ColumnElement[Any]


@dataclass(frozen=True)
class EventCondition(Condition):
    """Events of one or several kinds, filtered and measured."""

    kind: ClassVar = "event"
    help: ClassVar = "what the customer did, up to now; days and periods are the company's"
    example: ClassVar = "event: order, items: {category: {under: GROCERY/COFFEE}}, in_last: 30 days, count: {at_least: 2}"
    fields: ClassVar = (
        FieldHelp("event", "an event of the vocabulary, or a list of them", "events"),
        FieldHelp("among", "`last 5` or `first 3`, or {last: 5, where: {..}}: taken before the other filters", "among"),
        FieldHelp("where", "comparisons of the event's properties, or of its amount", "comparisons"),
        FieldHelp("items", "comparisons of product, category, brand, price, quantity, amount; all on one line", "items"),
        FieldHelp("same", "in campaigns: a property that must be as the trigger's", "text"),
        FieldHelp("after_silence", "only those that come so long after the one before, e.g. 90 days", "span"),
        FieldHelp("is, before, since, between, in_last, in_next, during", "one window in time", "window words"),
        FieldHelp("count", "how many there are; at least 1 unless said", "number test"),
        FieldHelp(
            "sum, avg, min, max",
            "{of: amount, at_least: 100 USD}; of items.amount, items.quantity, a property too; no events: sum 0",
            "summary",
        ),
        FieldHelp("distinct", "how many different ones: {of: items.product, at_least: 3}, or of a text", "summary"),
        FieldHelp("first, last", "when the first or last was, e.g. {in_last: 30 days}; false if there is none", "window"),
        FieldHelp("regular", "in so many of the last units of time: {at_least: 4, of_last: 6 months}", "regular"),
    )
    kinds: tuple[EventKind, ...]
    rows: EventRows
    measure: Measure | None

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'event'")
        kinds = fields.need("event", lambda value: read_kinds(value, language)) or ()
        usual = kinds[0].usual_gap if len(kinds) == 1 else None
        language = replace(language, gaps=usual is not None)
        rows = _rows(fields, kinds, usual, language)
        measure = read_measure(fields, kinds, language)
        fields.close()
        in_gaps = measure is not None and isinstance(measure.test, Window) and measure.test.has_gaps
        return cls(kinds, replace(rows, gaps_measured=in_gaps, measured=measure is not None), measure)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        if self._ranking is not None:
            return customer.c.id.in_(self._ranked(self._ranking, scope))
        if self.rows.is_plain and self.measure is None:
            return has_row(tally, scope, of_kinds(tally, self.rows.kinds), tally.c.first <= scope.now)
        if looks_up(scope) or self._must_be_looked_up:
            return self._looked_up(scope)
        return self._as_set(scope)

    def moved(self, time: Passing) -> Moved:
        if self.measure is not None and self.measure.is_of_customer:
            return None
        found = self.rows.moved(time, self.measure)
        return Anybody(found) if self._ranking is not None and isinstance(found, list) else found

    def lead(self, scope: Scope) -> Lead | None:
        """Whom it holds for. Where nothing is filtered, SQLite finds sooner who did anything since the window began."""
        if self._ranking is not None:
            return Lead(self._ranked(self._ranking, scope), rank=4, unique=True)
        if self._must_be_looked_up or self._holds_for_none:
            return None
        if self.rows.is_judged_by_gaps:
            return Lead(self._set(scope), rank=5, unique=True)
        since = self._since(scope)
        if since is None:
            return None
        if scope.by_row and not (scope.narrowed or self._is_in_tallies or self.rows.filters):
            recent = select(tally.c.customer_id).where(of_kinds(tally, self.rows.kinds), tally.c.last >= since)
            return Lead(recent, rank=3, rest=(self,))
        return Lead(self._set(scope), rank=3, unique=self.measure is not None and not self._is_in_tallies)

    def feeds(self) -> Iterator[str]:
        yield from (kind.name for kind in self.kinds)

    @property
    def cost(self) -> int:
        if self._ranking is not None or self.rows.is_intricate or (self.measure and self.measure.of_lines):
            return 5
        return 2 if self.measure is None and not self.rows.filters else 4

    @property
    def _ranking(self) -> Ranking | None:
        test = self.measure.test if self.measure else None
        return test if isinstance(test, Ranking) else None

    def _ranked(self, ranking: Ranking, scope: Scope) -> Select[Any]:
        everybody = replace(scope, narrowed=False)
        assert self.measure is not None
        return ranking.ids(self._measured(everybody, self.measure), scope)

    @property
    def _holds_for_none(self) -> bool:
        return self.measure is not None and self.measure.holds_for_none()

    def _since(self, scope: Scope) -> datetime | None:
        """An instant since which there must be such an event."""
        starts = [window.start(scope) for window in (self.rows.window, self._measured_window) if window is not None]
        if self.measure is not None and isinstance(self.measure.test, Regular):
            starts.append(self.measure.test.start(scope))
        return max((start for start in starts if start is not None), default=None)

    @property
    def _measured_window(self) -> Window | None:
        return self.measure.test if self.measure is not None and isinstance(self.measure.test, Window) else None

    def values(self, scope: Scope) -> dict[str, Column]:
        found = self.rows.choose(scope, own=True)
        facts = {"matching": func.count(), "first": func.min(found.row.c.at), "last": func.max(found.row.c.at)}
        shown = {name: self._own(found, found.row, value) for name, value in facts.items()}
        if self.measure is not None and self.measure.of is not None:
            source, tests = self._lines(found)
            value, money = self.measure.value(found.row, found.scope), self.measure.money
            label = f"{self.measure.name} in {money.code}" if money else self.measure.name
            shown[label] = self._own(replace(found, tests=tests), source, money.major(value) if money else value)
        return shown

    def _own(self, found: Chosen, source: FromClause, value: Column) -> Column:
        return select(value).select_from(source).where(*found.tests).correlate(*outer(found.scope)).scalar_subquery()

    @property
    def _must_be_looked_up(self) -> bool:
        """Whether edges of time come from the customer's row."""
        window = self._measured_window
        by_measure = window is not None and window.is_relative and not window.has_gaps
        return self.rows.must_be_looked_up or by_measure

    def _looked_up(self, scope: Scope) -> ColumnElement[bool]:
        """Asked for each row of an outer query over few customers."""
        found = self.rows.choose(scope, own=True)
        source, tests = self._lines(found)
        if self.measure is None:
            return select(1).select_from(source).where(*tests).correlate(*outer(scope)).exists()
        holds = self.measure.holds(self.measure.value(found.row, found.scope), found.scope)
        return self._own(replace(found, tests=tests), source, holds).is_(true())

    def _lines(self, found: Chosen) -> tuple[FromClause, list[ColumnElement[bool]]]:
        """What is measured: the events, or their lines."""
        if self.measure is None:
            return found.row, found.tests
        if not self.measure.of_lines:
            return found.row, [*found.tests, *self.measure.tests(found.row, found.scope)]
        ranked = isinstance(self.measure.test, Ranking)  # whoever has events has a value: none is 0
        source, on_lines = lines_of(found.row, self._items, found.scope, keep_events=ranked)
        return source, [*found.tests, *on_lines]

    @property
    def _items(self) -> ItemFilter | None:
        return next((one for one in self.rows.filters if isinstance(one, ItemFilter)), None)

    def _as_set(self, scope: Scope) -> ColumnElement[bool]:
        """Whether the customer is in the set, which is worked out once."""
        found = self._set(scope)
        return ~in_set(found, scope) if self._holds_for_none else in_set(found, scope)

    def _set(self, scope: Scope) -> Select[Any]:
        """The customers it holds for; those it does not hold for, where it holds for customers without any events."""
        if self._is_in_tallies:
            return self._first_in_tallies(scope)
        if self.measure is None:
            found = self.rows.choose(scope, own=False)
            return select(found.row.c.customer_id).where(*found.tests)
        if self.rows.is_judged_by_gaps and self._measured_window is not None:
            which = func.min if self.measure.name == "first" else func.max
            return self.rows.judged_by_gaps(which, self._measured_window, scope)
        grouped, value, scope = self._grouped(scope, self.measure)
        holds = self.measure.holds(value, scope)
        return grouped.having(holds.is_not(true()) if self._holds_for_none else holds)

    @property
    def _is_in_tallies(self) -> bool:
        return self.rows.is_plain and (self.measure is None or self._is_of_first)

    @property
    def _is_of_first(self) -> bool:
        return self.measure is not None and self.measure.name == "first" and not self.rows.gaps_measured

    def _first_in_tallies(self, scope: Scope) -> Select[Any]:
        """Who has such an event, or whose first passes the test: a tally's first stays right whatever comes after `now`."""
        kinds = self.rows.kinds
        ids = select(tally.c.customer_id).where(of_kinds(tally, kinds), tally.c.first <= scope.now)
        ids = ids.where(*asked(tally.c.customer_id, scope))
        if self.measure is None:
            return ids
        other = tally.alias()
        others = of_kinds(other, kinds), other.c.customer_id == tally.c.customer_id, other.c.first < tally.c.first
        earlier = select(1).where(*others).correlate(tally).exists()
        return ids.where(self.measure.holds(tally.c.first, scope), ~earlier)

    def _measured(self, scope: Scope, measure: Measure) -> Select[Any]:
        """(customer_id, value) of all customers who have such events."""
        grouped, value, _ = self._grouped(scope, measure)
        return grouped.add_columns(value.label("value"))

    def _grouped(self, scope: Scope, measure: Measure) -> tuple[Select[Any], Column, Scope]:
        """A select of customer ids grouped by customer, and the measure: from the tallies where nothing is filtered."""
        if self.rows.is_plain and measure.is_of_tallies and not self.rows.gaps_measured:
            return *of_tallies(self.rows.kinds, measure.name, measure.currency, scope), scope
        found = self.rows.choose(scope, own=False)
        source, tests = self._lines(found)
        grouped = select(found.row.c.customer_id).select_from(source).where(*tests).group_by(found.row.c.customer_id)
        if self.rows.gaps_measured:  # the same in all rows of a customer
            scope = replace(scope, usual_gap=func.max(found.row.c.gap))
        return grouped, measure.value(found.row, found.scope), scope

    def sentence(self) -> str:
        events = " or ".join(f"'{kind.title}'" for kind in self.kinds) + " events"
        said = [events, *([self.rows.among.sentence()] if self.rows.among else [])]
        said += [test.sentence() for test in self.rows.filters]
        said += [f"after a silence of {self.rows.silence}"] if self.rows.silence else []
        said += [self.rows.window.sentence()] if self.rows.window else []
        return self.measure.sentence(" ".join(said)) if self.measure else f"there are {' '.join(said)}"


def read_kinds(node: Node, language: Language) -> tuple[EventKind, ...]:
    if isinstance(node, Sequence):
        return language.faults.each(language.vocabulary.event, items(node))
    return (language.vocabulary.event(node),)


def _rows(fields: Fields, kinds: tuple[EventKind, ...], usual: UsualGap | None, language: Language) -> EventRows:
    among = fields.maybe("among", lambda node: _among(node, kinds, language))
    filters = _filters(fields, kinds, language)
    silence = fields.maybe("after_silence", lambda node: _silence(node, language))
    window = read_only_window(fields, language)
    return EventRows(tuple(kind.name for kind in kinds), among, filters, silence, window, usual)


def _filters(fields: Fields, kinds: tuple[EventKind, ...], language: Language) -> tuple[EventFilter, ...]:
    where = fields.several("where", lambda node: read_where(node, kinds, language))
    on_items = fields.maybe("items", lambda node: ItemFilter.read(node, language))
    same = fields.maybe("same", lambda node: SameAsTrigger.read(node, kinds, language))
    return (*where, *((on_items,) if on_items else ()), *((same,) if same else ()))


def _among(node: Node, kinds: tuple[EventKind, ...], language: Language) -> Among:
    if isinstance(node, Scalar):
        return Among(*read_first_or_last(node, "them"), ())
    fields = Fields(node, language.faults, "'among'")
    given = {which: fields.maybe(which, read_whole) for which in ("first", "last")}
    filters = _filters(fields, kinds, language)
    found = [(which, most) for which, most in given.items() if most is not None]
    if len(found) != 1:
        fields.fault(node.place, "'among' needs either `first` or `last`, e.g. {last: 5, where: {..}}")
    fields.close()
    return Among(*found[0], filters)


def _silence(node: Node, language: Language) -> Duration | Gaps:
    span = parse_span(text(node), node)
    if isinstance(span, Gaps) and not language.gaps:
        raise Fault(node.place, f"'{span}': usual gaps are known of one event with a `usual_gap` in the vocabulary")
    if isinstance(span, Duration) and span.is_calendar:
        raise Fault(node.place, f"'{span}': months and years differ in length; write days")
    return span


def read_only_window(fields: Fields, language: Language) -> Window | None:
    """The one time word among the keys, if any."""
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
