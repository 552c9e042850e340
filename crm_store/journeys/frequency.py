"""How often a campaign may write to one customer: a repeating event needs a limit, and a day has room for so many mails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from crm_store.content.fields import Fields
from crm_store.content.literals import Rate
from crm_store.content.settings import Settings
from crm_store.journeys.again import Again
from crm_store.journeys.course import Arm, Course
from crm_store.journeys.steps import Exit, Send, Step, Wait, WaitFor
from crm_store.journeys.triggers import Trigger
from crm_store.journeys.triggers.event import EventTrigger

_DAY = timedelta(days=1)
_MONTH = timedelta(days=28)  # the shortest

# The mails of the time that is looked at, on a way through the steps: (name, how long ago at least).
Recent = tuple[tuple[str, timedelta], ...]


def check_frequency(
    fields: Fields, trigger: Trigger | None, again: Again, limit: Rate | None, course: Course | None, settings: Settings
) -> None:
    """Fault a limit that is missing or means nothing, and a campaign that could send a customer too many mails a day."""
    if trigger is None:
        return
    if limit is not None and trigger.of_everybody:
        fields.fault(fields.place_of("limit"), "a broadcast comes as often as its time says; take `limit` out")
    elif limit is None and _repeats(trigger) and again.enters_often():
        what = f"'{again}' lets every such event in, and it happens repeatedly; say how often a customer may enter"
        fields.fault(fields.place_of("again"), f"{what}, e.g. `limit: 2 per 7 days`")
    elif course is not None:
        _check_day(fields, _entries_a_day(trigger, again, limit), course, settings.mails_a_day)


def _repeats(trigger: Trigger) -> bool:
    return isinstance(trigger, EventTrigger) and trigger.kind.happens != "once"


def _entries_a_day(trigger: Trigger, again: Again, limit: Rate | None) -> tuple[int, str]:
    """How often a customer may enter within a day, and why, in words."""
    if limit is not None:
        return limit.a_day, f"limit: {limit}"
    if again.gap is not None and not again.gap.is_calendar:
        return Rate(1, again.gap).a_day, f"again: {again}"
    return trigger.a_day() or 1, f"entered by {trigger.sentence()}"


def _check_day(fields: Fields, entries: tuple[int, str], course: Course, most: int) -> None:
    count, why = entries
    mails = most_within(course, _DAY)
    if count * len(mails) <= most:
        return
    key = "limit" if fields.has("limit") else "enter" if count > 1 else "steps"
    sums = f"{count} {'entry' if count == 1 else 'entries'} a day ({why}) x {len(mails)} mails within 24 hours"
    fields.fault(
        fields.place_of(key),
        f"could send one customer {count * len(mails)} mails a day: {sums} ({', '.join(mails)}); {most} are allowed "
        "(mails_a_day in config/rapport.yaml); let fewer in, or wait longer between mails",
    )


def most_within(course: Course, span: timedelta) -> list[str]:
    """The names of the most touches that one way through the steps may write within so much time."""
    found: set[Recent] = {()}
    _Walk(span, found).along(course.tree, {()})
    return [name for name, _ in max(sorted(found), key=len)]


@dataclass(frozen=True)
class _Walk:
    """Goes every way through the steps. `found` gets all touches that lie within a span of another, as they come up."""

    span: timedelta
    found: set[Recent]

    def along(self, steps: Sequence[Step], ways: set[Recent]) -> set[Recent]:
        """Every way on from these through the steps."""
        for step in steps:
            if isinstance(step, Exit):
                return set()
            if isinstance(step, Send):  # a task is no mail
                ways = {(*way, (step.name, timedelta(0))) for way in ways}
            elif isinstance(step, Wait):
                ways = {self._later(way, _least(step)) for way in ways}
            self.found.update(ways)
            arms = step.arms()
            if arms:
                ways = {way for arm in arms for way in self.along(arm.steps, self._into(step, arm, ways))}
        return ways

    def _into(self, step: Step, arm: Arm, ways: set[Recent]) -> set[Recent]:
        """Into `otherwise` of a `wait_for` one comes when its time is up."""
        waited = step.at_most if isinstance(step, WaitFor) and arm == step.arms()[-1] else timedelta(0)
        return {self._later(way, waited) for way in ways}

    def _later(self, way: Recent, elapsed: timedelta) -> Recent:
        return tuple((name, ago + elapsed) for name, ago in way if ago + elapsed < self.span)


def _least(wait: Wait) -> timedelta:
    """How long it takes at least. A moment of the calendar is taken to be another day's."""
    if wait.span is not None:
        return _MONTH if wait.span.is_calendar else wait.span.fixed()
    return _DAY if wait.until is not None else timedelta(0)
