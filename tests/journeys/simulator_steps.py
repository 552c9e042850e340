"""What each verb of a campaign does with one enrolment whose turn has come, and where she goes from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any, TypeAlias

from tests.journeys.simulator_conditions import holds
from tests.journeys.simulator_facts import COMPANY_ZONE, Enrolment, Touch
from tests.journeys.simulator_times import clock, duration, local, next_local, shift_day, shifted

Step: TypeAlias = Mapping[str, Any]
Steps: TypeAlias = Sequence[Step]
PRIME = 2**31 - 1
WAITS = ("wait", "wait_for")


def arms(step: Step) -> list[Steps]:
    """The lists of steps that begin at it."""
    if "branch" in step:
        return [way.get("then", way.get("otherwise", ())) for way in step["branch"]]
    if "split" in step:
        return [arm.get("then", ()) for arm in step["split"].values()]
    return [step.get("then", ()), step.get("otherwise", ())] if "wait_for" in step else []


def follow(steps: Steps, at_end: str | None = None) -> Iterator[tuple[Step, str | None]]:
    """Every step with the name of what follows it; after the last of an arm comes what follows the arm's step."""
    for n, step in enumerate(steps):
        following = steps[n + 1]["name"] if n + 1 < len(steps) else at_end
        yield step, following
        for arm in arms(step):
            yield from follow(arm, following)


def found(enrolment: Enrolment) -> tuple[Step, str | None]:
    """The step she is on, and what follows it."""
    return next(pair for pair in follow(enrolment.campaign.said["steps"]) if pair[0]["name"] == enrolment.step)


def go(enrolment: Enrolment, name: str | None, base: datetime) -> None:
    """She comes to a step at the instant `base`, or (None) to the end."""
    enrolment.step, enrolment.at, enrolment.turn_at = name, base, base
    if name is None:
        enrolment.state, enrolment.ended_at, enrolment.turn_at = "finished", base, None
        return
    step, _ = found(enrolment)
    if any(verb in step for verb in WAITS):
        enrolment.past = False
    if "wait_for" in step:
        enrolment.turn_at = base + duration(step["at_most"])
    if "wait" in step:
        _begin_wait(enrolment, step["wait"], base)


def _begin_wait(enrolment: Enrolment, wait: Any, base: datetime) -> None:
    said = {"for": wait} if isinstance(wait, str) else wait
    zone, at = enrolment.person.zone, clock(said["at"]) if "at" in said else None
    if "until" not in said:
        start = base + duration(said["for"]) if "for" in said else base
        enrolment.turn_at = next_local(start, at, said.get("days", ()), zone) if at else start
        return
    ends = _moment(enrolment, said["until"], said.get("at"))
    enrolment.turn_at = max(ends, base)
    if ends < base:
        enrolment.past = said.get("if_past", "skip") == "skip"
        if said.get("if_past") == "exit":
            enrolment.leave("past", base)


def _moment(enrolment: Enrolment, until: str, at: str | None) -> datetime:
    zone, (anchor, count, unit, sign) = enrolment.person.zone, shifted(until)
    if anchor in ("entered", "trigger"):
        start = enrolment.entered_at if anchor == "entered" else enrolment.trigger_at
        moment = start + sign * duration(f"{count} {unit}")
        return next_local(moment, clock(at), (), zone) if at else moment
    if " " in anchor:
        written = datetime.fromisoformat(anchor)
        return local(written.date(), written.time(), COMPANY_ZONE)
    if enrolment.occurs_on is not None and not anchor[0].isdigit():
        own = at or enrolment.campaign.said["enter"].get("at", "09:00")
        return local(shift_day(enrolment.occurs_on, count, unit, sign), clock(own), zone)
    usual = enrolment.campaign.said["enter"].get("at", "09:00") if "date" in enrolment.campaign.said["enter"] else "00:00"
    return local(date.fromisoformat(anchor), clock(at or usual), zone)


def seen(enrolment: Enrolment, now: datetime) -> bool:
    """Whether what she waits for has come before the time is up; then she has gone on, from this look."""
    step, following = found(enrolment)
    if "wait_for" not in step or not holds(step["wait_for"], enrolment.person, now, enrolment):
        return False
    go(enrolment, _into(step.get("then", ()), following), now)
    return True


def act(enrolment: Enrolment, now: datetime) -> None:
    """Her turn has come."""
    step, following = found(enrolment)
    verb = next(verb for verb in VERBS if verb in step)
    VERBS[verb](enrolment, step, following, now)


def _send(enrolment: Enrolment, step: Step, following: str | None, now: datetime) -> None:
    assert enrolment.turn_at is not None
    touch = Touch(step["name"], step["send"], enrolment.turn_at)
    if enrolment.past:
        touch.end("skipped", "past")
    enrolment.touches[step["name"]], enrolment.turn_at = touch, None


def _wait(enrolment: Enrolment, step: Step, following: str | None, now: datetime) -> None:
    _on(enrolment, following)


def _wait_for(enrolment: Enrolment, step: Step, following: str | None, now: datetime) -> None:
    came = holds(step["wait_for"], enrolment.person, now, enrolment)
    _on(enrolment, _into(step.get("then" if came else "otherwise", ()), following))


def _branch(enrolment: Enrolment, step: Step, following: str | None, now: datetime) -> None:
    for way in step["branch"]:
        if "otherwise" in way or holds(way["when"], enrolment.person, now, enrolment):
            _on(enrolment, _into(way.get("then", way.get("otherwise", ())), following))
            return
    _on(enrolment, following)


def _split(enrolment: Enrolment, step: Step, following: str | None, now: datetime) -> None:
    lot, edge = drawn(f"split:{enrolment.campaign.name}:{step['name']}", enrolment.person.key), 0.0
    for arm in step["split"].values():
        edge += float(arm["share"].split()[0]) / 100
        if lot < edge:
            _on(enrolment, _into(arm.get("then", ()), following))
            return


def _update(enrolment: Enrolment, step: Step, following: str | None, now: datetime) -> None:
    """A consent is taken back as of the instant of her turn."""
    assert enrolment.turn_at is not None
    if not enrolment.held_out and not enrolment.person.erased:
        said, raw = {**step["update"]["consent"], "at": enrolment.turn_at.isoformat()}, enrolment.person.raw
        enrolment.person.raw = {**raw, "consents": [*raw.get("consents", ()), said]}
    _on(enrolment, following)


def _exit(enrolment: Enrolment, step: Step, following: str | None, now: datetime) -> None:
    assert enrolment.turn_at is not None
    enrolment.leave(step["exit"], enrolment.turn_at)


Act = Callable[[Enrolment, Step, "str | None", datetime], None]
VERBS: Mapping[str, Act] = {
    "send": _send, "wait": _wait, "wait_for": _wait_for, "branch": _branch, "split": _split, "exit": _exit,
    "update": _update,
}  # fmt: skip


def drawn(salt: str, key: str) -> float:
    """A lot from 0 to 1: the bucket of the key through a universal hash function of the salt (Carter and Wegman 1979)."""
    a, b = 1 + _first_bytes(f"a:{salt}") % (PRIME - 1), _first_bytes(f"b:{salt}") % PRIME
    return (_first_bytes(key) % PRIME * a + b) % PRIME / PRIME


def _first_bytes(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def _into(arm: Steps, following: str | None) -> str | None:
    return arm[0]["name"] if arm else following


def _on(enrolment: Enrolment, name: str | None) -> None:
    assert enrolment.turn_at is not None
    go(enrolment, name, enrolment.turn_at)
