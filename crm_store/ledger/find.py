"""Finding touches: for people who must prove what was sent, to whom, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from crm_store.ledger.states import DISPATCHED, IN_DOUBT, SENT
from crm_store.schema import customer, definition, enrolment, offer, touch, touch_values


@dataclass(frozen=True)
class Wanted:
    """What to look for; None: any."""

    customer: str | None = None
    campaign: str | None = None
    state: str | None = None
    limit: int | None = 100
    until: datetime | None = None  # due not after this


def touches(conn: Connection, wanted: Wanted) -> list[dict[str, Any]]:
    """The newest touches that are wanted, newest first."""
    chosen = (
        select(
            touch.c.id,
            customer.c.key.label("customer"),
            touch.c.campaign,
            enrolment.c.occasion,
            touch.c.step,
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


def _tests(wanted: Wanted) -> list[Any]:
    tests: list[Any] = []
    if wanted.customer is not None:
        tests.append(customer.c.key == wanted.customer)
    if wanted.campaign is not None:
        tests.append(touch.c.campaign == wanted.campaign)
    if wanted.state is not None:
        tests.append(touch.c.state == wanted.state)
    if wanted.until is not None:
        tests.append(touch.c.due_at <= wanted.until)
    return tests


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
    left = touch.c.state.in_((DISPATCHED, SENT, IN_DOUBT))
    row = conn.execute(
        select(touch, touch_values.c.packed)
        .join(customer, customer.c.id == touch.c.customer_id)
        .join(touch_values, touch_values.c.touch_id == touch.c.id)
        .where(customer.c.key == customer_key, touch.c.campaign == campaign, touch.c.step == step, left)
        .order_by(touch.c.due_at.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    named = row.id, row.state, row.reason, row.customer_id, row.template_id
    return SentMail(*named, row.message_id, row.sent_at, row.packed)


def reasons(conn: Connection, campaign: str) -> Mapping[tuple[str, str], int]:
    """(state, reason) -> how many, of a campaign's touches that have a reason."""
    counted = select(touch.c.state, touch.c.reason, func.count()).where(
        touch.c.campaign == campaign, touch.c.reason.is_not(None)
    )
    return {(row[0], row[1]): row[2] for row in conn.execute(counted.group_by(touch.c.state, touch.c.reason))}
