"""`again`: what makes a second enrolment of the same customer distinct. It becomes the enrolment's occasion key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, String, cast, func, literal, null, or_, select, true
from sqlalchemy.sql.selectable import Subquery

from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.fields import text
from crm_store.content.literals import Duration, parse_duration
from crm_store.content.nodes import Node
from crm_store.content.vocabulary import EventKind
from crm_store.dialect import JsonScalar
from crm_store.schema import enrolment, event
from crm_store.schema.types import Words, later

# The columns of every trigger's candidates, in this order.
CANDIDATE = ("customer_id", "occasion", "entered_at", "trigger_at", "trigger_event_id", "occurs_on")


@dataclass(frozen=True)
class Again:
    """`policy` is never, event, property, after, leaving, or own (the trigger's kind has keys of its own)."""

    policy: str
    property: str | None = None
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
    if gap.is_calendar:
        raise Fault(node.place, f"'{word}': months and years are not built yet here; use days")
    return Again("after", gap=gap)


def _per_property(name: str, node: Node, kind: EventKind) -> Again:
    if name not in kind.properties:
        hint = did_you_mean(name, kind.properties)
        raise Fault(node.place, f"event '{kind.name}' has no property '{name}' in the vocabulary{hint}")
    if kind.properties[name] in ("number", "yes-no"):
        what = kind.properties[name]
        raise Fault(node.place, f"'per {name}': keys of type {what} are not built yet; use a property of type text")
    return Again("property", property=name)


def keyed(again: Again, campaign: str, facts: Subquery) -> Select[Any]:
    """Candidates from facts (customer_id, at, event_id, n): each gets its occasion; the earliest of a key stands.

    `n` is a number the fact itself brings (the n-th entry into a segment) or NULL.
    """
    occasion = _occasion(again, campaign, facts)
    order = func.row_number().over(partition_by=(facts.c.customer_id, occasion), order_by=(facts.c.at, facts.c.event_id))
    ranked = (
        select(facts.c.customer_id, occasion.label("occasion"), facts.c.at, facts.c.event_id, order.label("nth"))
        .where(_may_enter(again, campaign, facts))
        .subquery()
    )
    return select(
        ranked.c.customer_id,
        ranked.c.occasion,
        ranked.c.at.label("entered_at"),
        ranked.c.at.label("trigger_at"),
        ranked.c.event_id.label("trigger_event_id"),
        cast(null(), Date).label("occurs_on"),
    ).where(ranked.c.nth == 1)


def _occasion(again: Again, campaign: str, facts: Subquery) -> ColumnElement[str]:
    if again.policy == "event":
        return cast(facts.c.event_id, String)
    if again.policy == "property":
        value = JsonScalar(event.c.properties, [again.property or ""], "text")
        return func.coalesce(select(value).where(event.c.id == facts.c.event_id).scalar_subquery(), "")
    if again.policy in ("after", "leaving"):
        earlier = select(func.count()).where(*_of_customer(campaign, facts)).scalar_subquery()
        return func.coalesce(cast(facts.c.n, String), cast(earlier, String))
    return literal("once", Words)


def _may_enter(again: Again, campaign: str, facts: Subquery) -> ColumnElement[bool]:
    if again.policy == "never":
        return ~_exists(campaign, facts)
    if again.policy == "after" and again.gap:
        return ~_exists(campaign, facts, later(enrolment.c.entered_at, again.gap.fixed()) > facts.c.at)
    if again.policy == "leaving":
        still_in = or_(enrolment.c.state == "in", enrolment.c.finished_at >= facts.c.at, enrolment.c.left_at >= facts.c.at)
        return ~_exists(campaign, facts, still_in)
    return true()


def _exists(campaign: str, facts: Subquery, *tests: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(enrolment.c.id).where(*_of_customer(campaign, facts), *tests).correlate(facts).exists()


def _of_customer(campaign: str, facts: Subquery) -> tuple[ColumnElement[bool], ...]:
    return enrolment.c.campaign == campaign, enrolment.c.customer_id == facts.c.customer_id
