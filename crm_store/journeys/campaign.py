"""A campaign as it is checked: every kind compiles to this one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from crm_store.content.literals import Duration, Moment, Money, Rate
from crm_store.journeys.purpose import SERVICE, Purpose
from crm_store.journeys.running import ALWAYS, Runs
from crm_store.restraint.policy import USUAL, Policy
from crm_store.segmentation.conditions.base import Condition

if TYPE_CHECKING:
    from crm_store.journeys.again import Again
    from crm_store.journeys.course import Course
    from crm_store.journeys.example import CampaignExample
    from crm_store.journeys.goal import Goal
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
    purpose: Purpose
    channel: str
    sender: str
    trigger: Trigger
    again: Again
    audience: Condition | None
    exit_when: Condition | None
    late: Late
    offers: Mapping[str, OfferTerms]
    course: Course
    limit: Rate | None = None
    runs: Runs = ALWAYS
    goal: Goal | None = None
    hold_out: Decimal = Decimal(0)  # percent
    restraint: Policy = USUAL
    changes: str = "pin"
    was: str | None = None
    examples: tuple[CampaignExample, ...] = ()

    @property
    def topic(self) -> str | None:
        """What it needs consent to; None: to nothing, it is service."""
        return self.purpose.topic

    @property
    def is_service(self) -> bool:
        return self.purpose.word == SERVICE

    @property
    def begins_at_once(self) -> bool:
        """Whether its first steps are done in the transaction that writes the event which enters."""
        return self.trigger.at_once and self.course.tree[0].at_once()

    def segments(self) -> set[str]:
        """The names of the segments its conditions and trigger refer to."""
        return {name for condition in self.conditions() for name in condition.segments()} | set(self.trigger.segments())

    def conditions(self) -> list[Condition]:
        """All that it asks, at entry, under way and at its steps."""
        found = [condition for condition in (self.audience, self.exit_when) if condition]
        return [*found, *(condition for step in self.course.steps for condition in step.conditions())]
