"""update: what is known of the customer changes: attributes, the stage, a consent; as of the instant of her turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sqlalchemy import select

from crm_store.consent.record import STATES, ConsentFact, History, record_consents
from crm_store.content.faults import Fault, Unnamed, nearest
from crm_store.content.fields import Fields, one_of, sure, text, texts
from crm_store.content.nodes import Mapping as MappingNode
from crm_store.content.nodes import Node, Scalar
from crm_store.content.vocabulary import Attribute
from crm_store.intake.customers import change_customers
from crm_store.intake.records import CustomerRecord
from crm_store.intake.values import TYPED, Reject, Rules, nest
from crm_store.journeys.reading import Reading
from crm_store.journeys.steps.base import Head, Step
from crm_store.many import ids_of
from crm_store.schema import customer, enrolment
from crm_store.store import machine_now

if TYPE_CHECKING:
    from crm_store.journeys.turn import Turn


@dataclass(frozen=True)
class ConsentUpdate:
    """What is written about a consent."""

    channel: str
    topic: str
    state: str


@dataclass(frozen=True)
class Update(Step):
    """Written by the code that writes imports. Fails where consent would be given back to whom it was withdrawn by."""

    verb: ClassVar = "update"
    help: ClassVar = "{attributes: {NAME: VALUE}, stage: X, consent: {channel, topic, state}}: one of them or several"
    can_fail: ClassVar = True
    attributes: Mapping[str, Any]  # as the store keeps them; dotted names are nested
    stage: str | None
    consent: ConsentUpdate | None

    @classmethod
    def read(cls, fields: Fields, head: Head, reading: Reading) -> Self:
        said = fields.need("update", lambda node: _said(node, reading))
        fields.close()
        return cls(head.name, head.place, *sure(said), was=head.was, on_error=head.on_error)

    def at_once(self) -> bool:
        return True

    def pass_on(self, turn: Turn, ids: Sequence[int]) -> int:
        failed = self._write(turn, ids)
        stopped = sorted(failed) if self.on_error == "stop" else []
        going = [one for one in ids if one not in set(stopped)]
        turn.go(going, turn.version.campaign.course.after(self.name), enrolment.c.next_at)
        left = turn.leave(stopped, "failed", enrolment.c.next_at)
        # What it has written may be what the campaign is left for: looked at here, it is so whoever plans the rest.
        return left + turn.leave(turn.where_exit_holds([*going, *_waiting_too(turn, ids)]), "exit")

    def _write(self, turn: Turn, ids: Sequence[int]) -> set[int]:
        """Of those who are held out nothing is written. Returns the enrolments whose update could not be."""
        chosen = select(enrolment.c.id, enrolment.c.customer_id, enrolment.c.next_at)
        chosen = chosen.join(customer, customer.c.id == enrolment.c.customer_id).where(enrolment.c.id.in_(ids_of(ids)))
        wanted = enrolment.c.held_out_at.is_(None), customer.c.erased_at.is_(None)
        rows = turn.conn.execute(chosen.where(*wanted).order_by(enrolment.c.next_at.desc(), enrolment.c.id)).all()
        source, at = f"campaign {turn.version.campaign.name}", machine_now(turn.conn)
        if self.attributes or self.stage:
            columns = {"stage": self.stage} if self.stage else {}
            first: dict[int, datetime] = {row.customer_id: row.next_at for row in rows}
            change_customers(turn.conn, first, CustomerRecord("", columns, dict(self.attributes), ()), source, at)
        if self.consent is None:
            return set()
        said = {row.id: self._fact(self.consent, row.customer_id, row.next_at, source) for row in reversed(rows)}
        return _record(turn, said, at)

    def _fact(self, consent: ConsentUpdate, customer_id: int, at: datetime, source: str) -> ConsentFact:
        return ConsentFact(customer_id, consent.channel, consent.topic, consent.state, at, source)

    def sentence(self) -> str:
        said = [f"{name} = {value}" for name, value in self.attributes.items()]
        said += [f"stage = {self.stage}"] if self.stage else []
        if self.consent is not None:
            said += [f"consent to {self.consent.topic} by {self.consent.channel} = {self.consent.state}"]
        return "update " + ", ".join(said)


def _waiting_too(turn: Turn, ids: Sequence[int]) -> list[int]:
    """What else of this version the same customers wait in."""
    customers = select(enrolment.c.customer_id).where(enrolment.c.id.in_(ids_of(ids)))
    others = enrolment.c.campaign == turn.version.campaign.name, enrolment.c.customer_id.in_(customers)
    waits = enrolment.c.definition_id == turn.version.id, enrolment.c.state == "in", enrolment.c.next_at.is_not(None)
    return list(turn.conn.execute(select(enrolment.c.id).where(*others, *waits)).scalars())


def _record(turn: Turn, said: Mapping[int, ConsentFact], at: datetime) -> set[int]:
    """Append consents to the history. Returns the enrolments whose consent may not be taken."""
    history, taken, failed = History.of(turn.conn, [fact.customer_id for fact in said.values()]), [], set()
    for enrolment_id, fact in said.items():
        kept, refused = history.take([fact])
        taken += kept
        failed |= {enrolment_id} if refused else set()
    record_consents(turn.conn, taken, at)
    return failed


def _said(node: Node, reading: Reading) -> tuple[dict[str, Any], str | None, ConsentUpdate | None]:
    vocabulary = reading.language.vocabulary
    fields = Fields(node, reading.language.faults, "'update'")
    if not any(fields.has(key) for key in ("attributes", "stage", "consent")):
        fields.fault(node.place, "'update' needs one of 'attributes', 'stage', 'consent'")
    attributes = fields.table("attributes", lambda value: _attributes(value, reading))
    stage = fields.maybe("stage", one_of(*vocabulary.stages))
    consent = fields.maybe("consent", lambda value: _consent(value, reading))
    fields.close()
    return attributes, stage, consent


def _attributes(node: Node, reading: Reading) -> dict[str, Any]:
    if not isinstance(node, MappingNode) or not node.entries:
        raise Unnamed(node, "must be a mapping of attributes, e.g. {tier: gold}")
    found: dict[str, Any] = {}
    for name, value in reading.language.faults.each(lambda entry: _value(entry[0], entry[1], reading), node.entries):
        try:
            nest(found, name, value)
        except Reject as reject:
            raise Fault(node.place, f"attribute '{name}': {reject}") from None
    return found


def _value(name: Scalar, node: Node, reading: Reading) -> tuple[str, Any]:
    """A value as the vocabulary types it."""
    attribute = reading.language.vocabulary.attribute(name)
    if attribute.built_in:
        also = "; write it as `stage: ..` beside 'attributes'" if name.text == "stage" else ""
        raise Fault(name.place, f"'{name.text}' is no attribute of your own{also or ', and no campaign changes it'}")
    company = reading.settings.company
    said: Any = list(texts(node)) if attribute.type == "list" else text(node)
    _refuse_unknown(attribute, said, node)
    try:
        return name.text, TYPED[attribute.type](said, Rules(reading.language.vocabulary, company.zone, company.currency))
    except Reject as reject:
        raise Fault(node.place, f"attribute '{name.text}': {reject}") from None


def _refuse_unknown(attribute: Attribute, said: Any, node: Node) -> None:
    for word in said if isinstance(said, list) else [said]:
        if attribute.values and word not in attribute.values:
            known = ", ".join(attribute.values)
            raise Fault(node.place, f"'{word}' is not one of {known}{nearest(word, attribute.values)}")


def _consent(node: Node, reading: Reading) -> ConsentUpdate:
    fields = Fields(node, reading.language.faults, "'consent' of 'update'")
    channel = fields.need("channel", one_of(*sorted(reading.settings.channels)))
    topic = fields.need("topic", reading.language.vocabulary.topic)
    state = fields.need("state", one_of(*STATES))
    fields.close()
    return ConsentUpdate(sure(channel), sure(topic), sure(state))
