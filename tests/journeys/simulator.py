"""What a shop of random people and campaigns must come to, worked out for one customer at a time in plain Python.

A second opinion on the planner and the claim, written from the grammar and the documents: nothing here or in the rooms
beside it (simulator_*.py) imports anything of Rapport's. Campaigns are the plain data that their files are written from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tests.journeys.simulator_conditions import Condition, holds
from tests.journeys.simulator_entry import Entry, Membership, next_entry
from tests.journeys.simulator_facts import Campaign, Enrolment, Person, Touch
from tests.journeys.simulator_steps import act, drawn, found, go, seen
from tests.journeys.simulator_times import duration

GRACE = timedelta(days=7)  # events told late still count for a goal
Gate = Callable[[Enrolment, Touch, datetime], bool]


@dataclass
class Simulator:
    """`segments`: what each says; `failing`: templates that cannot be rendered for customers with no points."""

    people: list[Person]
    campaigns: dict[str, Campaign]
    segments: Mapping[str, Condition]
    hold_out: str = "0 %"  # of all campaigns
    enrolments: list[Enrolment] = field(default_factory=list)
    stays: dict[tuple[str, str], list[Membership]] = field(default_factory=dict)
    looked_before: bool = False

    def tick(self, now: datetime) -> None:
        """Plan and deliver until nothing is left to do."""
        moved = True
        while moved:
            moved = self.plan(now)
            moved = self.deliver(now) or moved

    def plan(self, now: datetime) -> bool:
        """Every campaign in the order of names, as far as it goes without delivering. Returns whether anybody moved."""
        self._look_at_segments(now)
        moved = False
        for name in sorted(self.campaigns):
            while self._plan(name, now):
                moved = True
        return moved

    def deliver(self, now: datetime, campaign: str | None = None) -> bool:
        """Judge what is due, of one campaign or all. Returns whether anything was."""
        due = [(one, touch) for one, touch in self.due() if campaign in (None, one.campaign.name)]
        due = [pair for pair in due if not self._passed_over(*pair, now)]
        for enrolment, touch in due:
            self.judge(enrolment, touch, now)
        return bool(due)

    def due(self) -> list[tuple[Enrolment, Touch]]:
        return [(one, touch) for one in self.enrolments for touch in one.touches.values() if touch.state == "due"]

    def change(self, key: str, fields: Mapping[str, Any]) -> None:
        """Her record says something else."""
        person = self.person(key)
        person.raw = {**person.raw, **fields}

    def request(self, campaign: str, request: str, key: str, now: datetime) -> None:
        """A person asks for her to enter; the same request again changes nothing."""
        self.person(key).requests.setdefault((campaign, request), now)

    def person(self, key: str) -> Person:
        return next(one for one in self.people if one.key == key)

    def publish(self, name: str, said: Mapping[str, Any]) -> None:
        """Who is in goes on with the version she entered with; the status is everybody's."""
        if said != self.campaigns[name].said:  # another version looks at everybody again
            self.campaigns[name] = replace(self.campaigns[name], said=said, status=said["status"], looked_at=None)

    def _look_at_segments(self, now: datetime) -> None:
        for name, who in self.segments.items():
            for person in self.people:
                stays = self.stays.setdefault((name, person.key), [])
                inside = not person.erased and holds(who, person, now)
                was_inside = bool(stays) and stays[-1].left_at is None
                if inside and not was_inside:
                    stays.append(Membership(len(stays) + 1, now, not self.looked_before))
                elif was_inside and not inside:
                    stays[-1].left_at = now
        self.looked_before = True

    # Planning

    def _plan(self, name: str, now: datetime) -> bool:
        self._measure(name, now)
        moved = self._expire(name, now)
        for enrolment in self._of(name):
            moved = self._go_on(enrolment, now) or moved
        campaign = self.campaigns[name]
        if campaign.status in ("live", "paused"):
            for person in self.people:
                while self._enter(campaign, person, now):
                    moved = True
            if campaign.said["kind"] == "broadcast":
                self.campaigns[name] = replace(campaign, looked_at=now)
        self._measure(name, now)
        return moved

    def _measure(self, name: str, now: datetime) -> None:
        """Who has reached the goal: finished, left and held out too."""
        for one in self._of(name):
            goal = one.campaign.said.get("goal")
            if goal and one.aims:
                until = one.entered_at + duration(goal["within"])
                came = [h for h in one.person.happenings if one.entered_at <= h.at <= min(until, now) and h != one.trigger]
                one.goal = min((h for h in came if h.kind == goal["event"]), key=lambda h: h.order, default=None)
                one.aims = one.goal is None and until + GRACE >= now

    def _of(self, name: str) -> list[Enrolment]:
        return [one for one in self.enrolments if one.campaign.name == name]

    def _expire(self, name: str, now: datetime) -> bool:
        """What nobody may claim ends when its time is over."""
        over = [
            touch
            for enrolment in self._of(name)
            for touch in enrolment.touches.values()
            if touch.state == "due" and touch.expires_at <= now and self._passed_over(enrolment, touch, now)
        ]
        for touch in over:
            touch.end("skipped", "paused" if self.campaigns[name].status == "paused" else "held")
        return bool(over)

    def _passed_over(self, enrolment: Enrolment, touch: Touch, now: datetime) -> bool:
        campaign = enrolment.campaign
        waits_for_a_person = campaign.when_late == "ask" and touch.due_at + campaign.late < now
        return self.campaigns[campaign.name].status == "paused" or waits_for_a_person

    def _enter(self, campaign: Campaign, person: Person, now: datetime) -> bool:
        before = [one for one in self._of(campaign.name) if one.person is person]
        stays = self.stays.get((campaign.said["enter"].get("segment", ""), person.key), [])
        audience = campaign.said.get("audience")
        if person.erased or (audience and not holds(audience, person, now)):
            return False
        entry = next_entry(campaign, person, stays, before, now)
        if entry is None:
            return False
        enrolment = _enrolled(campaign, person, entry)
        enrolment.held_out = self._is_held_out(campaign, person)
        self.enrolments.append(enrolment)
        first = campaign.said["steps"][0]
        go(enrolment, first["name"], entry.at)
        if "send" in first:  # its touch is written with the entry; exits are looked at when it is claimed
            act(enrolment, now)
        self._go_on(enrolment, now)
        return True

    def _is_held_out(self, campaign: Campaign, person: Person) -> bool:
        shares = {"hold_out:" + campaign.name: campaign.said.get("hold_out", "0 %"), "hold_out:": self.hold_out}
        drawn_out = [drawn(salt, person.key) < float(share.split()[0]) / 100 for salt, share in shares.items()]
        return any(drawn_out) and campaign.said.get("purpose") != "service"

    def _go_on(self, enrolment: Enrolment, now: datetime) -> bool:
        """As far as she can by now. Returns whether she moved."""
        moved = False
        while enrolment.state == "in" and self._step(enrolment, now):
            moved = True
        return moved

    def _step(self, enrolment: Enrolment, now: datetime) -> bool:
        touch = enrolment.under_way
        if touch is not None:
            return _settle(enrolment, touch, now)
        assert enrolment.turn_at is not None
        if self.campaigns[enrolment.campaign.name].all_leave:
            enrolment.leave("ended", now)
        elif _exit_holds(enrolment, now):
            enrolment.leave("exit", now)
        elif enrolment.turn_at > now:
            return seen(enrolment, now)
        else:
            act(enrolment, now)
        return True

    # Delivering

    def judge(self, enrolment: Enrolment, touch: Touch, now: datetime) -> None:
        """The last look: the first gate that bars gives the reason."""
        gone = self._gone(enrolment, now)
        if gone:
            touch.end("cancelled", gone)
            enrolment.leave(gone, now)
        else:
            reason = next((reason for reason, bars in BARS.items() if bars(enrolment, touch, now)), None)
            fails = touch.template == "broken" and enrolment.person.raw["attributes"]["points"] == 0
            touch.end("skipped" if reason else "failed" if fails else "sent", reason or ("template" if fails else None))

    def _gone(self, enrolment: Enrolment, now: datetime) -> str | None:
        """Why she gets nothing more of the campaign."""
        if enrolment.person.erased:
            return "erased"
        if self.campaigns[enrolment.campaign.name].all_leave:
            return "ended"
        return "exit" if _exit_holds(enrolment, now) else None


def _enrolled(campaign: Campaign, person: Person, entry: Entry) -> Enrolment:
    assert entry.key is not None
    return Enrolment(campaign, person, entry.key, entry.at, entry.trigger_at, entry.event, entry.occurs_on)


def _settle(enrolment: Enrolment, touch: Touch, now: datetime) -> bool:
    step, following = found(enrolment)
    if touch.state == "due":
        return False
    if touch.state == "failed" and step.get("on_error") == "stop":
        enrolment.leave("failed", now)
    else:
        go(enrolment, following, touch.due_at)
    return True


def _exit_holds(enrolment: Enrolment, now: datetime) -> bool:
    exit_when = enrolment.campaign.said.get("exit_when")
    return exit_when is not None and holds(exit_when, enrolment.person, now, enrolment)


def _is_late(enrolment: Enrolment, touch: Touch, now: datetime) -> bool:
    campaign = enrolment.campaign
    return campaign.when_late == "skip" and touch.due_at + campaign.late < now


def _not_in_audience(enrolment: Enrolment, touch: Touch, now: datetime) -> bool:
    audience = enrolment.campaign.said.get("audience")
    return audience is not None and not holds(audience, enrolment.person, now)


def _without_consent(enrolment: Enrolment, touch: Touch, now: datetime) -> bool:
    topic = enrolment.campaign.said.get("topic")
    return topic is not None and not enrolment.person.consented(topic, now)


BARS: Mapping[str, Gate] = {
    "hold_out": lambda enrolment, touch, now: enrolment.held_out,
    "expired": lambda enrolment, touch, now: touch.expires_at <= now,
    "late": _is_late,
    "audience": _not_in_audience,
    "no_address": lambda enrolment, touch, now: not enrolment.person.raw.get("email"),
    "suppressed": lambda enrolment, touch, now: enrolment.person.suppressed(now),
    "no_consent": _without_consent,
}
