"""A list of steps, as the file has one at its top and in every arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_store.content.nodes import Node
from crm_store.journeys.reading import Reading

if TYPE_CHECKING:
    from crm_store.journeys.steps.base import Step


def read_list(node: Node, reading: Reading) -> tuple[Step, ...]:
    """The steps of a list, in file order. Raises Fault, or Incomplete with every fault collected."""
    from crm_store.content.fields import items
    from crm_store.journeys.steps import read_step  # the registry, which knows the step whose arm this is

    return reading.language.faults.each(lambda item: read_step(item, reading), items(node))
