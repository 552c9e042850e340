"""The last look at a touch: which gates bar it, and what pauses do to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from tests.journeys.simulator_conditions import holds
from tests.journeys.simulator_facts import Enrolment, Pause, Touch

Gate = Callable[[Enrolment, Touch, datetime], bool]


def is_late(touch: Touch, now: datetime) -> bool:
    return touch.due_at + touch.campaign.late < now


def keeps_back(touch: Touch, person_pauses: list[Pause], now: datetime) -> list[Pause]:
    """The pauses that a touch has to wait for: those it fell into when it was due, and those of now, unless it is too late
    for them to matter. Whoever looks late finds what somebody in time has found."""
    topic = touch.campaign.said.get("topic")
    if topic is None or touch.is_task:
        return []
    gone = touch.campaign.when_late == "skip" and is_late(touch, now)
    about = [one for one in person_pauses if one.topic in (None, topic) and one.since <= now and touch.due_at < one.end]
    return [one for one in about if one.since <= touch.due_at or (now <= one.end and not gone)]


def put_off(touch: Touch, pauses: list[Pause], now: datetime) -> None:
    """To the end of the pauses, or for who might still lift one until it expires; else it ends here."""
    lasts = any(one.lifts is None and one.end >= touch.expires_at for one in pauses)
    if lasts or touch.expires_at <= now:
        touch.end("skipped", "paused")
    else:
        touch.due_at, touch.reason = min(max(one.end for one in pauses), touch.expires_at), "paused"


def lift(pause: Pause, touch: Touch, now: datetime) -> None:
    """What was put off to the end of a pause that is over is due."""
    about = touch.reason == "paused" and pause.topic in (None, touch.campaign.said.get("topic"))
    if touch.state == "due" and about and touch.due_at == min(pause.until, touch.expires_at):
        touch.due_at, touch.reason = now, None


def _late(enrolment: Enrolment, touch: Touch, now: datetime) -> bool:
    return touch.campaign.when_late == "skip" and is_late(touch, now)


def _not_in_audience(enrolment: Enrolment, touch: Touch, now: datetime) -> bool:
    audience = touch.campaign.said.get("audience")
    return audience is not None and not holds(audience, enrolment.person, now)


def _no_address(enrolment: Enrolment, touch: Touch, now: datetime) -> bool:
    return not touch.is_task and not enrolment.person.raw.get("email")


def _suppressed(enrolment: Enrolment, touch: Touch, now: datetime) -> bool:
    return not touch.is_task and enrolment.person.suppressed(now)


def _without_consent(enrolment: Enrolment, touch: Touch, now: datetime) -> bool:
    topic = touch.campaign.said.get("topic")
    return topic is not None and not touch.is_task and not enrolment.person.consented(topic, now)


BEFORE_PAUSES: Mapping[str, Gate] = {"hold_out": lambda enrolment, touch, now: enrolment.held_out}
BARS: Mapping[str, Gate] = {
    "expired": lambda enrolment, touch, now: touch.expires_at <= now,
    "late": _late,
    "audience": _not_in_audience,
    "no_address": _no_address,
    "suppressed": _suppressed,
    "no_consent": _without_consent,
}
