"""wait: for so long, until a moment, until a local time, on certain days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import ClassVar

from crm_store.content.literals import WEEKDAYS, Duration, Moment
from crm_store.journeys.steps.base import Step


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

    def sentence(self) -> str:
        said = [f"wait {self.span}" if self.span else f"wait until {self.until}" if self.until else "wait"]
        said += [f"on {' or '.join(WEEKDAYS[day] for day in self.days)}"] if self.days else []
        said += [f"at {self.at:%H:%M} of the customer's local time"] if self.at else []
        said += [f"if that is past: {self.if_past}"] if self.until else []
        return ", ".join(said)
