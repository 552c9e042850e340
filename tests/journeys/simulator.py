"""What a shop of random people and campaigns must come to, worked out for one customer at a time in plain Python.

A second opinion on the planner and the claim, written from the grammar and the documents: nothing here or in the rooms
beside it (simulator_*.py) imports anything of Rapport's. Campaigns are the plain data that their files are written from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tests.journeys.simulator_conditions import Condition, holds
from tests.journeys.simulator_entry import Entry, Membership, next_entry
from tests.journeys.simulator_facts import COMPANY_ZONE, Campaign, Enrolment, Person, Touch
from tests.journeys.simulator_following import move_over, splits
from tests.journeys.simulator_gates import BARS, BEFORE_PAUSES, is_late, keeps_back, lift, put_off
from tests.journeys.simulator_moments import is_day, moment
from tests.journeys.simulator_splits import Decision, decide, draw, drawn
from tests.journeys.simulator_steps import act, correct, found, go, seen, speaks
from tests.journeys.simulator_times import duration, shifted, worked

GRACE = timedelta(days=7)  # events told late still count for a goal


@dataclass
class Simulator:
    """`segments`: what each says; `failing`: templates that cannot be rendered for customers with no points."""

    people: list[Person]
    campaigns: dict[str, Campaign]
    segments: Mapping[str, Condition]
    hold_out: str = "0 %"  # of all campaigns
    enrolments: list[Enrolment] = field(default_factory=list)
    stays: dict[tuple[str, str], list[Membership]] = field(default_factory=dict)
    decisions: dict[tuple[str, str], Decision] = field(default_factory=dict)  # by campaign and split
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
        return any([self._plan(name, now) for name in sorted(self.campaigns)])

    def deliver(self, now: datetime, campaign: str | None = None) -> bool:
        """Judge what is due, of one campaign or all, until nothing is. Returns whether anything was."""
        found = False
        while due := [pair for pair in self.due() if self._is_for(*pair, now, campaign)]:
            found = True
            for enrolment, touch in due:
                self.judge(enrolment, touch, now)
        return found

    def _is_for(self, enrolment: Enrolment, touch: Touch, now: datetime, campaign: str | None) -> bool:
        named = campaign in (None, enrolment.campaign.name)
        return named and touch.due_at <= now and not self._passed_over(touch, now)

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

    def publish(self, name: str, said: Mapping[str, Any], now: datetime) -> None:
        """Who is in goes on with the version she entered with, unless the new one is to be followed; the status is
        everybody's."""
        if said == self.campaigns[name].said:
            return
        newest = replace(self.campaigns[name], said=said, status=said["status"], looked_at=None)  # looks at everybody again
        self.campaigns[name] = newest
        for one in self._of(name):
            if said.get("changes") == "follow" and one.state == "in":
                move_over(one, newest, now)

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
        moved = self._move(name, now) or moved
        while self._expire(name, now):  # what was written just now may be over already
            self._move(name, now)
        self._lift(name, now)
        self._measure(name, now)
        return moved

    def _move(self, name: str, now: datetime) -> bool:
        """All go on, and whoever may enters, until nobody does."""
        moved, campaign = self._all_go_on(name, now), self.campaigns[name]
        if campaign.status in ("live", "paused"):
            while any([self._enter(campaign, person, now) for person in self.people]):
                moved = True
                self._all_go_on(name, now)
            if campaign.said["kind"] == "broadcast":
                self.campaigns[name] = replace(campaign, looked_at=now)
        return moved

    def _all_go_on(self, name: str, now: datetime) -> bool:
        self._measure(name, now)
        under_way = [one for one in self._of(name) if one.state == "in"]
        for split in [split for one in under_way for split in splits(one.campaign) if "winner" in split["split"]]:
            if (name, split["name"]) not in self.decisions and (made := decide(split, self._of(name), now)):
                self.decisions[name, split["name"]] = made
        for one in under_way:
            correct(one, now)
        return any([self._go_on(one, now) for one in under_way])

    def _lift(self, name: str, now: datetime) -> None:
        """Pauses end when what they last until has come."""
        for one in self._of(name):
            for pause in [pause for pause in one.pauses if pause.may_be_lifted(now)]:
                if pause.lifts and holds(pause.lifts, one.person, now, one):
                    pause.lifted_at = now
                    for _, touch in [pair for pair in self.due() if pair[0].person is one.person]:
                        lift(pause, touch, now)

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
            if touch.state == "due" and touch.expires_at <= now and self._passed_over(touch, now)
        ]
        for touch in over:
            touch.end("skipped", "paused" if self.campaigns[name].status == "paused" else "held")
        return bool(over)

    def _passed_over(self, touch: Touch, now: datetime) -> bool:
        waits_for_a_person = touch.campaign.when_late == "ask" and is_late(touch, now)
        return self.campaigns[touch.campaign.name].status == "paused" or waits_for_a_person

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
        for split in splits(campaign):
            draw(enrolment, split)
        first = campaign.said["steps"][0]
        go(enrolment, first["name"], entry.at)
        if speaks(first):  # its touch is written with the entry; exits are looked at when it is claimed
            act(enrolment, now, self.decisions)
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
        if enrolment.turn_at is None:
            return _settle(enrolment, now)
        if self.campaigns[enrolment.campaign.name].all_leave:
            enrolment.leave("ended", now)
        elif _exit_holds(enrolment.campaign, enrolment, now):
            enrolment.leave("exit", now)
        elif enrolment.turn_at > now:
            return seen(enrolment, now)
        else:
            act(enrolment, now, self.decisions)
        return True

    # Delivering

    def judge(self, enrolment: Enrolment, touch: Touch, now: datetime) -> None:
        """The last look: the first gate that bars gives the reason."""
        gone = self._gone(enrolment, touch, now)
        if gone:
            touch.end("cancelled", gone)
            enrolment.leave(gone, now)
            return
        barred = [reason for reason, bars in BEFORE_PAUSES.items() if bars(enrolment, touch, now)]
        pauses = keeps_back(touch, enrolment.person.pauses, now)
        if pauses and not barred:
            put_off(touch, pauses, now)
            return
        barred += [reason for reason, bars in BARS.items() if bars(enrolment, touch, now)]
        if barred:
            touch.end("skipped", barred[0])
        else:
            self.claim(enrolment, touch, now)
            _say(enrolment, touch)

    def claim(self, enrolment: Enrolment, touch: Touch, now: datetime) -> None:
        """Her code is made before her mail is."""
        if "offer" in touch.said:
            valid = touch.campaign.said["offers"][touch.said["offer"]]["valid"]
            enrolment.codes.setdefault(touch.said["offer"], now + duration(valid))

    def _gone(self, enrolment: Enrolment, touch: Touch, now: datetime) -> str | None:
        """Why she gets nothing more of the campaign."""
        if enrolment.person.erased:
            return "erased"
        if enrolment.state == "left":
            return "left"
        if self.campaigns[enrolment.campaign.name].all_leave:
            return "ended"
        return "exit" if _exit_holds(touch.campaign, enrolment, now) else None


def _say(enrolment: Enrolment, touch: Touch) -> None:
    """A mail leaves, unless it cannot be rendered; a task is written, unless nobody knows when it is to be done."""
    if touch.is_task:
        touch.task_due = _task_due(enrolment, touch)
        no_date = touch.task_due is None and "at" in touch.said
        touch.end("failed" if no_date else "sent", "no_date" if no_date else None)
    else:
        fails = touch.said["send"] == "broken" and enrolment.person.raw["attributes"]["points"] == 0
        touch.end("failed" if fails else "sent", "template" if fails else None)


def _task_due(enrolment: Enrolment, touch: Touch) -> datetime | None:
    if "by" in touch.said:
        by = touch.said["by"]
        return worked(touch.due_at, by, COMPANY_ZONE) if "working" in by else touch.due_at + duration(by)
    if "at" not in touch.said:
        return None
    anchor = shifted(touch.said["at"])[0]
    return moment(enrolment, touch.said["at"], "09:00" if is_day(anchor) else None, touch.due_at)


def _enrolled(campaign: Campaign, person: Person, entry: Entry) -> Enrolment:
    assert entry.key is not None
    return Enrolment(campaign, person, entry.key, entry.at, entry.trigger_at, entry.event, entry.occurs_on)


def _settle(enrolment: Enrolment, now: datetime) -> bool:
    step, following = found(enrolment)
    touch = enrolment.touches[step["name"]]
    if touch.state == "due":
        return False
    if touch.state == "failed" and step.get("on_error") == "stop":
        enrolment.leave("failed", now)
    else:
        go(enrolment, following, touch.due_at)
    return True


def _exit_holds(version: Campaign, enrolment: Enrolment, now: datetime) -> bool:
    exit_when = version.said.get("exit_when")
    return exit_when is not None and holds(exit_when, enrolment.person, now, enrolment)
