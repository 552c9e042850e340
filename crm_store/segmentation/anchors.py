"""Moments that differ from customer to customer: a date of hers, the first or last of her events.

They are SQL over the `customer` row of the outer query, NULL where there is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, Select, func, select

from crm_store import calendar
from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.literals import Anchor, Moment
from crm_store.content.nodes import Node
from crm_store.content.vocabulary import Attribute, Vocabulary
from crm_store.dialect import DaysLater, day_start, instant_of_text
from crm_store.schema import customer, event, offer, touch, zone
from crm_store.segmentation.attributes import stored_value

if TYPE_CHECKING:
    from crm_store.segmentation.language import Scope

Column = ColumnElement[Any]
_EVENT = re.compile(r"(first|last) ([\w-]+)")


@dataclass(frozen=True)
class AttributeAnchor(Anchor):
    """A date or an instant that is known of the customer. A date begins when the day does where she is."""

    attribute: Attribute

    def instant(self, scope: Scope) -> Column:
        if self.attribute.type == "instant":
            return instant_of_text(stored_value(self.attribute))
        return day_start(stored_value(self.attribute), _zone(scope))

    def day(self, days: int) -> Column:
        """ISO text of the date, so many days later."""
        return DaysLater(stored_value(self.attribute), days)


@dataclass(frozen=True)
class EventAnchor(Anchor):
    """The customer's first or last event of a kind, up to now."""

    kind: str
    which: str

    def instant(self, scope: Scope) -> Column:
        choose = func.min if self.which == "first" else func.max
        own = event.alias()
        found = select(choose(own.c.at)).where(own.c.kind == self.kind, own.c.at <= scope.now)
        return found.where(own.c.customer_id == customer.c.id).correlate(customer).scalar_subquery()


@dataclass(frozen=True)
class StepAnchor(Anchor):
    """When a step of this enrolment was due that writes to the customer, or to somebody about her."""

    step: str

    def instant(self, scope: Scope) -> Column:
        own = touch.alias()
        return _of_enrolment(select(own.c.due_at).where(own.c.step == self.step), own, scope)


@dataclass(frozen=True)
class OfferAnchor(Anchor):
    """When this enrolment's code ends."""

    offer: str

    def instant(self, scope: Scope) -> Column:
        own = offer.alias()
        return _of_enrolment(select(own.c.valid_until).where(own.c.name == self.offer), own, scope)


def _of_enrolment(found: Select[Any], own: FromClause, scope: Scope) -> Column:
    if scope.enrolment is None:
        raise LookupError("an enrolment is known in campaigns only")
    return found.where(own.c.enrolment_id == scope.enrolment.c.id).correlate(scope.enrolment).scalar_subquery()


def _zone(scope: Scope) -> Column:
    """The name of the customer's zone."""
    own = select(func.coalesce(zone.c.name, scope.company_zone.key)).where(zone.c.id == customer.c.zone_id)
    return own.correlate(customer).scalar_subquery()


Relative = AttributeAnchor | EventAnchor | StepAnchor | OfferAnchor
_RELATIVE = (AttributeAnchor, EventAnchor, StepAnchor, OfferAnchor)


def shifted(moment: Moment, base: Column, scope: Scope) -> Column:
    """The instant so much before or after the anchor; months and years are those of the customer's calendar."""
    return calendar.shifted(base, moment.shift, moment.sign, _zone(scope))


def shift_in_days(moment: Moment) -> int:
    return (moment.shift.fixed() * moment.sign).days if moment.shift else 0


def resolved(moment: Moment, node: Node, vocabulary: Vocabulary, of_dates: bool) -> Moment | None:
    """The moment with its anchor looked up, None if no word of the vocabulary names it. Raises a Fault."""
    anchor = _look_up(str(moment.anchor), node, vocabulary)
    if anchor is None:
        return None
    if of_dates and not (isinstance(anchor, AttributeAnchor) and anchor.attribute.type == "date"):
        raise Fault(node.place, f"'{moment}' is an instant; a date is compared with dates")
    if moment.shift and moment.shift.is_calendar:
        raise Fault(node.place, f"'{moment}': months and years differ in length; count days from there")
    return replace(moment, base=anchor)


def event_anchor(name: str, node: Node, vocabulary: Vocabulary) -> EventAnchor | None:
    """`first order` or `last order`, None for what is not said so. Raises a Fault."""
    match = _EVENT.fullmatch(name)
    if match is None:
        return None
    if match[2] not in vocabulary.events:
        hint = did_you_mean(match[2], vocabulary.events)
        raise Fault(node.place, f"event '{match[2]}' is not known in config/vocabulary.yaml{hint}")
    return EventAnchor(name, match[2], match[1])


def _look_up(name: str, node: Node, vocabulary: Vocabulary) -> Relative | None:
    found = event_anchor(name, node, vocabulary)
    if found is not None:
        return found
    attribute = vocabulary.attributes.get(name)
    if attribute is not None and attribute.type == "yearly":
        raise Fault(node.place, f"'{name}' comes every year; name a date or 'first order'")
    return AttributeAnchor(name, attribute) if attribute and attribute.type in ("date", "instant") else None


def is_relative(moment: object) -> bool:
    """Whether it differs from customer to customer."""
    return isinstance(moment, Moment) and (isinstance(moment.base, _RELATIVE) or bool(moment.gaps))


def edge_of(moment: Moment, scope: Scope) -> Column | datetime:
    """The instant of a relative moment; usual gaps are those the scope was given."""
    if moment.gaps:
        if scope.usual_gap is None:
            raise LookupError("usual gaps are known on events only")
        return scope.gaps_ago(moment.gaps)
    if not isinstance(moment.base, _RELATIVE):
        raise LookupError(f"{moment} is the same for everybody")
    return shifted(moment, moment.base.instant(scope), scope)
