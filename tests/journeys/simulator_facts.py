"""What the simulator knows: people and what they did, who is where in which campaign, what was said to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from tests.journeys.simulator_times import duration, local

COMPANY_ZONE = ZoneInfo("Europe/Berlin")
ONLY_ZONE = {"FR": "Europe/Paris", "JP": "Asia/Tokyo"}  # Germany and the United States have several
KNOWN_ZONES = available_timezones()
RESTRAINT = ("given", "pending", "lapsed", "withdrawn")
WAIT_AT_MOST = timedelta(days=7)


def _company_time(text: str) -> datetime:
    written = datetime.fromisoformat(text)
    return local(written.date(), written.time(), COMPANY_ZONE)


@dataclass(frozen=True)
class Happening:
    """An event; of two at one instant that of the higher number is the later."""

    number: int
    kind: str
    at: datetime
    properties: Mapping[str, Any]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Happening:
        at = datetime.fromisoformat(raw["at"])
        return cls(int(raw["id"]), raw["event"], at, raw.get("properties", {}))

    @property
    def order(self) -> tuple[datetime, int]:
        return self.at, self.number


@dataclass
class Pause:
    """Nothing of a topic (None: no marketing at all) is sent to somebody. `lifts`: what may end it before its time."""

    step: str
    topic: str | None
    since: datetime
    until: datetime
    lifts: Mapping[str, Any] | None = None
    lifted_at: datetime | None = None

    @property
    def end(self) -> datetime:
        return self.lifted_at or self.until

    def may_be_lifted(self, now: datetime) -> bool:
        return self.lifts is not None and self.lifted_at is None and self.until > now


@dataclass
class Person:
    """A customer, as her record says now; `suppressed_at`: since when her address is."""

    raw: Mapping[str, Any]
    happenings: list[Happening]
    suppressed_at: datetime | None = None
    pauses: list[Pause] = field(default_factory=list)
    erased: bool = False
    requests: dict[tuple[str, str], datetime] = field(default_factory=dict)  # (campaign, key): since when

    @property
    def key(self) -> str:
        return str(self.raw["key"])

    @property
    def zone(self) -> ZoneInfo:
        own, country = self.raw.get("time_zone"), self.raw.get("country")
        name = own if own in KNOWN_ZONES else ONLY_ZONE.get(country or "")
        return ZoneInfo(name) if name else COMPANY_ZONE

    @property
    def birthday(self) -> tuple[int | None, int, int] | None:
        """(year or None, month, day)."""
        written = self.raw.get("birthday")
        if not written:
            return None
        year, month, day = ("0" + written[1:]).split("-") if written.startswith("--") else written.split("-")
        return int(year) or None, int(month), int(day)

    def consented(self, topic: str, now: datetime) -> bool:
        """The last word on the topic up to now; of two at one instant the stricter."""
        said = [
            (datetime.fromisoformat(one["at"]), RESTRAINT.index(one["state"]))
            for one in self.raw.get("consents", ())
            if one["topic"] == topic
        ]
        known = [one for one in said if one[0] <= now]
        return bool(known) and max(known)[1] == 0

    def suppressed(self, now: datetime) -> bool:
        return self.suppressed_at is not None and self.suppressed_at <= now


@dataclass(frozen=True)
class Campaign:
    """A campaign file as plain data, and how it stands: it never goes from `ended` to `live` here."""

    name: str
    said: Mapping[str, Any]
    status: str
    live_since: datetime
    looked_at: datetime | None = None  # up to when everybody was, for a broadcast

    @property
    def late(self) -> timedelta:
        return duration(self.said.get("late", {}).get("within", "12 hours"))

    @property
    def when_late(self) -> str:
        return str(self.said.get("late", {}).get("otherwise", "skip"))

    @property
    def all_leave(self) -> bool:
        return self.status == "ended" and self.said.get("when_ended") == "exit"

    @property
    def begins(self) -> datetime:
        """Since when it takes anybody in."""
        runs = self.said.get("runs", {})
        return max(self.live_since, _company_time(runs["from"])) if "from" in runs else self.live_since

    @property
    def ends(self) -> datetime:
        """From when on it takes nobody in."""
        runs = self.said.get("runs", {})
        return _company_time(runs["until"]) if "until" in runs else datetime.max.replace(tzinfo=UTC)

    def is_in_time(self, at: datetime, now: datetime) -> bool:
        """Whether somebody may enter now whose right instant that was."""
        since = now - self.late
        if self.when_late != "skip":
            since = min(since, self.begins)
        if "from" in self.said.get("runs", {}):
            since = max(since, self.begins)
        return since <= at <= now and at < self.ends and (self.looked_at is None or at > self.looked_at)

    def has_room(self, at: datetime, before: Sequence[Enrolment]) -> bool:
        """`limit: 2 per 7 days`: whether one more may enter then."""
        if "limit" not in self.said:
            return True
        count, span = self.said["limit"].split(" per ")
        return sum(one.entered_at + duration(span) > at for one in before) < int(count)


@dataclass
class Touch:
    """What was planned to be said at a step. `campaign`: the version that says it. `task_due`: until when somebody has to
    do what it asks for."""

    campaign: Campaign
    step: str
    said: Mapping[str, Any]
    right_at: datetime
    due_at: datetime
    state: str = "due"
    reason: str | None = None
    task_due: datetime | None = None

    @property
    def is_task(self) -> bool:
        return "follow_up" in self.said

    @property
    def expires_at(self) -> datetime:
        return self.right_at + WAIT_AT_MOST

    def end(self, state: str, reason: str | None = None) -> None:
        self.state, self.reason = state, reason


@dataclass
class Enrolment:
    """Where somebody is. `at`: since when on her step; `turn_at`: when its turn comes (None: her touch is under way);
    `ended_at`: out since then; `awaited`: the date that she waits for was that."""

    campaign: Campaign
    person: Person
    occasion: str
    entered_at: datetime
    trigger_at: datetime
    trigger: Happening | None = None
    occurs_on: date | None = None
    state: str = "in"
    reason: str | None = None
    step: str | None = None
    at: datetime | None = None
    turn_at: datetime | None = None
    past: bool = False
    awaited: date | None = None
    ended_at: datetime | None = None
    held_out: bool = False
    goal: Happening | None = None
    aims: bool = True  # the goal may still be reached
    touches: dict[str, Touch] = field(default_factory=dict)
    pauses: list[Pause] = field(default_factory=list)  # those that she brought about
    arms: dict[str, str] = field(default_factory=dict)  # of each split, as drawn or won
    taken: dict[str, datetime] = field(default_factory=dict)  # when she came to a split
    seen: dict[str, datetime] = field(default_factory=dict)  # and as of when it was seen
    codes: dict[str, datetime] = field(default_factory=dict)  # until when those of her offers are valid

    def leave(self, reason: str, at: datetime) -> None:
        if self.state == "in":
            self.state, self.reason, self.ended_at, self.turn_at = "left", reason, at, None
