"""wait: for so long, until a moment, until a local time, on certain days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sqlalchemy import Connection, Select, case, false, func, literal, null, or_, type_coerce
from sqlalchemy import cast as sql_cast

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, one_of, sure
from crm_store.content.literals import WEEKDAYS, Duration, Moment, read_duration, read_time
from crm_store.content.nodes import Node, Scalar
from crm_store.content.working import weekdays
from crm_store.journeys.anew import corrected, corrected_by, move_occurrences, wait_anew
from crm_store.journeys.moments import is_day, may_be_missing, own_date, read_own_moment
from crm_store.journeys.reading import Reading
from crm_store.journeys.steps.base import Column, Head, Step
from crm_store.journeys.triggers.date import DateTrigger
from crm_store.journeys.waiting import wait_ends
from crm_store.schema import enrolment
from crm_store.schema.types import Instant, Words

if TYPE_CHECKING:
    from crm_store.journeys.campaign import Campaign
    from crm_store.journeys.context import Runnable
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
    can_fail: ClassVar = True

    @classmethod
    def read(cls, fields: Fields, head: Head, reading: Reading) -> Self:
        beside = [key for key in ("for", "until", "at", "days", "if_past") if fields.has(key)]
        if beside:
            raise Fault(fields.place_of(beside[0]), f"'{beside[0]}' goes inside: `wait: {{for: 2 days, at: \"09:00\"}}`")
        wait = fields.need("wait", lambda value: cls._said(value, head, reading))
        fields.close()
        return sure(wait)

    @classmethod
    def _said(cls, node: Node, head: Head, reading: Reading) -> Self:
        if isinstance(node, Scalar):
            _refuse_on_error(head, None)
            return cls(head.name, head.place, span=read_duration(node), was=head.was)
        fields = Fields(node, reading.language.faults, "'wait'")
        span = fields.maybe("for", read_duration)
        until = fields.maybe("until", lambda value: read_own_moment(value, reading))
        at = fields.maybe("at", read_time)
        days = fields.several("days", weekdays)
        if_past = fields.get("if_past", one_of("skip", "go_on", "exit"), "skip")
        _check_parts(fields, span, until, at)
        fields.close()
        _refuse_on_error(head, until)
        said = span, until, _time_of(until, at, reading.trigger), days, if_past
        return cls(head.name, head.place, *said, was=head.was, on_error=head.on_error)

    def come(self, turn: Turn, ids: Sequence[int], base: Column) -> dict[str, Any]:
        move_occurrences(turn, self, ids)
        ends = wait_ends(turn.conn, self, base, ids, turn.version)
        past = false() if ends.past is None else func.coalesce(ends.past, false())
        leaving: list[tuple[Column, str]] = [(past, "past")] if self.if_past == "exit" else []
        leaving += [(ends.at.is_(None), "failed")] if self.on_error == "stop" else []
        values: dict[str, Any] = {
            "next_at": ends.at if ends.past is None else type_coerce(func.coalesce(ends.at, base), Instant()),
            "past": past if self.if_past == "skip" else false(),
        }
        if not leaving:
            return values
        any_of = or_(*(test for test, _ in leaving))
        reasons = case(*((test, literal(reason, Words)) for test, reason in leaving), else_=sql_cast(null(), Words))
        return {
            **values,
            "state": case((any_of, literal("left", Words)), else_=enrolment.c.state),
            "reason": reasons,
            "left_at": case((any_of, base), else_=null()),
        }

    def may_be_corrected(self, campaign: Campaign) -> bool:
        return bool(corrected_by(self, campaign.trigger))

    def corrected(self, conn: Connection, version: Runnable, customers: Sequence[int] | None) -> Select[Any]:
        return corrected(version, self, customers)

    def correct(self, turn: Turn, ids: Sequence[int]) -> None:
        wait_anew(turn, self, ids)

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


def _refuse_on_error(head: Head, until: Moment | None) -> None:
    if head.on_error == "stop" and not (until is not None and may_be_missing(until)):
        raise Fault(head.place, "this wait can't fail; 'on_error' goes with `until` a moment that may be missing")


def _time_of(until: Moment | None, at: time | None, trigger: Trigger | None) -> time | None:
    """A day needs a time: the occasion's own unless said, else midnight."""
    if at is not None or until is None or not _is_dated(until, trigger):
        return at
    return trigger.at if isinstance(trigger, DateTrigger) else time(0)


def _is_dated(until: Moment, trigger: Trigger | None) -> bool:
    own = until.anchor is not None and until.anchor == own_date(trigger)
    return own or is_day(until) or until.is_date
