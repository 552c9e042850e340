"""`again`: what makes a second enrolment of the same customer distinct. It becomes the enrolment's occasion key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, FromClause, Select, String, case, cast, func, literal, null, or_, select, true
from sqlalchemy.sql.selectable import Subquery

from crm_store.calendar import shifted
from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.fields import text
from crm_store.content.literals import Duration, Rate, parse_duration
from crm_store.content.nodes import Node
from crm_store.content.vocabulary import NO_KEYS, EventKind
from crm_store.dialect import JsonScalar, looked_up, plain_number
from crm_store.schema import enrolment, event
from crm_store.schema.types import Words, later

if TYPE_CHECKING:
    from crm_store.journeys.triggers.base import Window

# The columns of every trigger's candidates, in this order.
CANDIDATE = ("customer_id", "occasion", "entered_at", "trigger_at", "trigger_event_id", "occurs_on")


@dataclass(frozen=True)
class Again:
    """`policy` is never, event, property, after, leaving, or own (the trigger's kind has keys of its own)."""

    policy: str
    property: str | None = None
    type: str = "text"  # of the property
    gap: Duration | None = None

    def __str__(self) -> str:
        said = {
            "never": "never",
            "event": "per event",
            "property": f"per {self.property}",
            "after": f"after {self.gap}",
            "leaving": "after leaving",
        }
        return said.get(self.policy, "as its kind says")

    def enters_often(self) -> bool:
        """Whether events that repeat enter the same customer again and again, as often as they come."""
        return self.policy in ("event", "property", "leaving")

    def occasion(self) -> str:
        """The key in words, for people."""
        words = {
            "never": "once",
            "event": "the event's id",
            "property": f"the event's {self.property}",
            "after": "the number of earlier enrolments",
            "leaving": "the number of earlier enrolments",
        }
        return words.get(self.policy, "its kind's own")

    def value(self, row: FromClause) -> ColumnElement[str]:
        """SQL on an event: what its property says, as a key; the same for equal values on both databases."""
        value = JsonScalar(row.c.properties, (self.property or "").split("."), _KEPT.get(self.type, "text"))
        if self.type == "number":
            return func.coalesce(plain_number(value), "")
        if self.type == "yes-no":
            return case((value.is_(None), ""), (value, "yes"), else_="no")
        return func.coalesce(value, "")


_KEPT = {"number": "number", "yes-no": "yes-no"}
NEVER = Again("never")
OWN = Again("own")


def read_again(node: Node, kind: EventKind | None) -> Again:
    """`never | per event | per PROPERTY | after D | after leaving`; `kind` is the event that enters, if one does."""
    word = " ".join(text(node).split())
    if word == "never":
        return NEVER
    if kind is not None and kind.happens == "once":
        raise Fault(node.place, f"'{word}': event '{kind.name}' happens once (vocabulary); take `again` out")
    if word == "after leaving":
        return Again("leaving")
    if word.startswith("after "):
        return _after(word, node)
    if word.startswith("per ") and kind is not None:
        return Again("event") if word == "per event" else _per_property(word[len("per ") :], node, kind)
    raise Fault(node.place, f"'{word}' is not known here; use never, after D, after leaving, per event or per PROPERTY")


def _after(word: str, node: Node) -> Again:
    gap = parse_duration(word[len("after ") :], node)
    if not gap.count:
        raise Fault(node.place, f"'{word}' must be longer than nothing; for every event write `per event`")
    return Again("after", gap=gap)


def _per_property(name: str, node: Node, kind: EventKind) -> Again:
    if name not in kind.properties:
        hint = did_you_mean(name, kind.properties)
        raise Fault(node.place, f"event '{kind.name}' has no property '{name}' in the vocabulary{hint}")
    if kind.properties[name] in NO_KEYS:
        what = f"'per {name}': '{name}' is a {kind.properties[name]}"
        raise Fault(node.place, f"{what}, by which nothing is told apart; take a property of another type")
    return Again("property", property=name, type=kind.properties[name])


def keyed(again: Again, campaign: str, facts: Subquery, window: Window, zone: ZoneInfo) -> Select[Any]:
    """Candidates from facts (customer_id, at, trigger_at, event_id, n): each gets its occasion; the earliest of a key
    stands. Facts for which `again` or the limit leaves no room are none: they must not hide later ones of their key.

    `n` is a number the fact itself brings (the n-th entry into a segment) or NULL. `zone`: the company's.
    """
    occasion = _occasion(again, campaign, facts)
    order = func.row_number().over(partition_by=(facts.c.customer_id, occasion), order_by=(facts.c.at, facts.c.event_id))
    whole = (facts.c.customer_id, occasion.label("occasion"), facts.c.at, facts.c.trigger_at, facts.c.event_id)
    room = has_room(campaign, facts.c.customer_id, facts.c.at, window.limit)
    ranked = select(*whole, order.label("nth")).where(_may_enter(again, campaign, facts, zone), room).subquery()
    return select(
        ranked.c.customer_id,
        ranked.c.occasion,
        ranked.c.at.label("entered_at"),
        ranked.c.trigger_at,
        ranked.c.event_id.label("trigger_event_id"),
        cast(null(), Date).label("occurs_on"),
    ).where(ranked.c.nth == 1)


def has_room(
    campaign: str, customer_id: ColumnElement[int], at: ColumnElement[Any], limit: Rate | None
) -> ColumnElement[bool]:
    """Whether the customer has fewer enrolments than the limit allows in the time before `at` (or after it)."""
    if limit is None:
        return true()
    recent = later(enrolment.c.entered_at, limit.per.fixed()) > at
    of_customer = enrolment.c.campaign == campaign, enrolment.c.customer_id == customer_id
    counted = select(func.count()).select_from(enrolment).where(*of_customer, recent)
    return counted.correlate_except(enrolment).scalar_subquery() < limit.count


def _occasion(again: Again, campaign: str, facts: Subquery) -> ColumnElement[str]:
    if again.policy == "event":
        return cast(facts.c.event_id, String)
    if again.policy == "property":
        return func.coalesce(select(again.value(event)).where(event.c.id == facts.c.event_id).scalar_subquery(), "")
    if again.policy in ("after", "leaving"):
        earlier = select(func.count()).where(*_of_customer(campaign, facts)).scalar_subquery()
        return func.coalesce(cast(facts.c.n, String), cast(earlier, String))
    return literal("once", Words)


def _may_enter(again: Again, campaign: str, facts: Subquery, zone: ZoneInfo) -> ColumnElement[bool]:
    if again.policy == "never":
        return ~_exists(campaign, facts)
    if again.policy == "after":  # months are counted back from the fact
        return ~_exists(
            campaign, facts, enrolment.c.entered_at > shifted(facts.c.at, again.gap, -1, literal(zone.key, Words))
        )
    if again.policy == "leaving":
        still_in = or_(enrolment.c.state == "in", enrolment.c.finished_at >= facts.c.at, enrolment.c.left_at >= facts.c.at)
        return ~_exists(campaign, facts, still_in)
    return true()


def _exists(campaign: str, facts: Subquery, *tests: ColumnElement[bool]) -> ColumnElement[bool]:
    return looked_up(select(enrolment.c.id).where(*_of_customer(campaign, facts), *tests).correlate(facts))


def _of_customer(campaign: str, facts: Subquery) -> tuple[ColumnElement[bool], ...]:
    return enrolment.c.campaign == campaign, enrolment.c.customer_id == facts.c.customer_id
