"""Finding touches: for people who must prove what was sent, to whom, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, and_, func, literal, literal_column, select, union

from crm_store.intake.values import address_key
from crm_store.ledger.states import DISPATCHED, IN_DOUBT, SENT
from crm_store.schema import (
    customer,
    customer_change,
    definition,
    enrolment,
    offer,
    request,
    touch,
    touch_event,
    touch_values,
)
from crm_store.schema.types import Json

# As the partial index has it, word for word.
OF_PROVIDER: ColumnElement[bool] = literal_column("substr(touch.message_id, 1, 1) <> '<'")


@dataclass(frozen=True)
class Wanted:
    """What to look for; None: any."""

    customer: str | None = None
    campaign: str | None = None
    state: str | None = None
    limit: int | None = 100
    until: datetime | None = None  # due not after this
    since: datetime | None = None  # due not before this
    address: str | None = None  # the customer has it, or had it once
    message_id: str | None = None
    touch: int | None = None
    run: int | None = None
    reason: str | None = None


def touches(conn: Connection, wanted: Wanted) -> list[dict[str, Any]]:
    """The newest touches that are wanted, newest first."""
    chosen = (
        select(
            touch.c.id,
            customer.c.key.label("customer"),
            touch.c.campaign,
            enrolment.c.occasion,
            touch.c.step,
            touch.c.run_id.label("run"),
            touch.c.state,
            touch.c.reason,
            touch.c.due_at,
            touch.c.sent_at,
            touch.c.message_id,
            offer.c.code.label("offer"),
            touch.c.verdicts,
            definition.c.hash.label("definition"),
        )
        .join(customer, customer.c.id == touch.c.customer_id)
        .join(enrolment, enrolment.c.id == touch.c.enrolment_id)
        .join(definition, definition.c.id == touch.c.definition_id)
        .outerjoin(offer, offer.c.id == touch.c.offer_id)
        .where(*_tests(wanted))
        .order_by(touch.c.due_at.desc(), touch.c.id.desc())
        .limit(wanted.limit)
    )
    return [dict(row._mapping) for row in conn.execute(chosen)]


def has_customer(conn: Connection, key: str) -> bool:
    """Whether a customer has, or had before they were erased, that key."""
    return conn.execute(select(customer.c.id).where(customer.c.key == key)).first() is not None


def _tests(wanted: Wanted) -> list[ColumnElement[bool]]:
    same = [
        (customer.c.key, wanted.customer),
        (touch.c.campaign, wanted.campaign),
        (touch.c.state, wanted.state),
        (touch.c.id, wanted.touch),
        (touch.c.run_id, wanted.run),
        (touch.c.reason, wanted.reason),
    ]
    tests = [column == value for column, value in same if value is not None]
    if wanted.until is not None:
        tests.append(touch.c.due_at <= wanted.until)
    if wanted.since is not None:
        tests.append(touch.c.due_at >= wanted.since)
    if wanted.address is not None:
        tests.append(touch.c.customer_id.in_(_whose(wanted.address)))
    if wanted.message_id is not None:
        tests.append(_named(wanted.message_id))
    return tests


def _whose(address: str) -> CompoundSelect[Any]:
    """The customers who have the address, or had it once."""
    spelled = [literal(one, Json()) for one in {address, address.casefold()}]
    had = customer_change.c.name == "email", customer_change.c.old.in_(spelled)
    has = select(customer.c.id).where(customer.c.email_key == address_key(address))
    return union(has, select(customer_change.c.customer_id).where(*had))


def _named(message_id: str) -> ColumnElement[bool]:
    """Our own ids say the touch's number; those that a provider has given are looked up in their own index."""
    ours = re.fullmatch(r"<?(\d{1,18})\.[0-9a-f]+@.*", message_id)
    if ours:
        return and_(touch.c.id == int(ours[1]), touch.c.message_id == f"<{message_id.strip('<>')}>")
    return and_(touch.c.message_id == message_id, OF_PROVIDER)


@dataclass(frozen=True)
class SentMail:
    """What is needed to show a mail again exactly as it left; `state`: whether that is known."""

    touch_id: int
    state: str
    reason: str | None
    customer_id: int
    template_id: int
    message_id: str | None
    sent_at: datetime | None
    packed: bytes


def sent_mail(conn: Connection, customer_key: str, campaign: str, step: str) -> SentMail | None:
    """The newest mail of that step that left, is leaving or may have left, if any."""
    return _sent_mail(conn, customer.c.key == customer_key, touch.c.campaign == campaign, touch.c.step == step)


def sent_mail_of(conn: Connection, touch_id: int) -> SentMail | None:
    """The mail of a touch, if it left, is leaving or may have left."""
    return _sent_mail(conn, touch.c.id == touch_id)


def _sent_mail(conn: Connection, *which: ColumnElement[bool]) -> SentMail | None:
    left = touch.c.state.in_((DISPATCHED, SENT, IN_DOUBT))
    row = conn.execute(
        select(touch, touch_values.c.packed)
        .join(customer, customer.c.id == touch.c.customer_id)
        .join(touch_values, touch_values.c.touch_id == touch.c.id)
        .where(*which, left)
        .order_by(touch.c.due_at.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    named = row.id, row.state, row.reason, row.customer_id, row.template_id
    return SentMail(*named, row.message_id, row.sent_at, row.packed)


@dataclass(frozen=True)
class Whole:
    """Everything that is known of a touch: its own facts, each gate's verdict, the definitions, what its provider told."""

    facts: Mapping[str, Any]
    verdicts: Mapping[str, str]
    definitions: tuple[Mapping[str, Any], ...]
    events: tuple[Mapping[str, Any], ...]


_FACTS = (
    "campaign",
    "step",
    "channel",
    "topic",
    "template",
    "state",
    "reason",
    "outcome",
    "right_at",
    "due_at",
    "expires_at",
    "decided_at",
    "sent_at",
    "doubt_since",
    "attempt",
    "run_id",
    "message_id",
    "verdicts",
)


def whole_touch(conn: Connection, touch_id: int) -> Whole | None:
    """One touch with all that belongs to it; None if there is none."""
    columns = touch.c.id, customer.c.key.label("customer"), *(touch.c[name] for name in _FACTS)
    more = request.c.id.label("request"), request.c.provider, request.c.answer, request.c.body_hash
    chosen = select(*columns, *more, touch.c.definition_id, touch.c.template_id)
    chosen = chosen.join(customer, customer.c.id == touch.c.customer_id).outerjoin(
        request, request.c.id == touch.c.request_id
    )
    row = conn.execute(chosen.where(touch.c.id == touch_id)).first()
    if row is None:
        return None
    facts = dict(row._mapping)
    verdicts = dict(word.split("=", 1) for word in (facts.pop("verdicts") or "").split())
    ids = [one for one in (facts.pop("definition_id"), facts.pop("template_id")) if one is not None]
    published = definition.c.kind, definition.c.name, definition.c.hash, definition.c.git_commit, definition.c.published_at
    defined = conn.execute(select(*published).where(definition.c.id.in_(ids)).order_by(definition.c.kind))
    told = select(touch_event.c.at, touch_event.c.kind, touch_event.c.actor, touch_event.c.link, touch_event.c.provider)
    events = conn.execute(told.where(touch_event.c.touch_id == touch_id).order_by(touch_event.c.at, touch_event.c.id))
    return Whole(facts, verdicts, tuple(dict(one._mapping) for one in defined), tuple(dict(one._mapping) for one in events))


def reasons(conn: Connection, campaign: str) -> Mapping[tuple[str, str], int]:
    """(state, reason) -> how many, of a campaign's touches that have a reason."""
    counted = select(touch.c.state, touch.c.reason, func.count()).where(
        touch.c.campaign == campaign, touch.c.reason.is_not(None)
    )
    return {(row[0], row[1]): row[2] for row in conn.execute(counted.group_by(touch.c.state, touch.c.reason))}
