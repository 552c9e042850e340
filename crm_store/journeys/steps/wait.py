"""wait: for so long, until a moment, until a local time, on certain days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sqlalchemy import case, literal, null

from crm_store.content.faults import Fault, did_you_mean, every
from crm_store.content.fields import Fields, items, one_of, sure
from crm_store.content.literals import WEEKDAYS, Duration, Moment, read_duration, read_moment, read_time
from crm_store.content.nodes import Node, Scalar
from crm_store.journeys.reading import Reading
from crm_store.journeys.steps.base import Column, Head, Step
from crm_store.journeys.triggers.date import DateTrigger
from crm_store.journeys.waiting import wait_ends
from crm_store.schema import enrolment
from crm_store.schema.types import Words

if TYPE_CHECKING:
    from crm_store.journeys.triggers import Trigger
    from crm_store.journeys.turn import Turn


@dataclass(frozen=True)
class Wait(Step):
    """Counts from the instant the step before was due, so that running late moves nothing."""

    verb: ClassVar = "wait"
    help: ClassVar = "{for: D, until: MOMENT, at: TIME, days: DAYS, if_past: skip|go_on|exit}, or a duration alone"
    span: Duration | None = None
    until: Moment | None = None
    at: time | None = None
    days: tuple[int, ...] = ()  # weekdays, Monday is 0
    if_past: str = "skip"

    @classmethod
    def read(cls, fields: Fields, head: Head, reading: Reading) -> Self:
        wait = fields.need("wait", lambda value: cls._said(value, head, reading))
        fields.close()
        return sure(wait)

    @classmethod
    def _said(cls, node: Node, head: Head, reading: Reading) -> Self:
        if isinstance(node, Scalar):
            return cls(head.name, head.place, span=_span(node), was=head.was)
        fields = Fields(node, reading.language.faults, "'wait'")
        span = fields.maybe("for", _span)
        until = fields.maybe("until", lambda value: _until(value, reading.trigger))
        at = fields.maybe("at", read_time)
        days = fields.several("days", _weekdays)
        if_past = fields.get("if_past", one_of("skip", "go_on", "exit"), "skip")
        _check_parts(fields, span, until, at)
        fields.close()
        return cls(head.name, head.place, span, until, _time_of(until, at, reading.trigger), days, if_past, was=head.was)

    def come(self, turn: Turn, ids: Sequence[int], base: Column) -> dict[str, Any]:
        ends = wait_ends(turn.conn, self, base, ids, turn.version)
        values: dict[str, Any] = {"next_at": ends.at, "past": False}
        if ends.past is None or self.if_past == "go_on":
            return values
        if self.if_past == "skip":
            return {**values, "past": ends.past}
        return {
            **values,
            "state": case((ends.past, literal("left", Words)), else_=enrolment.c.state),
            "reason": case((ends.past, literal("past", Words)), else_=null()),
            "left_at": case((ends.past, base), else_=null()),
        }

    def sentence(self) -> str:
        said = [f"wait {self.span}" if self.span else f"wait until {self.until}" if self.until else "wait"]
        said += [f"on {' or '.join(WEEKDAYS[day] for day in self.days)}"] if self.days else []
        said += [f"at {self.at:%H:%M} of the customer's local time"] if self.at else []
        said += [f"if that is past: {self.if_past}"] if self.until else []
        return ", ".join(said)


def _check_parts(fields: Fields, span: Duration | None, until: Moment | None, at: time | None) -> None:
    if fields.has("for") and fields.has("until"):
        fields.fault(fields.place_of("until"), "'for' and 'until' exclude each other; keep one")
    if not any(fields.has(key) for key in ("for", "until", "at")):
        fields.fault(fields.place, "'wait' needs one of 'for', 'until', 'at'")
    if fields.has("days") and at is None:
        fields.fault(fields.place_of("days"), "'days' needs 'at', the time of day on those days")
    if fields.has("if_past") and not fields.has("until"):
        fields.fault(fields.place_of("if_past"), "'if_past' goes with 'until' only")
    if until is not None and isinstance(until.base, datetime) and at is not None:
        fields.fault(fields.place_of("at"), f"'{until}' has a time of day already; take 'at' out")
    if until is not None and fields.has("days"):
        fields.fault(fields.place_of("days"), "'days' goes with 'for' and 'at', not with 'until'")
    if span is not None and span.is_calendar:
        fields.fault(fields.place_of("for"), f"'{span}': months and years are not built yet here; use days")


def _span(node: Node) -> Duration:
    duration = read_duration(node)
    if duration.is_calendar:
        raise Fault(node.place, f"'{duration}': months and years are not built yet here; use days")
    return duration


def _until(node: Node, trigger: Trigger | None) -> Moment:
    """A fixed moment, or one counted from `entered`, `trigger` or the occasion's own date."""
    moment = read_moment(node)
    if trigger is None:
        return moment
    own = trigger.moment.anchor if isinstance(trigger, DateTrigger) else None
    known = [anchor for anchor in ("entered", "trigger", own) if anchor]
    if moment.anchor is not None and moment.anchor not in known:
        raise Fault(node.place, f"'{moment}' is not built yet or not known here{did_you_mean(moment.anchor, known)}")
    if moment.anchor in ("entered", "trigger") and moment.shift and moment.shift.is_calendar:
        raise Fault(node.place, f"'{moment}': months and years are not built yet here; use days")
    return moment


def _time_of(until: Moment | None, at: time | None, trigger: Trigger | None) -> time | None:
    """A day needs a time: the occasion's own unless said, else midnight."""
    dated = until is not None and not isinstance(until.base, datetime) and until.anchor not in ("entered", "trigger")
    if at is not None or not dated:
        return at
    return trigger.at if isinstance(trigger, DateTrigger) else time(0)


def _weekdays(node: Node) -> tuple[int, ...]:
    return every(lambda item: WEEKDAYS.index(one_of(*WEEKDAYS)(item)), items(node))
