"""exit: the journey ends here, for a reason that results show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from crm_store.content.fields import Fields, sure, text
from crm_store.journeys.reading import Reading
from crm_store.journeys.steps.base import Head, Step
from crm_store.schema import enrolment

if TYPE_CHECKING:
    from crm_store.journeys.turn import Turn


@dataclass(frozen=True)
class Exit(Step):
    """Whoever comes here leaves."""

    verb: ClassVar = "exit"
    help: ClassVar = "the journey ends here; the reason, in a few words, stays with the enrolment"
    reason: str

    @classmethod
    def read(cls, fields: Fields, head: Head, reading: Reading) -> Self:
        reason = fields.need("exit", text)
        fields.close()
        return cls(head.name, head.place, sure(reason), was=head.was)

    def at_once(self) -> bool:
        return True

    def pass_on(self, turn: Turn, ids: Sequence[int]) -> int:
        return turn.leave(ids, self.reason, enrolment.c.next_at)

    def sentence(self) -> str:
        return f"leave: {self.reason}"
