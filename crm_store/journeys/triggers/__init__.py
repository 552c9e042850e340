"""What enters customers into a campaign. A new trigger is one file here and a line in TRIGGERS and in KINDS."""

from __future__ import annotations

from collections.abc import Mapping

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields
from crm_store.content.nodes import Node
from crm_store.journeys.triggers.base import Trigger, Window
from crm_store.journeys.triggers.by_hand import ByHandTrigger
from crm_store.journeys.triggers.date import DateTrigger
from crm_store.journeys.triggers.event import EventTrigger
from crm_store.journeys.triggers.lapse import LapseTrigger
from crm_store.journeys.triggers.schedule import ScheduleTrigger
from crm_store.journeys.triggers.segment import SegmentTrigger
from crm_store.segmentation.language import Language

TRIGGERS: tuple[type[Trigger], ...] = (
    ScheduleTrigger,
    EventTrigger,
    SegmentTrigger,
    ByHandTrigger,
    DateTrigger,
    LapseTrigger,
)

# The kinds of campaigns are recipes: which triggers enter them. Each has a flow of its name.
KINDS: Mapping[str, tuple[type[Trigger], ...]] = {
    "broadcast": (ScheduleTrigger,),
    "nurture": (EventTrigger, SegmentTrigger, ByHandTrigger),
    "occasion": (DateTrigger,),
    "winback": (LapseTrigger,),
}

__all__ = ["KINDS", "TRIGGERS", "Trigger", "Window", "read_trigger"]


def read_trigger(node: Node, kind: str, language: Language) -> Trigger:
    """The trigger that `enter` says, one of those its kind of campaign has. Raises Fault or Incomplete."""
    what = f"'enter' of {'an' if kind[0] in 'aeiou' else 'a'} {kind} campaign"
    fields = Fields(node, language.faults, what)
    words = {word: trigger for trigger in KINDS[kind] for word in (trigger.word, *trigger.others)}
    said = [trigger for word, trigger in words.items() if fields.has(word)]
    if len(said) == 1:
        return said[0].read(fields, language)
    *most, last = (f"'{word}'" for word in words)
    needed = f"{', '.join(most)} or {last}" if most else last
    raise Fault(node.place, f"{what} needs {needed}" + (", one of them only" if said else ""))
