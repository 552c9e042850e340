"""What each verb of a campaign does with one enrolment whose turn has come, and where she goes from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from tests.journeys.simulator_conditions import holds
from tests.journeys.simulator_facts import Enrolment, Pause, Touch
from tests.journeys.simulator_moments import day_of, is_day, moment
from tests.journeys.simulator_splits import Decision, arms_of, take
from tests.journeys.simulator_times import clock, duration, later, next_local, shifted

Step: TypeAlias = Mapping[str, Any]
Steps: TypeAlias = Sequence[Step]
Decisions: TypeAlias = Mapping[tuple[str, str], Decision]  # by campaign and step
WAITS = ("wait", "wait_for")


def arms(step: Step) -> list[Steps]:
    """The lists of steps that begin at it."""
    if "branch" in step:
        return [way.get("then", way.get("otherwise", ())) for way in step["branch"]]
    if "split" in step:
        return [arm.get("then", ()) for arm in arms_of(step).values()]
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
        _begin_wait(enrolment, step, base)


def _begin_wait(enrolment: Enrolment, step: Step, base: datetime) -> None:
    said = _parts(step)
    zone, at = enrolment.person.zone, clock(said["at"]) if "at" in said else None
    if "until" not in said:
        start = later(base, said["for"], zone) if "for" in said else base
        enrolment.turn_at = next_local(start, at, said.get("days", ()), zone) if at else start
        return
    _note_awaited(enrolment, said["until"])
    ends = moment(enrolment, said["until"], said.get("at"), base)
    if ends is None:  # a moment that is not known is not waited for
        enrolment.leave("failed", base) if step.get("on_error") == "stop" else None
    elif ends < base:
        _is_past(enrolment, said, base)
    else:
        enrolment.turn_at = ends


def _parts(step: Step) -> Mapping[str, Any]:
    return {"for": step["wait"]} if isinstance(step["wait"], str) else step["wait"]


def _note_awaited(enrolment: Enrolment, until: str) -> None:
    anchor = shifted(until)[0]
    enrolment.awaited = day_of(enrolment, anchor) if is_day(anchor) else None
    if enrolment.occurs_on is not None and enrolment.campaign.said["enter"]["date"].endswith(anchor):
        enrolment.occurs_on = enrolment.awaited


def _is_past(enrolment: Enrolment, said: Mapping[str, Any], at: datetime) -> None:
    enrolment.past = said.get("if_past", "skip") == "skip"
    if said.get("if_past") == "exit":
        enrolment.leave("past", at)


def correct(enrolment: Enrolment, now: datetime) -> None:
    """The date that she waits for may be another one by now; what is past by this look is so from here on."""
    step, _ = found(enrolment)
    said = _parts(step) if "wait" in step else {}
    anchor = shifted(said["until"])[0] if "until" in said else ""
    if not anchor or not is_day(anchor) or day_of(enrolment, anchor) == enrolment.awaited:
        return
    _note_awaited(enrolment, said["until"])
    assert enrolment.at is not None
    ends = moment(enrolment, said["until"], said.get("at"), enrolment.at)
    enrolment.past = False
    enrolment.turn_at = now
    if ends is None:
        enrolment.leave("failed", now) if step.get("on_error") == "stop" else None
    elif ends < max(now, enrolment.at):
        _is_past(enrolment, said, now)
    else:
        enrolment.turn_at = ends


def seen(enrolment: Enrolment, now: datetime) -> bool:
    """Whether what she waits for has come before the time is up; then she has gone on, from this look."""
    step, following = found(enrolment)
    if "wait_for" not in step or not holds(step["wait_for"], enrolment.person, now, enrolment):
        return False
    go(enrolment, _into(step.get("then", ()), following), now)
    return True


def act(enrolment: Enrolment, now: datetime, decisions: Decisions) -> None:
    """Her turn has come."""
    step, following = found(enrolment)
    if "split" in step:
        arm = take(enrolment, step, decisions.get((enrolment.campaign.name, step["name"])), now)
        _on(enrolment, _into(arm.get("then", ()), following))
    else:
        verb = verb_of(step)
        VERBS[verb](enrolment, step, following, now)


def verb_of(step: Step) -> str:
    return next(verb for verb in (*VERBS, "split") if verb in step)


def speaks(step: Step) -> bool:
    return "send" in step or "follow_up" in step


def _speak(enrolment: Enrolment, step: Step, following: str | None, now: datetime) -> None:
    """What was said already, in a version that had it further up, is not said again."""
    assert enrolment.turn_at is not None
    if step["name"] in enrolment.touches:
        _on(enrolment, following)
        return
    touch = Touch(enrolment.campaign, step["name"], step, enrolment.turn_at, enrolment.turn_at)
    if enrolment.past:
        touch.end("skipped", "past")
    enrolment.touches[step["name"]], enrolment.turn_at = touch, None


def _pause(enrolment: Enrolment, step: Step, following: str | None, now: datetime) -> None:
    said, begun = step["pause"], enrolment.turn_at
    assert begun is not None
    if not enrolment.held_out and not enrolment.person.erased:
        until = later(begun, said.get("at_most", said.get("for")), enrolment.person.zone)
        pause = Pause(step["name"], said.get("topic"), begun, until, said.get("until"))
        enrolment.pauses.append(pause)
        enrolment.person.pauses.append(pause)
    _on(enrolment, following)


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
    "send": _speak, "follow_up": _speak, "wait": _wait, "wait_for": _wait_for, "branch": _branch, "exit": _exit,
    "update": _update, "pause": _pause,
}  # fmt: skip


def _into(arm: Steps, following: str | None) -> str | None:
    return arm[0]["name"] if arm else following


def _on(enrolment: Enrolment, name: str | None) -> None:
    assert enrolment.turn_at is not None
    go(enrolment, name, enrolment.turn_at)
