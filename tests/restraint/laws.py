"""The laws of restraint, judged by a ledger's touches alone: before a delivery, after it, and what was said as of then.

A second opinion, like the simulator of the journeys: nothing here imports anything of Rapport's. Each law is a function
that tells what breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.journeys.simulator_times import WEEKDAYS, duration

TAKING = ("claimed", "dispatched", "sent", "in_doubt")
KEEPS_MARKETING = ("cap", "hours", "paused", "no_consent", "hold_out", "same_address", "ramp_up")
USUAL_PRIORITY = 50
# Of the days around which shops are drawn.
_FRENCH = ["01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25"]
_GERMAN = ["01-01", "05-01", "10-03", "12-25", "12-26"]
_EASTER = ("2026-04-06", "2026-05-14", "2026-05-25", "2027-03-29", "2028-04-17")
_GOOD_FRIDAY = ("2026-04-03", "2027-03-26", "2028-04-14")
_JAPANESE = ("2026-04-29", "2026-09-23", "2026-10-12", "2026-11-03", "2026-11-23", "2027-01-01", "2027-02-11", "2027-02-23")
Said = Mapping[str, Any]
Found = Iterator[str]


@dataclass(frozen=True)
class Touch:
    """A row of the ledger. `decided_at`: as of when it was claimed, or ended, or put off."""

    id: int
    campaign: str
    customer: str
    step: str
    occasion: str
    topic: str | None
    channel: str
    state: str
    reason: str | None
    due_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    is_held: bool = False  # its run is, by a guard

    @property
    def is_mail(self) -> bool:
        return self.channel == "email"

    @property
    def is_marketing(self) -> bool:
        return self.topic is not None and self.is_mail

    @property
    def takes(self) -> bool:
        return self.is_marketing and self.state in TAKING

    @property
    def at(self) -> datetime:
        assert self.decided_at is not None, f"touch {self.id} is {self.state}, and nobody knows since when"
        return self.decided_at


@dataclass(frozen=True)
class Where:
    """Where a customer lives."""

    zone: ZoneInfo
    country: str


@dataclass(frozen=True)
class Delivery:
    """Touches by number before and after a delivery as of `now`, and what held meanwhile: `company` of rapport.yaml and
    the newest campaign files. `barred`: campaigns that somebody has paused, and (customer, topic) that a person has; topic
    None: all of them. `is_whole`: it came to its end, of all campaigns."""

    now: datetime
    before: Mapping[int, Touch]
    after: Mapping[int, Touch]
    company: Said
    campaigns: Mapping[str, Said]
    people: Mapping[str, Where]
    paused: frozenset[str] = frozenset()
    paused_people: frozenset[tuple[str, str | None]] = frozenset()
    is_whole: bool = True
    asks: frozenset[str] = frozenset()  # campaigns whose late touches wait for a person
    pause_ends: Mapping[str, Sequence[datetime]] = field(default_factory=dict)  # by customer

    def was_due(self, one: Touch) -> bool:
        return one.id not in self.before or self.before[one.id].state == "due"

    @property
    def claimed(self) -> list[Touch]:
        """What was claimed: what failed since has been, too."""
        return [
            one for one in self.after.values() if one.state in (*TAKING, "failed") and self.was_due(one) and one.is_mail
        ]

    @property
    def changed(self) -> list[Touch]:
        return [one for one in self.after.values() if self.was_due(one) and one != self.before.get(one.id)]

    def caps(self, one: Touch) -> list[Said]:
        own = self.campaigns[one.campaign].get("caps", [])
        return [cap for cap in (*self.company.get("caps", []), *own) if one.is_marketing and about(cap, one)]

    def rank(self, one: Touch) -> tuple[Any, ...]:
        """Those that go first, first."""
        priority = int(self.campaigns[one.campaign].get("priority", USUAL_PRIORITY))
        return -priority, self.stood_at(one), one.campaign, one.step, one.occasion

    def stood_at(self, one: Touch) -> datetime:
        """When it was due as it was judged: a pause that was over had moved it; what a cap moved stood where it was."""
        if one.state != "due" or one.id not in self.before:
            return one.due_at
        due_at = self.before[one.id].due_at
        return max([due_at, *(end for end in self.pause_ends.get(one.customer, ()) if due_at < end <= self.now)])

    def of(self, customer: str) -> list[Touch]:
        return [one for one in self.after.values() if one.customer == customer]


def about(cap: Said, one: Touch) -> bool:
    return bool(cap.get("topic", one.topic) == one.topic and cap.get("channel", one.channel) == one.channel)


def too_many(instants: Sequence[datetime], cap: Said, around: datetime | None = None) -> bool:
    """Whether there is a window of the cap's length with more than it allows (one that `around` lies in)."""
    ordered, most, per = sorted(instants), int(cap["at_most"]), duration(cap["per"])
    spans = zip(ordered, ordered[most:], strict=False)
    return any(last - first < per and (around is None or first <= around <= last) for first, last in spans)


# (a) Never more than a cap allows


def more_than_the_company_allows(given: Delivery) -> Found:
    """Any rolling window, whatever clock the claims went by: forwards, by leaps or back."""
    for customer in {one.customer for one in given.claimed}:
        for cap in given.company.get("caps", []):
            counted = [one for one in given.of(customer) if one.takes and about(cap, one)]
            if too_many([one.at for one in counted], cap):
                yield f"{customer} got more than {cap}: {_told(counted)}"


def more_than_its_own_caps_allow(given: Delivery) -> Found:
    """When it is claimed. What has gone by the same `now` though it stands behind, and is not under the cap, came later."""
    for one in given.claimed:
        for cap in given.caps(one):
            near = [other for other in given.of(one.customer) if other.takes and about(cap, other) and other.id != one.id]
            near = [other for other in near if not _gives_way(given, other, one, cap)]
            if too_many([one.at, *(other.at for other in near)], cap, around=one.at):
                yield f"{_told([one])} is one too many under {cap}: {_told(near)}"


def _gives_way(given: Delivery, other: Touch, one: Touch, cap: Said) -> bool:
    return other.at == given.now and given.rank(other) > given.rank(one) and cap not in given.caps(other)


# (b) Never in quiet hours


def in_quiet_hours(given: Delivery) -> Found:
    for one in given.claimed:
        own = {name: said for name, said in given.campaigns[one.campaign].items() if name in ("hours", "days")}
        rules = [own, given.company] if one.is_marketing else [own]
        where = given.people[one.customer]
        if not all(is_open(said, given.now, where) for said in rules):
            yield f"{_told([one])} went at {given.now.astimezone(where.zone)} ({where.country}), against {rules}"


def is_open(said: Said, at: datetime, where: Where) -> bool:
    """By the clock on her wall and her calendar."""
    local = at.astimezone(where.zone)
    begin, end = said.get("hours", "00:00-24:00").split("-")
    if not begin <= f"{local:%H:%M}" < end or WEEKDAYS[local.weekday()] not in said.get("days", WEEKDAYS):
        return False
    blackout = any(_is_within(local.date(), days) for days in said.get("blackout", []))
    return not blackout and not (
        _keeps(said.get("holidays", False), where.country) and is_holiday(local.date(), where.country)
    )


def _is_within(day: date, days: Any) -> bool:
    first, last = (days["from"], days["until"]) if isinstance(days, Mapping) else (days, days)
    return bool(first <= day.isoformat() <= last)


def _keeps(holidays: Any, country: str) -> bool:
    return bool(holidays) if isinstance(holidays, bool) else country in holidays


def is_holiday(day: date, country: str) -> bool:
    written, in_year = day.isoformat(), f"{day:%m-%d}"
    return {
        "DE": in_year in _GERMAN or written in _EASTER or written in _GOOD_FRIDAY,
        "FR": in_year in _FRENCH or written in _EASTER,
        "JP": in_year == "01-01" or written in _JAPANESE,
    }.get(country, False)


# (c) Service is owed


def kept_from_service(given: Delivery) -> Found:
    """No cap, no consent, no pause of hers and no hours but its campaign's own keep it back."""
    for one in given.changed:
        if one.topic is not None or not one.is_mail:
            continue
        own = any(name in given.campaigns[one.campaign] for name in ("hours", "days"))
        if one.reason in KEEPS_MARKETING and not (own and one.reason == "hours"):
            yield f"{_told([one])} is of service"


def left_lying(given: Delivery) -> Found:
    """A delivery of everything leaves nothing due that somebody may claim, of service or not, and nothing that is over."""
    for one in given.after.values():
        if given.is_whole and _is_left_lying(given, one):
            yield f"{_told([one])} lies about at {given.now}"


def _is_left_lying(given: Delivery, one: Touch) -> bool:
    status = given.campaigns[one.campaign]["status"]
    passed_over = one.is_held or one.campaign in given.paused | given.asks or status not in ("live", "ended")
    return one.state == "due" and one.due_at <= given.now and not passed_over


# (d) Who goes first


def lost_without_cause(given: Delivery) -> Found:
    """What loses to a cap finds its room taken by what was claimed earlier, or by what stands before it."""
    for one in given.changed:
        if one.reason == "cap" and not any(_is_full(given, one, cap) for cap in given.caps(one)):
            before = [other for other in given.of(one.customer) if other.takes]
            yield f"{_told([one])} lost at {given.now}, and nothing has taken its room: {_told(before)}"


def _is_full(given: Delivery, one: Touch, cap: Said) -> bool:
    per = duration(cap["per"])
    rivals = [other for other in given.of(one.customer) if other.id != one.id and other.is_marketing and about(cap, other)]
    taking = [other for other in rivals if _has_taken(given, other, one, cap) and abs(other.at - given.now) < per]
    waiting = [] if given.is_whole else [other for other in rivals if _may_take(given, other, one)]
    return len(taking) + len(waiting) >= int(cap["at_most"])


def _has_taken(given: Delivery, other: Touch, one: Touch, cap: Said) -> bool:
    if other.id in given.before and given.before[other.id].state != "due":
        return other.takes and not _gives_way(given, other, one, cap)
    return other in given.claimed and given.rank(other) < given.rank(one)


def _may_take(given: Delivery, other: Touch, one: Touch) -> bool:
    """Of a delivery that was broken off: what is still to come."""
    return other.state == "due" and other.due_at <= given.now and given.rank(other) < given.rank(one)


# (e) Everything ends


def put_off_too_far(given: Delivery) -> Found:
    """A deferral looks ahead, and never beyond the expiry; what is over has ended."""
    for one in given.after.values():
        if one.state == "due" and one.due_at > one.expires_at:
            yield f"{_told([one])} waits beyond its expiry"
        if one.state == "due" and one in given.changed and given.is_whole and one.due_at <= given.now:
            yield f"{_told([one])} was put off to what is past at {given.now}"


# What a person has said


def claimed_though_paused(given: Delivery) -> Found:
    for one in given.claimed:
        hers = {(one.customer, None), (one.customer, one.topic)} & given.paused_people if one.is_marketing else set()
        if one.campaign in given.paused or hers:
            yield f"{_told([one])} was claimed, though a person has paused it"


LAWS: tuple[Callable[[Delivery], Found], ...] = (
    more_than_the_company_allows,
    more_than_its_own_caps_allow,
    in_quiet_hours,
    kept_from_service,
    left_lying,
    lost_without_cause,
    put_off_too_far,
    claimed_though_paused,
)


def broken(given: Delivery) -> list[str]:
    """What breaks any of the laws."""
    return [f"{law.__name__}: {said}" for law in LAWS for said in law(given)]


def _told(touches: Sequence[Touch]) -> str:
    return "; ".join(
        f"{one.campaign}/{one.customer}/{one.step}/{one.occasion} {one.state}({one.reason}) due {one.due_at:%d %H:%M}, "
        f"decided {one.decided_at and f'{one.decided_at:%d %H:%M}'}"
        for one in sorted(touches, key=lambda one: (one.decided_at or one.due_at, one.id))
    )
