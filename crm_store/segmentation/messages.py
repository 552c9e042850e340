"""What became of messages, as rows of (customer_id, at): touches by their state, and what providers told of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, func, select, tuple_, union_all

from crm_store.ledger.states import FAILED, SENT, SKIPPED
from crm_store.schema import touch, touch_event
from crm_store.segmentation.belonging import outer, own
from crm_store.segmentation.comparisons import Comparison
from crm_store.segmentation.language import Scope
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

    def _of_touches(self, fact: str, scope: Scope) -> Select[Any]:
        state, at = OF_TOUCHES[fact]
        chosen: Select[Any] = select(touch.c.customer_id, at.label("at")).where(touch.c.state == state, *own(touch, scope))
        chosen = self._narrowed(chosen, at, scope)
        if self.among is not None:
            chosen = chosen.where(touch.c.id.in_(self._last_sent(*self.among, scope)))
        return chosen.correlate(*outer(scope))

    def _told(self, kinds: list[str], scope: Scope) -> Select[Any]:
        rows: Select[Any] = select(touch_event.c.customer_id, touch_event.c.at.label("at"))
        rows = rows.where(touch_event.c.kind.in_(kinds), *own(touch_event, scope))
        if not self.machines and set(kinds) & set(BY_MACHINES):
            rows = rows.where(touch_event.c.kind.not_in(BY_MACHINES) | (touch_event.c.actor != "machine"))
        if self.link is not None:
            rows = rows.where(self.link.sql(touch_event.c.link))
        if self.of or self.among or self.of_enrolment:
            rows = rows.join(touch, touch.c.id == touch_event.c.touch_id)
        rows = self._narrowed(rows, touch_event.c.at, scope)
        if self.among is not None:
            rows = rows.where(*self._is_last_sent(*self.among, scope))
        return rows.correlate(*outer(scope))

    def _narrowed(self, rows: Select[Any], at: Column, scope: Scope) -> Select[Any]:
        rows = rows.where(at <= scope.now, *self._of_subjects(scope))
        return rows.where(self.window.on_instant(at, scope)) if self.window is not None else rows

    def _of_subjects(self, scope: Scope, row: FromClause = touch) -> list[ColumnElement[bool]]:
        tests: list[ColumnElement[bool]] = [row.c[SUBJECTS[name].name].in_(values) for name, values in self.of]
        if self.of_enrolment and scope.enrolment is not None:
            tests.append(row.c.enrolment_id == scope.enrolment.c.id)
        return tests

    def _is_last_sent(self, which: str, most: int, scope: Scope) -> list[ColumnElement[bool]]:
        """The fact's touch was sent, and fewer than so many were sent after it (before it): looked up for each fact."""
        other = touch.alias()
        mine, theirs = tuple_(touch.c.sent_at, touch.c.id), tuple_(other.c.sent_at, other.c.id)
        nearer = select(1).where(
            other.c.customer_id == touch.c.customer_id,
            other.c.state == SENT,
            other.c.sent_at <= scope.now,
            theirs < mine if which == "first" else theirs > mine,
            *self._of_subjects(scope, other),
        )
        many = nearer.limit(1).offset(most - 1).correlate(touch, *outer(scope)).exists()
        return [touch.c.state == SENT, touch.c.sent_at <= scope.now, ~many]

    def _last_sent(self, which: str, most: int, scope: Scope) -> Select[Any]:
        """The ids of the first or last so many sent touches of each customer, of those that `of` names."""
        at = touch.c.sent_at
        order = (at, touch.c.id) if which == "first" else (at.desc(), touch.c.id.desc())
        place = func.row_number().over(partition_by=touch.c.customer_id, order_by=order).label("place")
        sent = select(touch.c.id, place).where(touch.c.state == SENT, at <= scope.now, *self._of_subjects(scope))
        ranked = sent.where(*own(touch, scope)).correlate(*outer(scope)).subquery()
        return select(ranked.c.id).where(ranked.c.place <= most)
