"""What became of messages, as rows of (customer_id, at): touches by their state, and what providers told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, literal_column, select, union_all

from crm_store.ledger.states import FAILED, SENT, SKIPPED
from crm_store.schema import touch, touch_event
from crm_store.schema.types import Words
from crm_store.segmentation.belonging import outer, own
from crm_store.segmentation.comparisons import Comparison
from crm_store.segmentation.language import Scope
from crm_store.segmentation.measures import Measure
from crm_store.segmentation.passing import Moved, Passing
from crm_store.segmentation.times import Window

Column = ColumnElement[Any]
# Facts that the touch itself holds: its state, and the column of the instant.
OF_TOUCHES: dict[str, tuple[str, Column]] = {
    "sent": (SENT, touch.c.sent_at),
    "skipped": (SKIPPED, touch.c.decided_at),
    "failed": (FAILED, touch.c.decided_at),
}
TOLD = ("delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")
FACTS = ("sent", *TOLD, "skipped", "failed")
ACTORS = ("human", "machine", "unknown")
# Facts that mail scanners and proxies make as well as people.
BY_MACHINES = ("opened", "clicked")
# What `of` may name: the column of `touch`.
SUBJECTS: dict[str, Column] = {
    "campaign": touch.c.campaign,
    "step": touch.c.step,
    "template": touch.c.template,
    "topic": touch.c.topic,
    "channel": touch.c.channel,
    "run": touch.c.run_id,
    "variant": touch.c.variant,
}


@dataclass(frozen=True)
class MessageRows:
    """Which facts count: of which messages, how many of the last sent ones, of which link, by whom, when."""

    facts: tuple[str, ...]
    of: tuple[tuple[str, tuple[str | int, ...]], ...] = ()
    link: Comparison | None = None
    among: tuple[str, int] | None = None
    machines: bool = False
    window: Window | None = None
    of_enrolment: bool = False

    def select(self, scope: Scope) -> FromClause:
        """(customer_id, at) of each fact up to now; where conditions are looked up, of the outer query's customer."""
        rows = [self._of_touches(fact, scope) for fact in self.facts if fact in OF_TOUCHES]
        told = [fact for fact in self.facts if fact in TOLD]
        rows += [self._told(told, scope)] if told else []
        return (rows[0] if len(rows) == 1 else union_all(*rows)).subquery()

    def moved(self, time: Passing, measure: Measure | None) -> Moved:
        """Of whom other facts count only because time has passed. Only what providers tell is marked: touches are not."""
        by_customer = (self.window is not None and self.window.is_relative) or (
            measure is not None and measure.is_of_customer
        )
        if by_customer or self.among is not None or any(fact in OF_TOUCHES for fact in self.facts):
            return None
        return time.over(touch_event, touch_event.c.at, _one_of(touch_event.c.kind, self.facts), by=[self.window, measure])

    def _of_touches(self, fact: str, scope: Scope) -> Select[Any]:
        state, at = OF_TOUCHES[fact]
        chosen: Select[Any] = select(touch.c.customer_id, at.label("at")).where(
            touch.c.state == _written(state), *own(touch, scope)
        )
        chosen = self._narrowed(chosen, at, scope)
        if self.among is not None:
            chosen = chosen.where(touch.c.id.in_(self._last_sent(*self.among, touch.c.customer_id, scope)))
        return chosen.correlate(*outer(scope))

    def _told(self, kinds: list[str], scope: Scope) -> Select[Any]:
        rows: Select[Any] = select(touch_event.c.customer_id, touch_event.c.at.label("at"))
        rows = rows.where(_one_of(touch_event.c.kind, kinds), *own(touch_event, scope), *self._by_whom(kinds))
        if self.link is not None:
            rows = rows.where(self.link.sql(touch_event.c.link))
        if self.among is not None:
            last = self._last_sent(*self.among, touch_event.c.customer_id, scope)
            return self._in_window(rows.where(touch_event.c.touch_id.in_(last)), touch_event.c.at, scope)
        if self.of or self.of_enrolment:
            rows = rows.join(touch, touch.c.id == touch_event.c.touch_id)
        return self._narrowed(rows, touch_event.c.at, scope).correlate(*outer(scope))

    def _by_whom(self, kinds: list[str]) -> list[ColumnElement[bool]]:
        """Not by machines, where these make such facts too."""
        if self.machines or not set(kinds) & set(BY_MACHINES):
            return []
        by_people = touch_event.c.actor != "machine"
        return [by_people if set(kinds) <= set(BY_MACHINES) else touch_event.c.kind.not_in(BY_MACHINES) | by_people]

    def _narrowed(self, rows: Select[Any], at: Column, scope: Scope) -> Select[Any]:
        return self._in_window(rows.where(*self._of_subjects(scope)), at, scope)

    def _in_window(self, rows: Select[Any], at: Column, scope: Scope) -> Select[Any]:
        rows = rows.where(at <= scope.now).correlate(*outer(scope))
        return rows.where(self.window.on_instant(at, scope)) if self.window is not None else rows

    def _of_subjects(self, scope: Scope, row: FromClause = touch) -> list[ColumnElement[bool]]:
        tests = [_one_of(row.c[SUBJECTS[name].name], values) for name, values in self.of]
        if self.of_enrolment and scope.enrolment is not None:
            tests.append(row.c.enrolment_id == scope.enrolment.c.id)
        return tests

    def _last_sent(self, which: str, most: int, customer_id: Any, scope: Scope) -> Select[Any]:
        """The ids of her first or last so many sent touches, of those that `of` names: looked up for each fact."""
        row = touch.alias()
        order = (row.c.sent_at, row.c.id) if which == "first" else (row.c.sent_at.desc(), row.c.id.desc())
        sent = select(row.c.id).where(
            row.c.customer_id == customer_id, row.c.state == _written(SENT), row.c.sent_at <= scope.now
        )
        found = sent.where(*self._of_subjects(scope, row)).order_by(*order).limit(most)
        return found.correlate(customer_id.table, *outer(scope))


def _one_of(column: Column, values: Sequence[str | int]) -> ColumnElement[bool]:
    return column == values[0] if len(values) == 1 else column.in_(values)


def _written(state: str) -> Column:
    """A state as a word of the SQL text: only then does SQLite know that an index of that state alone has all it needs."""
    return literal_column(f"'{state}'", Words)
