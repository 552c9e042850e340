"""The events a condition is about: of some kinds, among the first or last of them, filtered, after a silence, in a window.

Asked in two ways: for all customers at once, or looked up for the `customer` row of an outer query.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    func,
    literal,
    select,
    type_coerce,
)

from crm_store.content.literals import Duration, Gaps
from crm_store.content.vocabulary import UsualGap
from crm_store.schema import customer, event
from crm_store.schema.types import Instant, later
from crm_store.segmentation.belonging import asked
from crm_store.segmentation.eventfilters import EventFilter
from crm_store.segmentation.language import Scope
from crm_store.segmentation.passing import Edged, Moved, Passing
from crm_store.segmentation.times import Window
from crm_store.segmentation.usualgaps import judged_by_gaps, usual_gaps

Column = ColumnElement[Any]
Tests = list[ColumnElement[bool]]


@dataclass(frozen=True)
class Among:
    """The first or last so many of a customer's events, filtered before they are counted."""

    which: str
    most: int
    filters: tuple[EventFilter, ...]

    def sentence(self) -> str:
        said = " ".join(["", *(test.sentence() for test in self.filters)])
        return f"among the {self.which} {self.most} of them{said}"


@dataclass(frozen=True)
class Chosen:
    """Rows with the columns of `event`, the tests that those which count pass, and the scope to measure them in."""

    row: FromClause
    tests: Tests
    scope: Scope


@dataclass(frozen=True)
class EventRows:
    """Which events count. `usual_gap`: how gaps of the kind are made usable; `gaps_measured`: the measure asks for them.

    `measured`: each of them counts, not only whether there is one.
    """

    kinds: tuple[str, ...]
    among: Among | None = None
    filters: tuple[EventFilter, ...] = ()
    silence: Duration | Gaps | None = None
    window: Window | None = None
    usual_gap: UsualGap | None = None
    gaps_measured: bool = False
    measured: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether every event of the kinds counts."""
        return not (self.among or self.filters or self.silence or self.window)

    @property
    def is_intricate(self) -> bool:
        """Whether they must be put in order before it can be said which count."""
        return self.among is not None or self.silence is not None or self._asks_gaps

    @property
    def must_be_looked_up(self) -> bool:
        """Whether it takes the customer's row to say which events count."""
        by_window = self.window is not None and self.window.is_relative and not self.window.has_gaps
        return by_window or self._asks_customer

    @property
    def _asks_customer(self) -> bool:
        return any(test.asks_customer for test in self._all_filters)

    @property
    def _all_filters(self) -> tuple[EventFilter, ...]:
        return *self.filters, *(self.among.filters if self.among else ())

    def moved(self, time: Passing, measure: Edged | None) -> Moved:
        """Of whom other events may count, or be measured otherwise, only because time has passed."""
        if self.must_be_looked_up or self._asks_gaps or any(test.asks_when for test in self._all_filters):
            return None
        return time.over(event, event.c.at, event.c.kind.in_(self.kinds), by=[self.window, measure])

    def _beside_customer(self, row: FromClause, own: bool) -> FromClause:
        """Where filters ask her and no outer query has her, each row stands beside its own customer."""
        return row.join(customer, customer.c.id == row.c.customer_id) if self._asks_customer and not own else row

    def choose(self, scope: Scope, own: bool) -> Chosen:
        """The events that count; `own`: only those of the outer query's customer."""
        row, tests = self._among(scope, own)
        tests += [test.sql(row, scope) for test in self.filters]
        if self._looks_before:
            tests += self._silent_before(scope)
        elif self.silence is not None:
            row, tests = self._with_silence(row, tests, own)
        if self._asks_gaps:
            row, tests, scope = self._with_gaps(row, tests, scope, own)
        if self.must_be_looked_up and not own:
            row, tests = self._with_customer(row, tests, scope)
            return Chosen(row, tests, scope)
        return self._in_window(row, tests, scope)

    @property
    def _looks_before(self) -> bool:
        """Whether few events are in the window, so that looking before each costs less than putting all in order."""
        return self.among is None and isinstance(self.silence, Duration) and self.window is not None

    def _silent_before(self, scope: Scope) -> Tests:
        """The last at an earlier instant is so long ago; of several at one instant the first comes after the silence."""
        assert isinstance(self.silence, Duration)
        start = later(event.c.at, -self.silence.fixed())
        other = event.alias()
        others = [*self._others(other, scope), other.c.at < event.c.at]
        last = select(func.max(other.c.at)).where(*others).correlate(event, customer).scalar_subquery()
        if not self.measured:
            return [last <= start]
        twin = event.alias()
        twins = [*self._others(twin, scope), twin.c.at == event.c.at, twin.c.id < event.c.id]
        return [last <= start, ~select(1).where(*twins).correlate(event, customer).exists()]

    def _others(self, other: FromClause, scope: Scope) -> Tests:
        tests: Tests = [of_kinds(other, self.kinds), other.c.customer_id == event.c.customer_id]
        return [*tests, *(test.sql(other, replace(scope, shape="among")) for test in self.filters)]

    def _with_customer(self, row: FromClause, tests: Tests, scope: Scope) -> tuple[FromClause, Tests]:
        """In the window, whose edges come from each row's own customer."""
        inside = self._in_window(row, tests, scope)
        joined = select(*row.c).join_from(row, customer, customer.c.id == row.c.customer_id).where(*inside.tests)
        return joined.subquery(), []

    def _outer(self, own: bool) -> list[FromClause]:
        return [customer] if own else []

    def _of_kinds(self, scope: Scope, own: bool) -> Tests:
        tests: Tests = [of_kinds(event, self.kinds), event.c.at <= scope.now]
        whose = [event.c.customer_id == customer.c.id] if own else asked(event.c.customer_id, scope)
        return [*tests, *whose]

    def _among(self, scope: Scope, own: bool) -> tuple[FromClause, Tests]:
        tests = self._of_kinds(scope, own)
        if self.among is None:
            return event, tests
        tests += [test.sql(event, scope) for test in self.among.filters]
        order = (event.c.at, event.c.id) if self.among.which == "first" else (event.c.at.desc(), event.c.id.desc())
        place = func.row_number().over(partition_by=event.c.customer_id, order_by=order).label("place")
        source = self._beside_customer(event, own)
        ranked = select(*event.c, place).select_from(source).where(*tests).correlate(*self._outer(own)).subquery()
        return ranked, [ranked.c.place <= self.among.most]

    def _with_silence(self, row: FromClause, tests: Tests, own: bool) -> tuple[FromClause, Tests]:
        before = func.lag(row.c.at).over(partition_by=row.c.customer_id, order_by=(row.c.at, row.c.id)).label("before")
        columns = [row.c[column.name] for column in event.c]
        source = self._beside_customer(row, own)
        found = select(*columns, before).select_from(source).where(*tests).correlate(*self._outer(own)).subquery()
        return found, []

    def _in_window(self, row: FromClause, tests: Tests, scope: Scope) -> Chosen:
        if self.silence is not None and not self._looks_before:
            waited = type_coerce(row.c.at, BigInteger) - type_coerce(row.c.before, BigInteger)
            tests = [*tests, waited >= self._silent(scope)]
        if self.window is not None:
            tests = [*tests, self.window.on_instant(row.c.at, scope)]
        return Chosen(row, tests, scope)

    def _silent(self, scope: Scope) -> Column:
        if isinstance(self.silence, Gaps):
            return type_coerce(scope.usual_gap, BigInteger) * self.silence.count
        assert self.silence is not None
        return literal(self.silence.fixed() // timedelta(microseconds=1), BigInteger)

    @property
    def _asks_gaps(self) -> bool:
        in_window = self.window is not None and self.window.has_gaps
        return self.gaps_measured or in_window or isinstance(self.silence, Gaps)

    def _with_gaps(self, row: FromClause, tests: Tests, scope: Scope, own: bool) -> tuple[FromClause, Tests, Scope]:
        gaps = self._gaps(scope, own)
        if own:
            return row, tests, replace(scope, usual_gap=select(gaps.c.gap).correlate(customer).scalar_subquery())
        source = self._beside_customer(row, own).join(gaps, gaps.c.customer_id == row.c.customer_id)
        found = select(*row.c, gaps.c.gap.label("gap")).select_from(source).where(*tests).subquery()
        return found, [], replace(scope, usual_gap=found.c.gap)

    def _gaps(self, scope: Scope, own: bool) -> FromClause:
        """customer_id, gap: each customer's usual gap in microseconds."""
        assert self.usual_gap is not None
        return usual_gaps(self._timeline(scope, own), self.usual_gap, self._outer(own))

    def _timeline(self, scope: Scope, own: bool) -> Select[Any]:
        """(customer_id, at) of the events that gaps lie between."""
        tests = [*self._of_kinds(scope, own), *(test.sql(event, scope) for test in self.filters)]
        return select(event.c.customer_id, event.c.at).select_from(self._beside_customer(event, own)).where(*tests)

    @property
    def is_judged_by_gaps(self) -> bool:
        """Whether the events that are measured are those that the gaps lie between."""
        return self.gaps_measured and not (self.among or self.silence or self.window)

    def judged_by_gaps(self, which: Callable[[Column], Column], window: Window, scope: Scope) -> Select[Any]:
        """The customers whose first or last event lies in a window of usual gaps."""
        assert self.usual_gap is not None

        def judge(at: Column, gap: Column) -> ColumnElement[bool]:
            return window.on_instant(type_coerce(at, Instant()), replace(scope, usual_gap=gap))

        of_asked, anybodys = (self._timeline(one, own=False) for one in (scope, replace(scope, narrowed=False)))
        one_edge = not isinstance(window.operand, tuple)
        return judged_by_gaps(of_asked, anybodys, self.usual_gap, which, judge, one_edge)


def of_kinds(table: FromClause, kinds: tuple[str, ...]) -> ColumnElement[bool]:
    return table.c.kind == kinds[0] if len(kinds) == 1 else table.c.kind.in_(kinds)
