"""`changes: follow`: somebody under way goes over to another version of her campaign, to the same step or the next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tests.journeys.simulator_facts import Campaign, Enrolment
from tests.journeys.simulator_splits import draw
from tests.journeys.simulator_steps import WAITS, Step, follow, found, go, verb_of

Course = Mapping[str, tuple[Step, "str | None"]]


def course(campaign: Campaign) -> Course:
    """Every step by its name, with what follows it."""
    return {step["name"]: (step, following) for step, following in follow(campaign.said["steps"])}


def splits(campaign: Campaign) -> list[Step]:
    return [step for step, _ in course(campaign).values() if "split" in step]


def move_over(one: Enrolment, newest: Campaign, now: datetime) -> None:
    before, after, turn_at = course(one.campaign), course(newest), one.turn_at
    step, _ = found(one)
    to, at = _destination(step["name"], before, after), one.touches[step["name"]].due_at if turn_at is None else turn_at
    one.campaign, one.aims = newest, one.goal is None
    for split in splits(newest):
        draw(one, split)
    if to != step["name"]:
        go(one, to, at if to is not None else min(at, now))
    elif turn_at is not None and any(verb in step for verb in WAITS):
        _wait_anew(one, turn_at, now)


def _destination(name: str | None, before: Course, after: Course) -> str | None:
    """The step of that name and verb, else the first that follows in the old version and is still there."""
    while name is not None:
        step, following = before[name]
        if name in after and verb_of(after[name][0]) == verb_of(step):
            return name
        name = following
    return None


def _wait_anew(one: Enrolment, turn_at: datetime, now: datetime) -> None:
    """As long as the new version says, from when she came; what is over by that ends with the change."""
    assert one.at is not None
    go(one, one.step, one.at)
    if one.turn_at is not None and one.turn_at < now <= turn_at:
        one.turn_at = now
