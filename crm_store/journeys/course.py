"""The course of a journey: its steps as a tree, and in which order a customer comes to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm_store.journeys.steps.base import Step


@dataclass(frozen=True)
class Arm:
    """A list of steps that some of those who come to a step take. `label`: in words, for people."""

    label: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Course:
    """`tree`: the steps of the file's own list; those of their arms are reached through them."""

    tree: tuple[Step, ...]

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All steps in file order, the arms' after the step they belong to. Nobody ever goes back."""
        return tuple(_flat(self.tree))

    @cached_property
    def _by_name(self) -> Mapping[str, Step]:
        return {step.name: step for step in self.steps}

    @cached_property
    def _following(self) -> Mapping[str, Step | None]:
        return dict(_followers(self.tree, None))

    def step(self, name: str) -> Step:
        return self._by_name[name]

    def after(self, name: str) -> Step | None:
        """The step that follows it once its arms are done, None at the end."""
        return self._following[name]

    def into(self, arm: Arm, of: Step) -> Step | None:
        """Where those who take an arm of a step come to: its first step, or what follows if it has none."""
        return arm.steps[0] if arm.steps else self.after(of.name)


def _flat(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        for arm in step.arms():
            yield from _flat(arm.steps)


def _followers(steps: Sequence[Step], at_end: Step | None) -> Iterator[tuple[str, Step | None]]:
    """(name, what follows it); after the last of an arm comes what follows the arm's step."""
    for step, following in zip(steps, (*steps[1:], at_end), strict=False):  # of an arm without steps there is no last one
        yield step.name, following
        for arm in step.arms():
            yield from _followers(arm.steps, following)
