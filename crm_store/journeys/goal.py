"""`goal`: what a campaign is for - an event within so long after entry - measured for everybody who entered.

Whoever is held out, has finished or has left counts too: a goal says what followed, not what is still under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, cast, select, update

from crm_store.content.faults import Fault, Incomplete
from crm_store.content.fields import Fields, sure, text
from crm_store.content.literals import Duration, read_duration
from crm_store.content.nodes import Node, Scalar
from crm_store.content.settings import read_elapsed
from crm_store.content.vocabulary import EventKind
from crm_store.dialect import JsonScalar, unindexed
from crm_store.journeys.reading import Reading
from crm_store.many import ids_of
from crm_store.schema import customer, enrolment, event
from crm_store.schema.types import later
from crm_store.segmentation.eventfilters import EventFilter, ItemFilter, SameAsTrigger, property_of, read_where

if TYPE_CHECKING:
    from crm_store.journeys.turn import Turn

Column = ColumnElement[Any]
# Events come in late, e.g. with tomorrow's import: so long after its end a goal's window is still looked into.
GRACE = timedelta(days=7)
_E = enrolment.alias("aiming")


@dataclass(frozen=True)
class Goal:
    """The first such event at or after entry counts, but never the one that entered. `value`: what it was worth: the
    event's `amount`, or a property that is money."""

    kind: EventKind
    filters: tuple[EventFilter, ...]
    within: Duration
    value: str | None = None

    def sentence(self) -> str:
        said = [f"the event '{self.kind.title}'", *(test.sentence() for test in self.filters)]
        return " ".join([*said, f"within {self.within} of entry"]) + (f", worth its {self.value}" if self.value else "")

    def worth(self) -> tuple[Column, Column] | None:
        """SQL on the event: minor units, and their currency."""
        if self.value is None:
            return None
        if self.value == "amount" and "amount" not in self.kind.properties:
            return event.c.amount, event.c.currency
        path = self.value.split(".")
        minor = JsonScalar(event.c.properties, [*path, "minor"], "number")
        return cast(minor, BigInteger), JsonScalar(event.c.properties, [*path, "currency"], "text")


def read_goal(node: Node, reading: Reading) -> Goal:
    """`{event, where, items, same, within, value}`. Raises Fault or Incomplete."""
    language = reading.of_enrolments
    fields = Fields(node, language.faults, "'goal'")
    kind = fields.need("event", language.vocabulary.event)
    kinds = (kind,) if kind else ()
    where = fields.several("where", lambda value: read_where(value, kinds, language))
    on_items = fields.maybe("items", lambda value: ItemFilter.read(value, language))
    same = fields.maybe("same", lambda value: SameAsTrigger.read(value, kinds, language))
    within = fields.need("within", _within)
    value = fields.maybe("value", lambda given: _value(given, kind, reading))
    fields.close()
    return Goal(sure(kind), (*where, *(test for test in (on_items, same) if test)), sure(within), value)


def _within(node: Node) -> Duration:
    read_elapsed(node)
    return read_duration(node)


def _value(node: Node, kind: EventKind | None, reading: Reading) -> str:
    if kind is None:
        raise Incomplete
    name = text(node)
    if name == "amount" and kind.amount:
        return name
    if name == "amount" and "amount" not in kind.properties:
        raise Fault(node.place, f"event '{kind.name}' has no amount; give it `amount: yes` in the vocabulary")
    known = property_of(Scalar(name, node.place), (kind,), reading.language)
    if known.type != "money":
        raise Fault(node.place, f"'{name}' is not money but a {known.type}; take `amount`, or a property of type money")
    return name


def aim(turn: Turn, ids: Sequence[int]) -> None:
    """Write down until when those who enter may reach the goal."""
    goal = turn.version.campaign.goal
    if goal is not None and ids:
        until = later(enrolment.c.entered_at, goal.within.fixed())
        turn.conn.execute(update(enrolment).where(enrolment.c.id.in_(ids_of(ids))).values(goal_until=until))


def aiming(conn: Connection, definition_id: int, customers: Sequence[int] | None = None) -> Select[Any]:
    """A select of the enrolments of a version that may still reach the goal, all or of these customers."""
    still = select(enrolment.c.id).where(enrolment.c.goal_until.is_not(None))
    if customers is None:
        return still.where(enrolment.c.definition_id == definition_id)
    of_version = unindexed(enrolment.c.definition_id) == definition_id
    return still.where(of_version, enrolment.c.customer_id.in_(ids_of(customers)))


def reach(turn: Turn, ids: Sequence[int]) -> int:
    """Write down which of these enrolments have reached the goal by now; those it is too late for are looked at no more.

    Returns how many have reached it.
    """
    goal = turn.version.campaign.goal
    if goal is None or not ids:
        return 0
    found = _firsts(turn, goal, ids).subquery("reached")
    value, currency = goal.worth() or (None, None)
    reached = turn.conn.execute(
        update(enrolment)
        .where(enrolment.c.id == found.c.enrolment_id, event.c.id == found.c.event_id)
        .values(goal_at=event.c.at, goal_event_id=event.c.id, goal_value=value, goal_currency=currency, goal_until=None)
    ).rowcount
    over = enrolment.c.id.in_(ids_of(ids)), later(enrolment.c.goal_until, GRACE) < turn.now
    turn.conn.execute(update(enrolment).where(*over).values(goal_until=None))
    return reached


def _firsts(turn: Turn, goal: Goal, ids: Sequence[int]) -> Select[Any]:
    """(enrolment_id, event_id): the first event that reaches the goal, NULL where there is none."""
    scope = turn.version.scope(turn.conn, turn.now, _E)
    of_customer = event.c.kind == goal.kind.name, event.c.customer_id == _E.c.customer_id
    in_time = event.c.at >= _E.c.entered_at, event.c.at <= _E.c.goal_until, event.c.at <= turn.now
    another = event.c.id.is_distinct_from(_E.c.trigger_event_id)
    tests = (test.sql(event, scope) for test in goal.filters)
    first = select(event.c.id).where(*of_customer, *in_time, another, *tests).order_by(event.c.at, event.c.id).limit(1)
    chosen = select(_E.c.id.label("enrolment_id"), first.correlate(_E, customer).scalar_subquery().label("event_id"))
    return chosen.join(customer, customer.c.id == _E.c.customer_id).where(_E.c.id.in_(ids_of(ids)))
