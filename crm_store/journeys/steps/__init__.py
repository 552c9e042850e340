"""The steps of a journey: read here, from lists in file order. A new verb is one file and a line in VERBS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.fields import Fields, one_of, text
from crm_store.content.nodes import Mapping, Node
from crm_store.journeys.arms import read_list
from crm_store.journeys.course import Course
from crm_store.journeys.reading import Reading, next_sends
from crm_store.journeys.steps.base import Head, Speaking, Step
from crm_store.journeys.steps.branch import Branch
from crm_store.journeys.steps.exit import Exit
from crm_store.journeys.steps.follow_up import FollowUp
from crm_store.journeys.steps.pause import Pause
from crm_store.journeys.steps.send import Send
from crm_store.journeys.steps.split import Split
from crm_store.journeys.steps.update import Update
from crm_store.journeys.steps.wait import Wait
from crm_store.journeys.steps.wait_for import WaitFor

VERBS: tuple[type[Step], ...] = (Send, Wait, WaitFor, Branch, Split, Update, Pause, FollowUp, Exit)

__all__ = [
    "VERBS",
    "Exit",
    "FollowUp",
    "Pause",
    "Send",
    "Speaking",
    "Split",
    "Step",
    "Update",
    "Wait",
    "WaitFor",
    "read_course",
    "read_step",
]


def read_course(node: Node, reading: Reading) -> Course:
    """All steps, named. Raises Fault, or Incomplete with every fault collected."""
    reading = replace(reading, following=next_sends(node))
    course = Course(read_list(node, reading))
    _refuse_doubled_names(course.steps)
    _refuse_names_still_there(course.steps)
    return course


def _refuse_doubled_names(steps: Sequence[Step]) -> None:
    seen: dict[str, Step] = {}
    for step in steps:
        if step.name in seen:
            first = seen[step.name].place.line
            raise Fault(step.place, f"two steps are called '{step.name}' (line {first}); give one a `name`")
        seen[step.name] = step


def _refuse_names_still_there(steps: Sequence[Step]) -> None:
    """`was` is a name that no step has now, and that one step had before."""
    now = {step.name for step in steps}
    seen: dict[str, Step] = {}
    for step in steps:
        if step.was is None:
            continue
        if step.was in now:
            raise Fault(step.place, f"step '{step.was}' is still there; take `was` out, or rename that one")
        if step.was in seen:
            first = seen[step.was].place.line
            raise Fault(step.place, f"two steps were '{step.was}' (line {first}); only one of them can go on as that")
        seen[step.was] = step


def read_step(node: Node, reading: Reading) -> Step:
    """One step, with those of its arms."""
    if not isinstance(node, Mapping):
        raise Fault(node.place, "a step must be a mapping, e.g. `send: welcome` or `wait: 3 days`")
    verb = _verb(node)
    fields = Fields(node, reading.language.faults, f"step '{verb.verb}'")
    return verb.read(fields, _head(fields, verb, node, reading), reading)


def _verb(node: Mapping) -> type[Step]:
    verbs = [verb for verb in VERBS if verb.verb in node.names()]
    if len(verbs) > 1:
        both = " and ".join(f"'{verb.verb}'" for verb in verbs)
        raise Fault(node.place, f"{both} exclude each other; a step has exactly one verb")
    if not verbs:
        hint = did_you_mean(node.names()[0], [verb.verb for verb in VERBS]) if node.entries else ""
        raise Fault(node.place, f"a step needs exactly one verb{hint or ', e.g. `send: welcome`'}")
    return verbs[0]


def _head(fields: Fields, verb: type[Step], node: Mapping, reading: Reading) -> Head:
    template = node.get("send")
    usual = text(template) if template is not None else reading.usual_name(verb.verb, node)
    on_error = fields.get("on_error", one_of("continue", "stop"), "continue") if verb.can_fail else "continue"
    return Head(fields.get("name", text, usual), node.place, fields.maybe("was", text), on_error)
