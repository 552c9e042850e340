"""How a customer stands at an instant: consented to a topic, suppressed, reachable. SQL over the outer `customer` row.

The current state is used where it is not from after `now`; otherwise the history is asked, in the same statement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, and_, case, exists, or_, select

from crm_store.consent.record import RESTRAINT
from crm_store.dialect import looked_up
from crm_store.schema import consent, consent_state, customer, suppression

Column = ColumnElement[Any]
ADDRESS_OF = {"email": customer.c.email_key}


def has_consent(channel: str, topic: str, now: datetime) -> ColumnElement[bool]:
    """Consent to the topic is given at `now`."""
    return said_last(channel, topic, "given", now)


def said_last(
    channel: str, topic: str, state: str, now: datetime, when: Callable[[Column], ColumnElement[bool]] | None = None
) -> ColumnElement[bool]:
    """The last that was said about the topic up to `now` is this state; `when`: a test of the instant it was said.

    Of two things said at one instant the stricter counts.
    """
    at, said = consent_state.c.at, consent.alias()
    current = and_(at <= now, consent_state.c.state == state, *([when(at)] if when else []))
    before = and_(*_of(said, channel, topic), said.c.at <= now, said.c.state == state, *([when(said.c.at)] if when else []))
    whose = said.c.customer_id == consent_state.c.customer_id
    then = select(1).where(whose, before, ~_overruled(said, channel, topic, now)).correlate(consent_state)
    known = or_(current, and_(at > now, looked_up(then)))
    return _holds(consent_state, and_(*_of(consent_state, channel, topic), known))


def _overruled(said: FromClause, channel: str, topic: str, now: datetime) -> ColumnElement[bool]:
    """Something was said after it up to `now`, or at the same instant and stricter."""
    other = consent.alias()
    stricter = case(RESTRAINT, value=other.c.state) > case(RESTRAINT, value=said.c.state)
    after = or_(other.c.at > said.c.at, and_(other.c.at == said.c.at, stricter))
    return exists().where(*_of(other, channel, topic), other.c.customer_id == said.c.customer_id, other.c.at <= now, after)


def said_nothing(channel: str, topic: str, now: datetime) -> ColumnElement[bool]:
    """Nothing was said about the topic up to `now`."""
    return ~_holds(consent, and_(*_of(consent, channel, topic), consent.c.at <= now))


def _of(table: FromClause, channel: str, topic: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.channel == channel, table.c.topic == topic


def _holds(table: Table, test: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(test, table.c.customer_id == customer.c.id)


def is_suppressed(channel: str, now: datetime, reasons: Sequence[str] = ()) -> ColumnElement[bool]:
    """The customer's address is suppressed on the channel at `now`; `reasons`: for one of these."""
    address: Column = ADDRESS_OF[channel]
    tests = [suppression.c.address == address, suppression.c.channel == channel, suppression.c.at <= now]
    return exists().where(*tests, *([suppression.c.reason.in_(reasons)] if reasons else []))


def suppressions(channel: str) -> FromClause:
    """(customer_id, at) of each suppression of a customer's address on the channel."""
    of_address = and_(suppression.c.address == ADDRESS_OF[channel], suppression.c.channel == channel)
    found = select(customer.c.id.label("customer_id"), suppression.c.at).select_from(customer)
    return found.join(suppression, of_address).subquery()


def has_address(channel: str) -> ColumnElement[bool]:
    return ADDRESS_OF[channel].is_not(None)


def is_reachable(channel: str, topic: str, now: datetime) -> ColumnElement[bool]:
    return and_(has_address(channel), has_consent(channel, topic, now), ~is_suppressed(channel, now))
