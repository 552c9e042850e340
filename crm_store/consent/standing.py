"""How a customer stands at an instant: consented to a topic, suppressed, reachable. SQL over the outer `customer` row.

The current state is used where it is not from after `now`; otherwise the history is asked, in the same statement.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, exists, or_, select

from crm_store.consent.record import RESTRAINT
from crm_store.schema import consent, consent_state, customer, suppression

ADDRESS_OF = {"email": customer.c.email_key}


def has_consent(channel: str, topic: str, now: datetime, among: bool) -> ColumnElement[bool]:
    """Consent to the topic is given at `now`. `among`: looked up row by row, for few customers."""
    current = and_(*_of(consent_state, channel, topic), consent_state.c.at <= now, consent_state.c.state == "given")
    return or_(_holds(consent_state, current, among), _held_before(channel, topic, now))


def _held_before(channel: str, topic: str, now: datetime) -> ColumnElement[bool]:
    """The state has changed after `now`; what counts is the last of the history up to `now` (of two: the stricter)."""
    changed_since = and_(
        *_of(consent_state, channel, topic), consent_state.c.customer_id == customer.c.id, consent_state.c.at > now
    )
    last = (
        select(consent.c.state)
        .where(*_of(consent, channel, topic), consent.c.customer_id == customer.c.id, consent.c.at <= now)
        .order_by(consent.c.at.desc(), case(RESTRAINT, value=consent.c.state).desc())
        .limit(1)
        .scalar_subquery()
    )
    return and_(exists().where(changed_since), last == "given")


def _of(table: Table, channel: str, topic: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.channel == channel, table.c.topic == topic


def _holds(table: Table, test: ColumnElement[bool], among: bool) -> ColumnElement[bool]:
    if among:
        return exists().where(test, table.c.customer_id == customer.c.id)
    return customer.c.id.in_(select(table.c.customer_id).where(test))


def is_suppressed(channel: str, now: datetime) -> ColumnElement[bool]:
    """The customer's address is suppressed on the channel at `now`."""
    address: ColumnElement[Any] = ADDRESS_OF[channel]
    return exists().where(suppression.c.address == address, suppression.c.channel == channel, suppression.c.at <= now)


def has_address(channel: str) -> ColumnElement[bool]:
    return ADDRESS_OF[channel].is_not(None)


def is_reachable(channel: str, topic: str, now: datetime, among: bool) -> ColumnElement[bool]:
    return and_(has_address(channel), has_consent(channel, topic, now, among), ~is_suppressed(channel, now))
