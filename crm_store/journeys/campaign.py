"""A campaign as it is checked: every kind compiles to this one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from crm_store.content.literals import Duration, Moment, Money
from crm_store.segmentation.conditions.base import Condition

if TYPE_CHECKING:
    from crm_store.journeys.again import Again
    from crm_store.journeys.steps import Step
    from crm_store.journeys.triggers import Trigger

STATUSES = ("draft", "live", "paused", "ended")


@dataclass(frozen=True)
class Late:
    """How late something may run: the gap between the instant due and now. After it: skip, send, or ask a person."""

    within: timedelta = timedelta(hours=12)
    otherwise: str = "skip"


@dataclass(frozen=True)
class OfferTerms:
    """What a code is worth. `benefit` is one of discount (percent), money off, an item, a gift.

    `code` None means a unique code for each enrolment, else this text for all. `valid`: for so long after it is issued,
    or until the end of that day.
    """

    name: str
    percent: Decimal | None = None
    money: Money | None = None
    item: str | None = None
    gift: str | None = None
    code: str | None = None
    valid: Duration | Moment | None = None


@dataclass(frozen=True)
class Campaign:
    """Everything a campaign file says, with its defaults."""

    name: str
    kind: str
    title: str
    owner: str | None
    status: str
    when_ended: str
    topic: str
    channel: str
    sender: str
    trigger: Trigger
    again: Again
    audience: Condition | None
    exit_when: Condition | None
    late: Late
    offers: Mapping[str, OfferTerms]
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)

    def after(self, name: str) -> Step | None:
        """The step after that one, None at the end."""
        names = [step.name for step in self.steps]
        following = self.steps[names.index(name) + 1 :]
        return following[0] if following else None

    def segments(self) -> set[str]:
        """The names of the segments its conditions and trigger refer to."""
        conditions = [condition for condition in (self.audience, self.exit_when) if condition]
        return {name for condition in conditions for name in condition.segments()} | set(self.trigger.segments())
