"""What enters customers into a campaign. A new trigger is one file here and a line in TRIGGERS and in KINDS."""

from __future__ import annotations

from collections.abc import Mapping

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields
from crm_store.content.nodes import Mapping as MappingNode
from crm_store.content.nodes import Node
from crm_store.journeys.triggers.base import Trigger, Window
from crm_store.journeys.triggers.date import DateTrigger
from crm_store.journeys.triggers.event import EventTrigger
from crm_store.journeys.triggers.lapse import LapseTrigger
from crm_store.journeys.triggers.segment import SegmentTrigger
from crm_store.segmentation.language import Language

TRIGGERS: tuple[type[Trigger], ...] = (EventTrigger, SegmentTrigger, DateTrigger, LapseTrigger)

# The kinds of campaigns are recipes: which triggers enter them. Each has a flow of its name.
KINDS: Mapping[str, tuple[type[Trigger], ...]] = {
    "nurture": (EventTrigger, SegmentTrigger),
    "occasion": (DateTrigger,),
    "winback": (LapseTrigger,),
}
PLANNED_KINDS = ("broadcast",)
PLANNED_WORDS = ("by_hand", "quiet_for", "time", "every", "cron", "zone", "years")

__all__ = ["KINDS", "PLANNED_KINDS", "PLANNED_WORDS", "TRIGGERS", "Trigger", "Window", "read_trigger"]


def read_trigger(node: Node, kind: str, language: Language) -> Trigger:
    """The trigger that `enter` says, one of those its kind of campaign has. Raises Fault or Incomplete."""
    what = f"'enter' of {'an' if kind[0] in 'aeiou' else 'a'} {kind} campaign"
    fields = Fields(node, language.faults, what, planned=PLANNED_WORDS)
    possible = [trigger for trigger in KINDS[kind] if fields.has(trigger.word)]
    if len(possible) == 1:
        return possible[0].read(fields, language)
    if isinstance(node, MappingNode) and "by_hand" in node.names():
        raise Fault(node.place, "'by_hand' is not built yet; enter by an event or a segment")
    words = " or ".join(f"'{trigger.word}'" for trigger in KINDS[kind])
    raise Fault(node.place, f"{what} needs {words}" + (", not both" if possible else ""))
