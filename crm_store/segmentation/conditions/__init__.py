"""The kinds of conditions. A new kind is one file here and one line in KINDS."""

from __future__ import annotations

from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.nodes import Mapping, Node
from crm_store.segmentation.conditions.attribute import AttributeCondition
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.conditions.campaign import CampaignCondition
from crm_store.segmentation.conditions.consent import ConsentCondition
from crm_store.segmentation.conditions.event import EventCondition
from crm_store.segmentation.conditions.follow_up import FollowUpCondition
from crm_store.segmentation.conditions.list import ListCondition
from crm_store.segmentation.conditions.logic import AllOf, AnyOf, Not
from crm_store.segmentation.conditions.message import MessageCondition
from crm_store.segmentation.conditions.near import NearCondition
from crm_store.segmentation.conditions.offer import OfferCondition
from crm_store.segmentation.conditions.reachable import ReachableCondition
from crm_store.segmentation.conditions.sample import SampleCondition
from crm_store.segmentation.conditions.score import ScoreCondition
from crm_store.segmentation.conditions.segment import SegmentCondition
from crm_store.segmentation.conditions.sequence import SequenceCondition
from crm_store.segmentation.conditions.suppressed import SuppressedCondition
from crm_store.segmentation.language import Language

KINDS: tuple[type[Condition], ...] = (
    AllOf,
    AnyOf,
    Not,
    AttributeCondition,
    EventCondition,
    MessageCondition,
    SequenceCondition,
    SegmentCondition,
    ListCondition,
    CampaignCondition,
    OfferCondition,
    FollowUpCondition,
    ScoreCondition,
    ConsentCondition,
    ReachableCondition,
    SuppressedCondition,
    NearCondition,
    SampleCondition,
)


def read_condition(node: Node, language: Language) -> Condition:
    """The condition a node says. Raises Fault or Incomplete."""
    if not isinstance(node, Mapping) or not node.entries:
        raise Fault(node.place, "a condition must be a mapping, e.g. `attribute: country` with `is: DE`")
    kinds = {kind.kind: kind for kind in KINDS}
    found = [kinds[key] for key in node.names() if key in kinds]
    if len(found) == 1:
        return found[0].read(node, language)
    if len(found) > 1:
        names = " and ".join(f"'{kind.kind}'" for kind in found)
        raise Fault(node.place, f"{names} stand in one condition; make each an item of `all:` or `any:`")
    first = node.names()[0]
    raise Fault(node.place, f"no known kind of condition here (it begins with '{first}'){did_you_mean(first, kinds)}")
