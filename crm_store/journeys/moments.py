"""Moments that steps and offers count from: how files say them, and SQL on the enrolment for when they are.

Besides days of the calendar: `entered`, `trigger`, the occasion's own date, dates of the customer, her first or last event,
an earlier step, the end of a code. What is not known is NULL.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, cast, func, select

from crm_store.calendar import at_local_time, shifted, shifted_day, zone_of
from crm_store.clock import EPOCH
from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.literals import Moment, read_moment
from crm_store.content.nodes import Node
from crm_store.journeys.reading import Reading
from crm_store.journeys.triggers.date import DateTrigger
from crm_store.schema import customer, enrolment, event
from crm_store.schema.types import Words
from crm_store.segmentation.anchors import AttributeAnchor, EventAnchor, OfferAnchor, StepAnchor, resolved
from crm_store.segmentation.attributes import stored_value
from crm_store.segmentation.language import Scope
from crm_store.segmentation.times import OF_COURSE, course_anchor

if TYPE_CHECKING:
    from crm_store.journeys.context import Runnable
    from crm_store.journeys.triggers import Trigger

Column = ColumnElement[Any]
ENTRY = ("entered", "trigger")


def read_own_moment(node: Node, reading: Reading) -> Moment:
    """A moment that may be the enrolment's own, its anchor looked up. Raises Fault."""
    moment = read_moment(node)
    own = own_date(reading.trigger)
    if moment.anchor is None or moment.anchor in (*ENTRY, own) or reading.trigger is None:
        return _checked(moment, node, moment.anchor is not None and moment.anchor == own)
    if (said := OF_COURSE.fullmatch(moment.anchor)) is not None:
        return replace(moment, base=course_anchor(said, node, reading.of_enrolments))
    found = resolved(replace(moment, shift=None), node, reading.language.vocabulary, of_dates=False)
    if found is None:
        known = [*ENTRY, *([own] if own else []), *reading.language.vocabulary.attributes]
        hint = (
            did_you_mean(moment.anchor, known) or "; write e.g. 2026-12-24, 3 days after entered, or 1 day before birthday"
        )
        raise Fault(node.place, f"'{moment}' is not a moment known here{hint}")
    return _checked(replace(moment, base=found.base), node, is_day(found))


def _checked(moment: Moment, node: Node, of_day: bool) -> Moment:
    if of_day and moment.shift and not moment.shift.in_days:
        raise Fault(node.place, f"'{moment}': dates have no hours; use days, and `at` for the time")
    return moment


def own_date(trigger: Trigger | None) -> str | None:
    """The anchor that is the enrolment's own occurrence."""
    return trigger.moment.anchor if isinstance(trigger, DateTrigger) else None


def is_day(moment: Moment) -> bool:
    """Whether it is a date of the customer's, which needs a time of day."""
    return isinstance(moment.base, AttributeAnchor) and moment.base.attribute.type == "date"


def may_be_missing(moment: Moment) -> bool:
    return isinstance(moment.base, (AttributeAnchor, EventAnchor, StepAnchor, OfferAnchor))


def own_moment(moment: Moment, at: time | None, base: Column, version: Runnable) -> Column | None:
    """SQL on the enrolment for when a moment with an anchor of the enrolment's or the customer's is; None for another.

    Events count up to `base`. `at`: the time of day of a date.
    """
    where = zone_of(enrolment.c.customer_id, version.settings.company.zone.key)
    anchor = moment.base
    if isinstance(anchor, AttributeAnchor) and is_day(moment):
        day = shifted_day(cast(stored_value(anchor.attribute), Words), moment.shift, moment.sign)
        return at_local_time(_of_customer(day), at or time(0), where)
    instant = _instant(moment, base, version)
    return None if instant is None else shifted(instant, moment.shift, moment.sign, where)


def _instant(moment: Moment, base: Column, version: Runnable) -> Column | None:
    # No anchor here looks at the scope's `now`.
    anchor, scope = moment.base, Scope(EPOCH, version.settings.company.zone, {}, enrolment=enrolment)
    if moment.anchor in ENTRY:
        return enrolment.c.entered_at if moment.anchor == "entered" else enrolment.c.trigger_at
    if isinstance(anchor, EventAnchor):
        choose = func.min if anchor.which == "first" else func.max
        of_kind = event.c.kind == anchor.kind, event.c.customer_id == enrolment.c.customer_id, event.c.at <= base
        return select(choose(event.c.at)).where(*of_kind).correlate(enrolment).scalar_subquery()
    if isinstance(anchor, AttributeAnchor):
        return _of_customer(anchor.instant(scope))
    return anchor.instant(scope) if isinstance(anchor, (StepAnchor, OfferAnchor)) else None


def _of_customer(value: Column) -> Column:
    whose = customer.c.id == enrolment.c.customer_id
    return select(value).where(whose).correlate(enrolment).scalar_subquery()
