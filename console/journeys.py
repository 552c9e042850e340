"""A campaign's journey as a tree: its steps, the ways they part into, and how many are at each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.tree import Tree

    from crm_store.insight.places import Places
    from crm_store.journeys.campaign import Campaign
    from crm_store.journeys.steps.base import Step


def journey(campaign: Campaign, here: Places) -> list[dict[str, Any]]:
    """The steps as plain values; those of older versions at which somebody still is come last."""
    gone = sorted(set(here.at) - {step.name for step in campaign.course.steps})
    older = [{"step": name, "says": "of an older version", "here": here.at[name], "arms": []} for name in gone]
    return [*_steps(campaign.course.tree, here.at), *older]


def _steps(steps: Sequence[Step], at: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for step in steps:
        arms = [{"arm": arm.label, "steps": list(_steps(arm.steps, at))} for arm in step.arms()]
        yield {"step": step.name, "says": step.sentence(), "here": at.get(step.name, 0), "arms": arms}


def journey_tree(title: str, steps: Sequence[Mapping[str, Any]]) -> Tree:
    """To be printed."""
    from rich.tree import Tree

    tree = Tree(title)
    _grow(tree, steps)
    return tree


def _grow(tree: Tree, steps: Sequence[Mapping[str, Any]]) -> None:
    for step in steps:
        here = f"  [{step['here']} here]" if step["here"] else ""
        grown = tree.add(f"{step['step']}: {step['says']}{here}")
        for arm in step["arms"]:
            _grow(grown.add(arm["arm"]), arm["steps"])
