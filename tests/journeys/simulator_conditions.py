"""The conditions of the simulator's worlds, judged for one customer, in a campaign perhaps for one enrolment of hers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.journeys.simulator_facts import Enrolment, Happening, Person
from tests.journeys.simulator_times import duration

Condition = Mapping[str, Any]


def holds(said: Condition, person: Person, now: datetime, enrolment: Enrolment | None = None) -> bool:
    if "any" in said:
        return any(holds(one, person, now, enrolment) for one in said["any"])
    if "not" in said:
        return not holds(said["not"], person, now, enrolment)
    if "attribute" in said:
        return bool(person.raw.get(said["attribute"]) == said["is"])
    return any(_is_asked(said, one, now, enrolment) for one in person.happenings if one.at <= now)


def _is_asked(said: Condition, one: Happening, now: datetime, enrolment: Enrolment | None) -> bool:
    """Whether an event of the past is what `{event: ..}` asks for."""
    if one.kind != said["event"]:
        return False
    if "in_last" in said and one.at < now - duration(said["in_last"]):
        return False
    if enrolment is None:
        return True
    if "since" in said and one.at < {"entered": enrolment.entered_at, "trigger": enrolment.trigger_at}[said["since"]]:
        return False
    return "same" not in said or _same(said["same"], one, enrolment.trigger)


def _same(name: str, one: Happening, trigger: Happening | None) -> bool:
    return trigger is not None and name in one.properties and one.properties[name] == trigger.properties.get(name)
