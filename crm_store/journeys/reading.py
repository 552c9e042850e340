"""What is known while a campaign file is read: the words, the settings, and what the file itself names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.fields import text
from crm_store.content.nodes import Mapping as MappingNode
from crm_store.content.nodes import Node, Scalar, Sequence
from crm_store.content.settings import Settings
from crm_store.segmentation.language import UNKNOWN_EVENT, Language

if TYPE_CHECKING:
    from crm_store.journeys.triggers import Trigger


@dataclass(frozen=True)
class Reading:
    """`trigger`: None where `enter` has a fault. `offers`: the names of the file's own. `following`: see `next_sends`.
    `touching`: the names of steps that write a touch."""

    language: Language
    settings: Settings
    trigger: Trigger | None = None
    offers: Collection[str] = ()
    following: Mapping[int, str | None] = field(default_factory=dict)
    touching: Collection[str] = ()
    has_goal: bool = False

    @property
    def of_enrolments(self) -> Language:
        """The language of conditions that may refer to the enrolment."""
        event = self.trigger.event() if self.trigger else UNKNOWN_EVENT
        offers, steps = frozenset(self.offers), frozenset(self.touching)
        return replace(self.language, in_campaign=True, trigger_event=event, own_offers=offers, own_steps=steps)

    def usual_name(self, verb: str, node: Node) -> str:
        """What a step is called that sends nothing and has no name: its verb, and the next send in file order."""
        return usual_name(verb, self.following.get(id(node)))


def configured(known: Collection[str], what: str) -> Callable[[Node], str]:
    """A reader of a name that config/rapport.yaml has."""

    def read(node: Node) -> str:
        if text(node) not in known:
            raise Fault(node.place, f"{what} '{text(node)}' is not in config/rapport.yaml{did_you_mean(text(node), known)}")
        return text(node)

    return read


def next_sends(steps: Node | None) -> dict[int, str | None]:
    """For each mapping among the steps, at any depth: the template or name of the next send below it in the file."""
    found: dict[int, str | None] = {}
    following: str | None = None
    for node in reversed(_mappings(steps)):
        found[id(node)] = following
        name = node.get("name") or node.get("send")
        if node.get("send") is not None and isinstance(name, Scalar):
            following = name.text
    return found


def touching_steps(steps: Node | None) -> frozenset[str]:
    """The names of the steps, at any depth, that write a touch."""
    following, found = next_sends(steps), set()
    for node in _mappings(steps):
        name, template = node.get("name"), node.get("send")
        if template is None and node.get("follow_up") is None:
            continue
        said = name or template
        if isinstance(said, Scalar):
            found.add(said.text)
        elif said is None:
            found.add(usual_name("follow_up", following.get(id(node))))
    return frozenset(found)


def usual_name(verb: str, following: str | None) -> str:
    """What a step is called that sends nothing and has no name: its verb, and the next send in file order."""
    return f"{verb} before {following}" if following else f"{verb} at end"


def _mappings(node: Node | None) -> list[MappingNode]:
    """All mappings in file order."""
    if isinstance(node, Sequence):
        return [inner for item in node.items for inner in _mappings(item)]
    if isinstance(node, MappingNode):
        return [node, *(inner for _, value in node.entries for inner in _mappings(value))]
    return []
