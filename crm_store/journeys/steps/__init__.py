"""The steps of a journey: read here, from a list in file order. A new verb is one file and a line in VERBS."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, time

from crm_store.content.faults import Fault, did_you_mean, every
from crm_store.content.fields import Fields, items, one_of, sure, text
from crm_store.content.literals import WEEKDAYS, Duration, Moment, read_duration, read_moment, read_time
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.journeys.steps.base import Step
from crm_store.journeys.steps.send import Send
from crm_store.journeys.steps.wait import Wait
from crm_store.journeys.triggers import Trigger
from crm_store.journeys.triggers.date import DateTrigger
from crm_store.segmentation.language import Language

VERBS: tuple[type[Step], ...] = (Send, Wait)
PLANNED_VERBS = ("wait_for", "branch", "split", "update", "pause", "follow_up", "exit")

__all__ = ["PLANNED_VERBS", "VERBS", "Send", "Step", "Wait", "read_steps"]


def read_steps(node: Node, trigger: Trigger | None, offers: Collection[str], language: Language) -> tuple[Step, ...]:
    """All steps, named. Raises Incomplete with every fault collected."""
    nodes = items(node)
    sends = [item.get("send") if isinstance(item, Mapping) else None for item in nodes]
    following = [_next_send(sends[index + 1 :]) for index in range(len(nodes))]
    steps = language.faults.each(
        lambda pair: _read_step(pair[0], pair[1], trigger, offers, language), list(zip(nodes, following, strict=True))
    )
    _refuse_doubled_names(steps)
    return steps


def _next_send(sends: list[Node | None]) -> str | None:
    return next((node.text for node in sends if isinstance(node, Scalar)), None)


def _refuse_doubled_names(steps: tuple[Step, ...]) -> None:
    seen: dict[str, Step] = {}
    for step in steps:
        if step.name in seen:
            first = seen[step.name].place.line
            raise Fault(step.place, f"two steps are called '{step.name}' (line {first}); give one a `name`")
        seen[step.name] = step


def _read_step(
    node: Node, next_send: str | None, trigger: Trigger | None, offers: Collection[str], language: Language
) -> Step:
    if not isinstance(node, Mapping):
        raise Fault(node.place, "a step must be a mapping, e.g. `send: welcome` or `wait: 3 days`")
    planned = [key for key in node.names() if key in PLANNED_VERBS]
    if planned:
        raise Fault(node.place, f"step '{planned[0]}' is not built yet; take it out for now")
    verbs = [verb for verb in VERBS if verb.verb in node.names()]
    if len(verbs) != 1:
        known = [verb.verb for verb in VERBS]
        hint = did_you_mean(node.names()[0], known) if node.entries and not verbs else ""
        raise Fault(node.place, f"a step needs exactly one verb{hint or ' of ' + ', '.join(known)}")
    return _READERS[verbs[0].verb](node, next_send, trigger, offers, language)


def _read_send(
    node: Node, next_send: str | None, trigger: Trigger | None, offers: Collection[str], language: Language
) -> Step:
    fields = Fields(node, language.faults, "step 'send'", planned=("sender", "channel", "was"))
    template = fields.need("send", text)
    offer = fields.maybe("offer", lambda value: _offer(value, offers))
    on_error = fields.get("on_error", one_of("continue", "stop"), "continue")
    name = fields.maybe("name", text) or template
    fields.close()
    return Send(sure(name), node.place, sure(template), offer, on_error)


def _offer(node: Node, offers: Collection[str]) -> str:
    if text(node) not in offers:
        raise Fault(node.place, f"offer '{text(node)}' is not in this file's `offers`{did_you_mean(text(node), offers)}")
    return text(node)


def _read_wait(
    node: Node, next_send: str | None, trigger: Trigger | None, offers: Collection[str], language: Language
) -> Step:
    fields = Fields(node, language.faults, "step 'wait'", planned=("was", "on_error"))
    usual = f"wait before {next_send}" if next_send else "wait at end"
    name = fields.get("name", text, usual)
    wait = fields.need("wait", lambda value: _wait(value, name, node, trigger, language))
    fields.close()
    return sure(wait)


def _wait(node: Node, name: str, step: Node, trigger: Trigger | None, language: Language) -> Wait:
    if isinstance(node, Scalar):
        return Wait(name, step.place, span=_span(node))
    fields = Fields(node, language.faults, "'wait'")
    span = fields.maybe("for", _span)
    until = fields.maybe("until", lambda value: _until(value, trigger))
    at = fields.maybe("at", read_time)
    days = fields.several("days", _weekdays)
    if_past = fields.get("if_past", one_of("skip", "go_on", "exit"), "skip")
    _check_parts(fields, span, until, at)
    fields.close()
    return Wait(name, step.place, span, until, _time_of(until, at, trigger), days, if_past)


def _check_parts(fields: Fields, span: Duration | None, until: Moment | None, at: time | None) -> None:
    if fields.has("for") and fields.has("until"):
        fields.fault(fields.place_of("until"), "'for' and 'until' exclude each other; keep one")
    if not any(fields.has(key) for key in ("for", "until", "at")):
        fields.fault(fields.place, "'wait' needs one of 'for', 'until', 'at'")
    if fields.has("days") and at is None:
        fields.fault(fields.place_of("days"), "'days' needs 'at', the time of day on those days")
    if fields.has("if_past") and not fields.has("until"):
        fields.fault(fields.place_of("if_past"), "'if_past' goes with 'until' only")
    if until is not None and isinstance(until.base, datetime) and at is not None:
        fields.fault(fields.place_of("at"), f"'{until}' has a time of day already; take 'at' out")
    if until is not None and fields.has("days"):
        fields.fault(fields.place_of("days"), "'days' goes with 'for' and 'at', not with 'until'")
    if span is not None and span.is_calendar:
        fields.fault(fields.place_of("for"), f"'{span}': months and years are not built yet here; use days")


def _span(node: Node) -> Duration:
    duration = read_duration(node)
    if duration.is_calendar:
        raise Fault(node.place, f"'{duration}': months and years are not built yet here; use days")
    return duration


def _until(node: Node, trigger: Trigger | None) -> Moment:
    """A fixed moment, or one counted from `entered`, `trigger` or the occasion's own date."""
    moment = read_moment(node)
    if trigger is None:
        return moment
    own = trigger.moment.anchor if isinstance(trigger, DateTrigger) else None
    known = [anchor for anchor in ("entered", "trigger", own) if anchor]
    if moment.anchor is not None and moment.anchor not in known:
        raise Fault(node.place, f"'{moment}' is not built yet or not known here{did_you_mean(moment.anchor, known)}")
    if moment.anchor in ("entered", "trigger") and moment.shift and moment.shift.is_calendar:
        raise Fault(node.place, f"'{moment}': months and years are not built yet here; use days")
    return moment


def _time_of(until: Moment | None, at: time | None, trigger: Trigger | None) -> time | None:
    """A day needs a time: the occasion's own unless said, else midnight."""
    dated = until is not None and not isinstance(until.base, datetime) and until.anchor not in ("entered", "trigger")
    if at is not None or not dated:
        return at
    return trigger.at if isinstance(trigger, DateTrigger) else time(0)


def _weekdays(node: Node) -> tuple[int, ...]:
    return every(lambda item: WEEKDAYS.index(one_of(*WEEKDAYS)(item)), items(node))


_READERS: dict[str, Callable[[Node, str | None, Trigger | None, Collection[str], Language], Step]] = {
    "send": _read_send,
    "wait": _read_wait,
}
