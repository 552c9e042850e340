"""branch: which way it goes on, by conditions; the first that holds takes her, else `otherwise`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, items, sure
from crm_store.content.nodes import Mapping, Node
from crm_store.journeys.arms import read_list
from crm_store.journeys.course import Arm
from crm_store.journeys.reading import Reading
from crm_store.journeys.steps.base import Head, Step
from crm_store.schema import enrolment
from crm_store.segmentation.conditions import read_condition
from crm_store.segmentation.conditions.base import Condition

if TYPE_CHECKING:
    from crm_store.journeys.turn import Turn


@dataclass(frozen=True)
class Way:
    """One of the ways: whom it takes, and the steps there."""

    when: Condition
    then: tuple[Step, ...]


@dataclass(frozen=True)
class Branch(Step):
    """Looks at the customer when her turn comes, once."""

    verb: ClassVar = "branch"
    help: ClassVar = "[{when: CONDITION, then: [STEPS]}, .., {otherwise: [STEPS]}]: the first that holds, judged once"
    ways: tuple[Way, ...]
    otherwise: tuple[Step, ...]

    @classmethod
    def read(cls, fields: Fields, head: Head, reading: Reading) -> Self:
        found = fields.need("branch", lambda node: _ways(node, reading))
        fields.close()
        ways, otherwise = sure(found)
        return cls(head.name, head.place, ways, otherwise, was=head.was)

    def arms(self) -> Sequence[Arm]:
        ways = [Arm(f"when {way.when.sentence()}", way.then) for way in self.ways]
        return [*ways, Arm("otherwise", self.otherwise)]

    def conditions(self) -> Sequence[Condition]:
        return [way.when for way in self.ways]

    def at_once(self) -> bool:
        """Where one of its ways begins with such a step."""
        return any(arm.steps and arm.steps[0].at_once() for arm in self.arms())

    def pass_on(self, turn: Turn, ids: Sequence[int]) -> int:
        course, left = turn.version.campaign.course, list(ids)
        *arms, rest = self.arms()
        for way, arm in zip(self.ways, arms, strict=True):
            taken = turn.holding(way.when, left)
            turn.go(taken, course.into(arm, self), enrolment.c.next_at)
            left = sorted(set(left).difference(taken))
        turn.go(left, course.into(rest, self), enrolment.c.next_at)
        return 0

    def sentence(self) -> str:
        return f"one of {len(self.ways) + 1} ways"


def _ways(node: Node, reading: Reading) -> tuple[tuple[Way, ...], tuple[Step, ...]]:
    nodes = items(node)
    last = nodes[-1]
    has_rest = isinstance(last, Mapping) and last.get("otherwise") is not None
    ways = reading.language.faults.each(lambda item: _way(item, reading), nodes[:-1] if has_rest else nodes)
    if not ways:
        raise Fault(node.place, "'branch' needs at least one `{when: .., then: [..]}`")
    return ways, _otherwise(last, reading) if has_rest else ()


def _way(node: Node, reading: Reading) -> Way:
    fields = Fields(node, reading.language.faults, "a way of 'branch'")
    if fields.has("otherwise"):
        raise Fault(fields.place_of("otherwise"), "'otherwise' is the last way of a branch, and alone in it; move it there")
    when = fields.need("when", lambda value: read_condition(value, reading.of_enrolments))
    then = fields.need("then", lambda value: read_list(value, reading))
    fields.close()
    return Way(sure(when), sure(then))


def _otherwise(node: Node, reading: Reading) -> tuple[Step, ...]:
    fields = Fields(node, reading.language.faults, "the last way of 'branch'")
    steps = fields.need("otherwise", lambda value: read_list(value, reading))
    fields.close()
    return sure(steps)
