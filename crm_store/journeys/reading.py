"""What is known while a campaign file is read: the words, the settings, and what the file itself names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from crm_store.content.nodes import Mapping as MappingNode
from crm_store.content.nodes import Node, Scalar, Sequence
from crm_store.content.settings import Settings
from crm_store.segmentation.language import UNKNOWN_EVENT, Language

if TYPE_CHECKING:
    from crm_store.journeys.triggers import Trigger


@dataclass(frozen=True)
class Reading:
    """`trigger`: None where `enter` has a fault. `offers`: the names of the file's own. `following`: see `next_sends`."""

    language: Language
    settings: Settings
    trigger: Trigger | None = None
    offers: Collection[str] = ()
    following: Mapping[int, str | None] = field(default_factory=dict)

    @property
    def of_enrolments(self) -> Language:
        """The language of conditions that may refer to the enrolment."""
        event = self.trigger.event() if self.trigger else UNKNOWN_EVENT
        return replace(self.language, in_campaign=True, trigger_event=event, own_offers=frozenset(self.offers))

    def usual_name(self, verb: str, node: Node) -> str:
        """What a step is called that sends nothing and has no name: its verb, and the next send in file order."""
        following = self.following.get(id(node))
        return f"{verb} before {following}" if following else f"{verb} at end"


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


def _mappings(node: Node | None) -> list[MappingNode]:
    """All mappings in file order."""
    if isinstance(node, Sequence):
        return [inner for item in node.items for inner in _mappings(item)]
    if isinstance(node, MappingNode):
        return [node, *(inner for _, value in node.entries for inner in _mappings(value))]
    return []
