"""What a campaign file may say, but hardly means: told by `rapport check`, and no fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from crm_store.clock import local_instant
from crm_store.content.faults import Fault
from crm_store.journeys.campaign import Campaign
from crm_store.journeys.steps import Step, Wait


def campaign_hints(campaign: Campaign, now: datetime, zone: ZoneInfo) -> Iterator[Fault]:
    """Waits until a fixed date that is past, or that comes before another one on the same way. `zone`: the company's."""
    return _hints(campaign.course.tree, None, now, zone)


def _hints(steps: Sequence[Step], before: tuple[datetime, Wait] | None, now: datetime, zone: ZoneInfo) -> Iterator[Fault]:
    for step in steps:
        for arm in step.arms():
            yield from _hints(arm.steps, before, now, zone)
        at = _fixed(step, zone) if isinstance(step, Wait) else None
        if at is None or not isinstance(step, Wait):
            continue
        if at <= now:
            yield Fault(step.place, f"step '{step.name}' waits until {step.until}, which is past (if_past: {step.if_past})")
        elif before is not None and at <= before[0]:
            earlier = f"step '{before[1].name}' waits until {before[1].until}"
            yield Fault(step.place, f"step '{step.name}' waits until {step.until}, but {earlier} before it")
        before = (at, step)


def _fixed(step: Wait, zone: ZoneInfo) -> datetime | None:
    """The instant of a wait until a date of the calendar, as the company has it."""
    base = step.until.base if step.until else None
    if isinstance(base, datetime):
        return local_instant(base.date(), base.time(), zone)
    return local_instant(base, step.at or time(0), zone) if isinstance(base, date) else None
