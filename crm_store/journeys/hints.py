"""What a campaign file may say, but hardly means: told by `rapport check`, and no fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from crm_store.clock import local_instant
from crm_store.content.faults import Fault, Place
from crm_store.content.sources import CAMPAIGNS, Sources
from crm_store.journeys.campaign import Campaign
from crm_store.journeys.held import lines_of
from crm_store.journeys.steps import Step, Wait
from crm_store.journeys.triggers.event import EventTrigger
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.conditions.event import EventCondition
from crm_store.segmentation.conditions.logic import AnyOf
from crm_store.segmentation.times import ENROLMENT_ANCHORS


def campaign_hints(campaign: Campaign, now: datetime, zone: ZoneInfo) -> Iterator[Fault]:
    """Waits until a fixed date that is past, or that comes before another one on the same way (`zone`: the company's); an
    `exit_when` that whoever enters meets at once."""
    yield from _entry_hints(campaign)
    yield from _hints(campaign.course.tree, None, now, zone)


def copy_hints(campaigns: Iterable[str], sources: Sources) -> Iterator[Fault]:
    """Files that say the same under two names: whoever enters one enters the other, and gets everything twice."""
    first: dict[tuple[str, ...], str] = {}
    for name in sorted(campaigns):
        path = f"{CAMPAIGNS}/{name}.yaml"
        says = tuple(line for line in lines_of(sources.files[path]) if not line.startswith(_FOR_PEOPLE))
        if first.setdefault(says, name) != name:
            what = f"says the same as campaign '{first[says]}': whoever enters gets it all twice; change it, or remove one"
            yield Fault(Place(path, 1), what)


_FOR_PEOPLE = ("title:", "owner:", "status:")


def _entry_hints(campaign: Campaign) -> Iterator[Fault]:
    """An `exit_when` that the event which enters meets itself: nobody gets anything."""
    condition, trigger = campaign.exit_when, campaign.trigger
    parts = condition.parts() if isinstance(condition, AnyOf) else (condition,)
    if isinstance(trigger, EventTrigger) and any(_is_met_by(part, trigger.kind.name) for part in parts):
        what = f"`exit_when` counts the '{trigger.kind.name}' that enters too: everybody leaves at once"
        yield Fault(campaign.course.steps[0].place, f"{what}; say `count: {{at_least: 2}}`, or another event")


def _is_met_by(condition: Condition | None, kind: str) -> bool:
    """Whether one such event, at the moment of entry, is enough for it."""
    if not isinstance(condition, EventCondition) or kind not in condition.rows.kinds or condition.measure is not None:
        return False
    rows, window = condition.rows, condition.rows.window
    is_filtered = rows.among or rows.filters or rows.silence
    return not is_filtered and (window is None or (window.word == "since" and str(window.operand) in ENROLMENT_ANCHORS))


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
