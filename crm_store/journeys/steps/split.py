"""split: which arm a customer takes is drawn when she enters, so that the arms can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar, Self

from sqlalchemy import case, insert, literal, select, update

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, one_of, sure
from crm_store.content.literals import read_percent, read_whole
from crm_store.content.nodes import Mapping, Node
from crm_store.content.settings import read_elapsed
from crm_store.journeys.arms import read_list
from crm_store.journeys.course import Arm
from crm_store.journeys.deciding import Winner, decide, decision, ripe_since
from crm_store.journeys.reading import Reading
from crm_store.journeys.steps.base import Head, Step
from crm_store.many import ids_of
from crm_store.schema import assignment, customer, enrolment
from crm_store.schema.types import Words
from crm_store.segmentation.drawing import below, drawn

if TYPE_CHECKING:
    from crm_store.journeys.turn import Turn


@dataclass(frozen=True)
class Variant:
    """An arm, its share in percent, and its steps."""

    name: str
    share: Decimal
    then: tuple[Step, ...]


@dataclass(frozen=True)
class Split(Step):
    """The draw is salted by campaign and step: it knows nothing of samples, hold-outs and other splits."""

    verb: ClassVar = "split"
    help: ClassVar = (
        "{NAME: {share: 50 %, then: [STEPS]}, ..}: drawn once, at entry; shares are 100 % together; "
        "winner: {by: goal|clicked, decide: {after: 14 days, at_least: 1000}}: who comes later takes the better arm"
    )
    variants: tuple[Variant, ...]
    winner: Winner | None = None

    @classmethod
    def read(cls, fields: Fields, head: Head, reading: Reading) -> Self:
        said = fields.need("split", lambda node: _said(node, reading))
        fields.close()
        variants, winner = sure(said)
        return cls(head.name, head.place, variants, winner, was=head.was)

    def arms(self) -> Sequence[Arm]:
        return [Arm(f"{one.name} ({one.share} %)", one.then) for one in self.variants]

    def entered(self, turn: Turn, ids: Sequence[int]) -> None:
        """Draw an arm for each."""
        lot = drawn(f"split:{turn.version.campaign.name}:{self.name}")
        edges = accumulate(one.share for one in self.variants)
        arm = case(
            *((lot < below(edge), literal(one.name, Words)) for edge, one in zip(edges, self.variants, strict=True)),
            else_=literal(self.variants[-1].name, Words),
        )
        chosen = select(enrolment.c.id, literal(self.name, Words), arm).where(enrolment.c.id.in_(ids_of(ids)))
        chosen = chosen.join(customer, customer.c.id == enrolment.c.customer_id)
        turn.conn.execute(insert(assignment).from_select(["enrolment_id", "step", "variant"], chosen))

    def may_be_decided(self) -> bool:
        return self.winner is not None

    def is_ripe(self, turn: Turn) -> bool:
        return self.winner is not None and ripe_since(turn, self.name, self.winner) is not None

    def decide(self, turn: Turn) -> None:
        if self.winner is not None:
            decide(turn, self.name, tuple(one.name for one in self.variants), self.winner)

    def pass_on(self, turn: Turn, ids: Sequence[int]) -> int:
        course = turn.version.campaign.course
        taken = self._take(turn, ids)
        for one, arm in zip(self.variants, self.arms(), strict=True):
            chosen = [enrolment_id for enrolment_id in ids if taken.get(enrolment_id) == one.name]
            turn.go(chosen, course.into(arm, self), enrolment.c.next_at, variant=one.name)
        strays = [
            enrolment_id for enrolment_id in ids if taken.get(enrolment_id) not in {one.name for one in self.variants}
        ]
        turn.go(strays, course.after(self.name), enrolment.c.next_at)
        return 0

    def _take(self, turn: Turn, ids: Sequence[int]) -> dict[int, str]:
        """The arm of each: as drawn, or the winner of whom it was decided before; it is kept with the draw."""
        of_step = assignment.c.step == self.name, assignment.c.enrolment_id.in_(ids_of(ids))
        came_at = select(enrolment.c.next_at).where(enrolment.c.id == assignment.c.enrolment_id).scalar_subquery()
        turn.conn.execute(update(assignment).where(*of_step).values(taken_at=came_at, seen_at=turn.now))
        decided = decision(turn, self.name) if self.winner is not None else None
        if decided is not None and decided[1] is not None:
            later = assignment.c.taken_at > decided[0]
            turn.conn.execute(update(assignment).where(*of_step, later).values(variant=decided[1]))
        return {row.enrolment_id: row.variant for row in turn.conn.execute(select(assignment).where(*of_step))}

    def sentence(self) -> str:
        said = ["split: " + ", ".join(f"{one.share} % {one.name}" for one in self.variants)]
        return "; ".join([*said, *([self.winner.sentence()] if self.winner else [])])


def _said(node: Node, reading: Reading) -> tuple[tuple[Variant, ...], Winner | None]:
    entries = [entry for entry in node.entries if entry[0].text != "winner"] if isinstance(node, Mapping) else []
    if len(entries) < 2:
        raise Fault(node.place, "'split' needs at least two arms, e.g. {a: {share: 50 %, then: [..]}, b: {..}}")
    variants = reading.language.faults.each(lambda entry: _variant(entry[0].text, entry[1], reading), entries)
    total = sum(one.share for one in variants)
    if total != 100:
        raise Fault(node.place, f"the shares are {total} % together; make them 100 %")
    winner = node.get("winner") if isinstance(node, Mapping) else None
    return variants, _winner(winner, reading) if winner is not None else None


def _winner(node: Node, reading: Reading) -> Winner:
    fields = Fields(node, reading.language.faults, "'winner'")
    by = fields.need("by", one_of("goal", "clicked"))
    if by == "goal" and not reading.has_goal:
        fields.fault(fields.place_of("by"), "'by: goal' needs the campaign's `goal`; write one, or 'by: clicked'")
    decide = fields.need("decide", lambda value: _decide(value, reading))
    fields.close()
    return Winner(sure(by), *sure(decide))


def _decide(node: Node, reading: Reading) -> tuple[timedelta, int]:
    fields = Fields(node, reading.language.faults, "'decide'")
    after, at_least = fields.need("after", read_elapsed), fields.need("at_least", read_whole)
    fields.close()
    return sure(after), sure(at_least)


def _variant(name: str, node: Node, reading: Reading) -> Variant:
    fields = Fields(node, reading.language.faults, f"arm '{name}' of 'split'")
    share = fields.need("share", read_percent)
    then = fields.several("then", lambda value: read_list(value, reading))
    fields.close()
    return Variant(name, sure(share), then)
