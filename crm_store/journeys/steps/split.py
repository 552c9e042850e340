"""split: which arm a customer takes is drawn when she enters, so that the arms can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar, Self

from sqlalchemy import case, insert, literal, select

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, sure
from crm_store.content.literals import read_percent
from crm_store.content.nodes import Mapping, Node
from crm_store.journeys.arms import read_list
from crm_store.journeys.course import Arm
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
    help: ClassVar = "{NAME: {share: 50 %, then: [STEPS]}, ..}: drawn once, at entry; shares are 100 % together"
    variants: tuple[Variant, ...]

    @classmethod
    def read(cls, fields: Fields, head: Head, reading: Reading) -> Self:
        variants = fields.need("split", lambda node: _variants(node, reading))
        fields.close()
        return cls(head.name, head.place, sure(variants), was=head.was)

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

    def pass_on(self, turn: Turn, ids: Sequence[int]) -> int:
        course = turn.version.campaign.course
        of_step = assignment.c.step == self.name, assignment.c.enrolment_id.in_(ids_of(ids))
        taken = {row.enrolment_id: row.variant for row in turn.conn.execute(select(assignment).where(*of_step))}
        for one, arm in zip(self.variants, self.arms(), strict=True):
            chosen = [enrolment_id for enrolment_id in ids if taken.get(enrolment_id) == one.name]
            turn.go(chosen, course.into(arm, self), enrolment.c.next_at, variant=one.name)
        strays = [
            enrolment_id for enrolment_id in ids if taken.get(enrolment_id) not in {one.name for one in self.variants}
        ]
        turn.go(strays, course.after(self.name), enrolment.c.next_at)
        return 0

    def sentence(self) -> str:
        return "split: " + ", ".join(f"{one.share} % {one.name}" for one in self.variants)


def _variants(node: Node, reading: Reading) -> tuple[Variant, ...]:
    if not isinstance(node, Mapping) or len(node.entries) < 2:
        raise Fault(node.place, "'split' needs at least two arms, e.g. {a: {share: 50 %, then: [..]}, b: {..}}")
    variants = reading.language.faults.each(lambda entry: _variant(entry[0].text, entry[1], reading), node.entries)
    total = sum(one.share for one in variants)
    if total != 100:
        raise Fault(node.place, f"the shares are {total} % together; make them 100 %")
    return variants


def _variant(name: str, node: Node, reading: Reading) -> Variant:
    fields = Fields(node, reading.language.faults, f"arm '{name}' of 'split'")
    share = fields.need("share", read_percent)
    then = fields.several("then", lambda value: read_list(value, reading))
    fields.close()
    return Variant(name, sure(share), then)
