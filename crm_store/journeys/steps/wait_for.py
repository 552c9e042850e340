"""wait_for: until a condition holds, or until a time has passed, whichever comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sqlalchemy import literal

from crm_store.clock import span
from crm_store.content.fields import Fields, sure
from crm_store.content.settings import read_elapsed
from crm_store.journeys.arms import read_list
from crm_store.journeys.course import Arm
from crm_store.journeys.reading import Reading
from crm_store.journeys.steps.base import Column, Head, Step
from crm_store.schema import enrolment
from crm_store.schema.types import Instant, later
from crm_store.segmentation.conditions import read_condition
from crm_store.segmentation.conditions.base import Condition

if TYPE_CHECKING:
    from crm_store.journeys.turn import Turn


@dataclass(frozen=True)
class WaitFor(Step):
    """Looked at in every tick. What comes after counts from the look that saw it, or from the end of the wait."""

    verb: ClassVar = "wait_for"
    help: ClassVar = "a condition, `at_most: D`, with `then: [STEPS]` and `otherwise: [STEPS]`; it may refer to the trigger"
    condition: Condition
    at_most: timedelta
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...]

    @classmethod
    def read(cls, fields: Fields, head: Head, reading: Reading) -> Self:
        condition = fields.need("wait_for", lambda node: read_condition(node, reading.of_enrolments))
        at_most = fields.need("at_most", read_elapsed)
        then = fields.several("then", lambda node: read_list(node, reading))
        otherwise = fields.several("otherwise", lambda node: read_list(node, reading))
        fields.close()
        return cls(head.name, head.place, sure(condition), sure(at_most), then, otherwise, was=head.was)

    def arms(self) -> Sequence[Arm]:
        return [Arm("then", self.then), Arm("otherwise", self.otherwise)]

    def conditions(self) -> Sequence[Condition]:
        return [self.condition]

    def watched(self) -> Condition:
        return self.condition

    def come(self, turn: Turn, ids: Sequence[int], base: Column) -> dict[str, Any]:
        return {"next_at": later(base, self.at_most), "past": False}

    def seen(self, turn: Turn, ids: Sequence[int]) -> None:
        then, _ = self.arms()
        turn.go(ids, turn.version.campaign.course.into(then, self), literal(turn.now, Instant()))

    def pass_on(self, turn: Turn, ids: Sequence[int]) -> int:
        """Time is up; for those whom it holds at last, `then` counts from there too."""
        course = turn.version.campaign.course
        then, otherwise = self.arms()
        held = turn.holding(self.condition, ids)
        turn.go(held, course.into(then, self), enrolment.c.next_at)
        turn.go(sorted(set(ids).difference(held)), course.into(otherwise, self), enrolment.c.next_at)
        return 0

    def sentence(self) -> str:
        return f"wait until {self.condition.sentence()}, at most {span(self.at_most)}"
