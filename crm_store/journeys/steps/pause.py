"""pause: for some time nothing of a topic, or no marketing at all, is sent to the customer, by any campaign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from crm_store.calendar import shifted, zone_of
from crm_store.clock import span
from crm_store.content.fields import Fields, one_of, sure
from crm_store.content.literals import Duration, read_duration
from crm_store.content.nodes import Node
from crm_store.content.settings import read_elapsed
from crm_store.journeys.reading import Reading
from crm_store.journeys.steps.base import Head, Step
from crm_store.ledger.pauses import begin_pauses, lift_pauses, paused_by
from crm_store.many import ids_of
from crm_store.schema import enrolment, pause
from crm_store.schema.types import later
from crm_store.segmentation.conditions import read_condition
from crm_store.segmentation.conditions.base import Condition

if TYPE_CHECKING:
    from crm_store.journeys.turn import Turn


@dataclass(frozen=True)
class Pause(Step):
    """The journey itself goes on; its own mails are paused like all others. `topic`: None is all marketing."""

    verb: ClassVar = "pause"
    help: ClassVar = "{purpose: marketing, or topic: NAME, for: D, or until: CONDITION with at_most: D}; service goes on"
    topic: str | None
    span: Duration | None
    until: Condition | None
    at_most: timedelta | None

    @classmethod
    def read(cls, fields: Fields, head: Head, reading: Reading) -> Self:
        pause = fields.need("pause", lambda node: cls._said(node, head, reading))
        fields.close()
        return sure(pause)

    @classmethod
    def _said(cls, node: Node, head: Head, reading: Reading) -> Self:
        fields = Fields(node, reading.language.faults, "'pause'")
        _one_of_two(fields, "purpose", "topic")
        _one_of_two(fields, "for", "until")
        fields.maybe("purpose", one_of("marketing"))
        topic = fields.maybe("topic", reading.language.vocabulary.topic)
        length = fields.maybe("for", read_duration)
        until = fields.maybe("until", lambda value: read_condition(value, reading.of_enrolments))
        at_most = fields.maybe("at_most", read_elapsed)
        if fields.has("at_most") != fields.has("until"):
            fields.fault(fields.place, "'until' and 'at_most' of 'pause' go together; write both, or 'for'")
        fields.close()
        return cls(head.name, head.place, topic, length, until, at_most, was=head.was)

    def conditions(self) -> Sequence[Condition]:
        return [self.until] if self.until is not None else []

    def at_once(self) -> bool:
        return True

    def pass_on(self, turn: Turn, ids: Sequence[int]) -> int:
        begun = enrolment.c.next_at
        where = zone_of(enrolment.c.customer_id, turn.version.settings.company.zone.key)
        end = later(begun, self.at_most) if self.at_most else shifted(begun, self.span, 1, where)
        begin_pauses(turn.conn, ids, self.name, self.topic, end, lifts=self.until is not None)
        self.lift(turn, ids)
        turn.go(ids, turn.version.campaign.course.after(self.name), begun)
        return 0

    def lift(self, turn: Turn, ids: Sequence[int]) -> None:
        """End the pauses of these enrolments, as far as its condition holds by now. Later ticks look at those only of whom
        it may say something else since."""
        if self.until is None:
            return
        open_ = paused_by(turn.version.id, self.name, turn.now).where(pause.c.enrolment_id.in_(ids_of(ids)))
        ended = turn.holding(self.until, list(turn.conn.execute(open_).scalars()))
        if ended:
            lift_pauses(turn.conn, ended, self.name, turn.now)

    def sentence(self) -> str:
        what = f"mails about {self.topic}" if self.topic else "all marketing"
        if self.until is None or self.at_most is None:
            return f"pause {what} for {self.span}"
        return f"pause {what} until {self.until.sentence()}, at most {span(self.at_most)}"


def _one_of_two(fields: Fields, one: str, other: str) -> None:
    if fields.has(one) and fields.has(other):
        fields.fault(fields.place_of(other), f"'{one}' and '{other}' exclude each other; keep one")
    if not fields.has(one) and not fields.has(other):
        fields.fault(fields.place, f"'pause' needs one of '{one}', '{other}'")
