"""When the moments are that waits and tasks are for. What nobody knows is None."""

from __future__ import annotations

from datetime import date, datetime

from tests.journeys.simulator_facts import COMPANY_ZONE, Enrolment
from tests.journeys.simulator_times import clock, comes_round, later, local, next_local, shift_day, shifted


def moment(enrolment: Enrolment, until: str, at: str | None, base: datetime) -> datetime | None:
    """As far as is known at `base`. `at`: the time of day, else of a day that of the occasion, or midnight."""
    zone, (anchor, count, unit, sign) = enrolment.person.zone, shifted(until)
    if anchor[0].isdigit() and " " in anchor:
        written = datetime.fromisoformat(anchor)
        return local(written.date(), written.time(), COMPANY_ZONE)
    if is_day(anchor):
        day = day_of(enrolment, anchor)
        enter = enrolment.campaign.said["enter"]
        usual = enter.get("at", "09:00") if "date" in enter else "00:00"
        return local(shift_day(day, count, unit, sign), clock(at or usual), zone) if day else None
    start = _instant(enrolment, anchor, base)
    if start is None:
        return None
    instant = later(start, f"{count} {unit}", zone, sign)
    return next_local(instant, clock(at), (), zone) if at else instant


def is_day(anchor: str) -> bool:
    return anchor in ("birthday", "joined_on") or (anchor[0].isdigit() and " " not in anchor)


def _instant(enrolment: Enrolment, anchor: str, base: datetime) -> datetime | None:
    if anchor in ("entered", "trigger"):
        return enrolment.entered_at if anchor == "entered" else enrolment.trigger_at
    which, name, *_ = anchor.split()
    if which == "step":
        return enrolment.touches[name].due_at if name in enrolment.touches else None
    if which == "offer":
        return enrolment.codes.get(name)
    came = [one.at for one in enrolment.person.happenings if one.kind == name and one.at <= base]
    return (min if which == "first" else max)(came, default=None)


def day_of(enrolment: Enrolment, anchor: str) -> date | None:
    """A date of the calendar, the enrolment's own occasion, or one of the customer's."""
    if anchor[0].isdigit():
        return date.fromisoformat(anchor)
    if enrolment.occurs_on is not None and enrolment.campaign.said["enter"]["date"].endswith(anchor):
        return _occasion(enrolment, anchor, enrolment.occurs_on)
    written = enrolment.person.raw.get(anchor)
    return date.fromisoformat(written) if written else None


def _occasion(enrolment: Enrolment, anchor: str, known: date) -> date:
    """What comes round every year is on the day that the record says now, in the year of the occasion."""
    enter = enrolment.campaign.said["enter"]
    if anchor == "birthday" and enrolment.person.birthday is not None:
        _, month, day = enrolment.person.birthday
    elif anchor == "joined_on" and "years" in enter and enrolment.person.raw.get(anchor):
        joined = date.fromisoformat(enrolment.person.raw[anchor])
        month, day = joined.month, joined.day
    else:
        return known
    return next((occurs for _, occurs in comes_round(month, day, enter.get("leap_day", "feb-28"), [known.year])), known)
