"""sequence: events that follow each other, and events that do not come between."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as ABCSequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Self

from sqlalchemy import ColumnElement, FromClause, and_, select

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, items, sure, text
from crm_store.content.literals import Duration, read_duration
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.content.vocabulary import EventKind
from crm_store.schema import customer, event
from crm_store.schema.types import later
from crm_store.segmentation.belonging import ids_of_rows, outer
from crm_store.segmentation.conditions.base import Condition, FieldHelp, Lead
from crm_store.segmentation.conditions.event import read_kinds, read_only_window
from crm_store.segmentation.eventfilters import EventFilter, ItemFilter, Property, property_of, read_where
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing
from crm_store.segmentation.times import Window


@dataclass(frozen=True)
class Link:
    """An event of the chain; `absent`: there is none such between its neighbours."""

    kinds: tuple[EventKind, ...]
    filters: tuple[EventFilter, ...]
    within: Duration | None
    absent: bool

    def tests(self, row: FromClause, scope: Scope) -> list[ColumnElement[bool]]:
        scope = replace(scope, shape="among")
        of_kinds = row.c.kind.in_([kind.name for kind in self.kinds])
        return [of_kinds, row.c.at <= scope.now, *(test.sql(row, scope) for test in self.filters)]

    @property
    def asks_when(self) -> bool:
        """Whether one of its filters changes with the time at which it is asked."""
        return any(test.asks_when for test in self.filters)

    def sentence(self) -> str:
        said = [" or ".join(f"'{kind.title}'" for kind in self.kinds), *(test.sentence() for test in self.filters)]
        within = f" within {self.within}" if self.within else ""
        return f"{'no ' if self.absent else ''}{' '.join(said)}{within}"


@dataclass(frozen=True)
class SequenceCondition(Condition):
    """A chain of events, each at a later instant than the one before."""

    kind: ClassVar = "sequence"
    help: ClassVar = "events that follow each other, each at a later instant; `not` between them: none such there"
    example: ClassVar = "sequence: [{event: cart_updated}, {not: {event: order}}], in_last: 3 days"
    fields: ClassVar = (
        FieldHelp("sequence", "a list of {event, where, items, within: 2 days} and {not: {event, where, items}}", "links"),
        FieldHelp("same", "a property that is the same in all of them", "text"),
        FieldHelp("is, before, since, between, in_last, in_next, during", "where each event lies", "window words"),
    )
    links: tuple[Link, ...]
    same: Property | None
    window: Window | None

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'sequence'")
        links = fields.need("sequence", lambda value: _links(value, language)) or ()
        kinds = [kind for link in links for kind in link.kinds]
        same = fields.maybe("same", lambda value: property_of(Scalar(text(value), value.place), kinds, language))
        window = read_only_window(fields, language)
        if same is not None and same.type in ("money", "list"):
            fields.fault(fields.place_of("same"), f"'{same.name}' is a {same.type}; use a text, a number or yes-no")
        fields.close()
        return cls(sure(links), same, window)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        row = event.alias()
        tests = self._chain(row, scope)
        return select(1).where(row.c.customer_id == customer.c.id, *tests).correlate(*outer(scope)).exists()

    def lead(self, scope: Scope) -> Lead | None:
        if self.window is None or self._asks_customer:
            return None
        row = event.alias()
        return Lead(ids_of_rows(row, scope, *self._chain(row, scope)), rank=2)

    @property
    def cost(self) -> int:
        return 5

    @property
    def _asks_customer(self) -> bool:
        by_filters = any(test.asks_customer for link in self.links for test in link.filters)
        return by_filters or (self.window is not None and self.window.is_relative)

    def _chain(self, row: FromClause, scope: Scope) -> list[ColumnElement[bool]]:
        first, rest = self.links[0], self.links[1:]
        return [*self._chosen(first, row, None, scope), *self._rest(row, row, rest, scope)]

    def _chosen(self, link: Link, row: FromClause, start: FromClause | None, scope: Scope) -> list[ColumnElement[bool]]:
        """Tests of an event by itself, and of being like the chain's first."""
        tests = link.tests(row, scope)
        if self.window is not None and not link.absent:
            tests.append(self.window.on_instant(row.c.at, scope))
        if self.same is not None:
            value = self.same.sql(row, scope)
            tests.append(value.is_not(None) if start is None else value == self.same.sql(start, scope))
        return tests

    def _rest(
        self, start: FromClause, before: FromClause, links: ABCSequence[Link], scope: Scope
    ) -> list[ColumnElement[bool]]:
        """What follows an event: none of the absent ones up to the next, and the next with all that follows it."""
        absent = [link for link in links if link.absent]
        present = next((number for number, link in enumerate(links) if not link.absent), None)
        if present is None:
            return [self._none_after(link, start, before, None, scope) for link in absent]
        row = event.alias()
        tests = [row.c.customer_id == before.c.customer_id, row.c.at > before.c.at]
        tests += self._chosen(links[present], row, start, scope) + _soon(links[present], row, before)
        tests += [self._none_after(link, start, before, row, scope) for link in links[:present]]
        tests += self._rest(start, row, links[present + 1 :], scope)
        known = {start, before}
        return [select(1).select_from(row).where(*tests).correlate(*known, *outer(scope)).exists()]

    def _none_after(
        self, link: Link, start: FromClause, before: FromClause, after: FromClause | None, scope: Scope
    ) -> ColumnElement[bool]:
        row = event.alias()
        tests = [row.c.customer_id == before.c.customer_id, row.c.at > before.c.at, *self._chosen(link, row, start, scope)]
        tests += [row.c.at < after.c.at] if after is not None else []
        known = {start, before, *([after] if after is not None else [])}
        return ~select(1).select_from(row).where(and_(*tests)).correlate(*known, *outer(scope)).exists()

    def feeds(self) -> Iterator[str]:
        yield from (kind.name for link in self.links for kind in link.kinds)

    def moved(self, time: Passing) -> Moved:
        if (self.window is not None and self.window.is_relative) or any(link.asks_when for link in self.links):
            return None
        kinds = sorted({kind.name for link in self.links for kind in link.kinds})
        return time.over(event, event.c.at, event.c.kind.in_(kinds), by=[self.window])

    def sentence(self) -> str:
        said = ", then ".join(link.sentence() for link in self.links)
        same = f", all with the same {self.same.name}" if self.same else ""
        return f"these events follow each other: {said}{same}{', ' + self.window.sentence() if self.window else ''}"


def _soon(link: Link, row: FromClause, before: FromClause) -> list[ColumnElement[bool]]:
    return [row.c.at <= later(before.c.at, link.within.fixed())] if link.within else []


def _links(node: Node, language: Language) -> tuple[Link, ...]:
    links = language.faults.each(lambda item: _link(item, language), items(node))
    if links[0].absent or links[0].within is not None:
        raise Fault(node.place, "a sequence begins with an event, which has no `within` and no `not`")
    return links


def _link(node: Node, language: Language) -> Link:
    fields = Fields(node, language.faults, "a sequence's event")
    if fields.has("not"):
        inner = fields.need("not", lambda value: _event(Fields(value, language.faults, "'not'"), language, None))
        fields.close()
        return replace(sure(inner), absent=True)
    within = fields.maybe("within", _span)
    return _event(fields, language, within)


def _event(fields: Fields, language: Language, within: Duration | None) -> Link:
    kinds = fields.need("event", lambda value: read_kinds(value, language)) or ()
    where = fields.several("where", lambda node: read_where(node, kinds, language))
    on_items = fields.maybe("items", lambda node: ItemFilter.read(node, language))
    fields.close()
    return Link(kinds, (*where, *((on_items,) if on_items else ())), within, absent=False)


def _span(node: Node) -> Duration:
    span = read_duration(node)
    if span.is_calendar or span.fixed() <= timedelta(0):
        raise Fault(node.place, f"'{span}': write days or shorter units, months and years differ in length")
    return span
