"""What a set of campaigns will never, or hardly ever, send because of the caps: said by `rapport check`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crm_store.content.settings import Settings
from crm_store.journeys.campaign import Campaign
from crm_store.journeys.frequency import most_within
from crm_store.journeys.triggers.schedule import ScheduleTrigger
from crm_store.restraint.caps import Cap


def starving_hints(campaigns: Mapping[str, Campaign], settings: Settings) -> list[str]:
    """A line for each campaign that caps itself, and for each that another leaves no room for."""
    running = [one for one in campaigns.values() if one.status == "live" and not one.is_service]
    return [hint for one in running for hint in (*_caps_itself(one, settings), *_left_nothing(one, running, settings))]


def _caps(one: Campaign, settings: Settings) -> tuple[Cap, ...]:
    return one.restraint.caps_of(settings.caps, one.topic, one.channel)


def _caps_itself(one: Campaign, settings: Settings) -> Iterator[str]:
    for cap in _caps(one, settings):
        mails = most_within(one.course, cap.per)
        if len(mails) > cap.at_most:
            what = f"campaign '{one.name}' may send one customer {len(mails)} mails per {cap.written} ({', '.join(mails)})"
            end = "wait for room, until their expiry" if _waits(one) else "are never sent"
            yield f"{what}, and she gets {cap}: the last {end}; let it wait longer between them"


def _left_nothing(one: Campaign, campaigns: list[Campaign], settings: Settings) -> Iterator[str]:
    """Schedules of a higher priority that go to everybody, and take all the room there ever is: what comes once, or with
    gaps, leaves room."""
    for cap in _caps(one, settings):
        for other in campaigns:
            trigger = other.trigger
            if not isinstance(trigger, ScheduleTrigger) or other.audience is not None or not _goes_first(other, one):
                continue
            taken = trigger.schedule.always_within(cap.per) if cap.is_about(other.topic, other.channel) else 0
            if taken >= cap.at_most:
                end = "wait for room, most often until its expiry" if _waits(one) else "hardly ever be sent"
                what = f"campaign '{one.name}' (priority {one.restraint.priority}) will {end}"
                first = f"'{other.name}' (priority {other.restraint.priority}) takes {taken} per {cap.written} of everybody"
                yield f"{what}: {first}, and she gets {cap}"


def _waits(one: Campaign) -> bool:
    return one.restraint.when_capped == "wait"


def _goes_first(other: Campaign, one: Campaign) -> bool:
    return other.name != one.name and other.restraint.priority > one.restraint.priority
