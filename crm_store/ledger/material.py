"""What a claimed touch's mail is made of: the customer, the trigger event, the offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, select, type_coerce

from crm_store.clock import from_micros
from crm_store.ledger.reference import natural_key
from crm_store.many import ids_of
from crm_store.money import to_major
from crm_store.schema import customer, enrolment, event, offer, touch

_NOT_SHOWN = (
    "id", "attributes", "zone_id", "email_key", "bucket", "created_at", "updated_at", "erased_at",
    "birth_month", "birth_day", "birth_year",
)  # fmt: skip
_SHOWN = tuple(column.name for column in customer.columns if column.name not in _NOT_SHOWN)
_DATES = tuple(name for name in _SHOWN if issubclass(customer.c[name].type.python_type, date))
# What is read of each, in the order in which the functions below take it.
_CUSTOMER = tuple(customer.c[name] for name in ("attributes", "birth_month", "birth_day", "birth_year", *_SHOWN))
_EVENT = event.c.properties, event.c.kind, type_coerce(event.c.at, BigInteger), event.c.amount, event.c.currency
_OFFER = offer.c.name, offer.c.code, type_coerce(offer.c.valid_until, BigInteger)
_CACHED = 2_000  # instants: the codes of a batch end together
_NATURAL = touch.c.campaign, customer.c.key, enrolment.c.occasion, touch.c.step


@dataclass(frozen=True)
class Material:
    """The values of one touch, as plain JSON: dates and instants are ISO texts, amounts decimals in text."""

    touch_id: int
    customer_id: int
    address: str
    customer: dict[str, Any]
    event: dict[str, Any] | None
    offer: dict[str, Any] | None
    natural: str = ""  # `reference.py`


def of_touches(conn: Connection, touch_ids: Sequence[int]) -> list[Material]:
    """The material of these touches, in the order of their ids."""
    chosen: Select[Any] = (
        select(touch.c.id, customer.c.id, customer.c.email, *_CUSTOMER, event.c.id, *_EVENT, offer.c.id, *_OFFER, *_NATURAL)
        .join(customer, customer.c.id == touch.c.customer_id)
        .join(enrolment, enrolment.c.id == touch.c.enrolment_id)
        .outerjoin(event, event.c.id == touch.c.trigger_event_id)
        .outerjoin(offer, offer.c.id == touch.c.offer_id)
    )
    rows = conn.execute(chosen.where(touch.c.id.in_(ids_of(touch_ids))).order_by(touch.c.id))
    return [_material(row) for row in rows.all()]


def _material(row: Sequence[Any]) -> Material:
    """Of a row of the select above: by their places its values are read several times as fast as by their names."""
    event_at = 3 + len(_CUSTOMER)
    offer_at = event_at + 1 + len(_EVENT)
    natural_at = offer_at + 1 + len(_OFFER)
    return Material(
        row[0],
        row[1],
        row[2] or "",
        _customer(row[3:event_at]),
        None if row[event_at] is None else _event(row[event_at + 1 : offer_at]),
        None if row[offer_at] is None else _offer(row[offer_at + 1 : natural_at]),
        natural_key(*row[natural_at:]),
    )


def of_customer(conn: Connection, key: str) -> Any:
    """A customer's row by key, or None."""
    return conn.execute(select(customer).where(customer.c.key == key, customer.c.erased_at.is_(None))).first()


def latest_event(conn: Connection, customer_id: int, kind: str | None, now: datetime) -> dict[str, Any] | None:
    """The customer's latest event of a kind up to `now`: the likeliest trigger of a mail that is not planned yet."""
    chosen = select(*_EVENT).where(event.c.customer_id == customer_id, event.c.kind == kind, event.c.at <= now)
    row = conn.execute(chosen.order_by(event.c.at.desc(), event.c.id.desc()).limit(1)).first()
    return _event(row) if row else None


def customer_values(row: Any) -> dict[str, Any]:
    """Attributes, with the fields every customer has above them; of a row of the table."""
    return _customer([row._mapping[column] for column in _CUSTOMER])


def _customer(row: Sequence[Any]) -> dict[str, Any]:
    attributes, month, day, year, *shown = row
    values = {**attributes, **dict(zip(_SHOWN, shown, strict=True)), "birthday": _birthday(month, day, year)}
    for name in _DATES:
        values[name] = None if values[name] is None else values[name].isoformat()
    return values


def _birthday(month: int | None, day: int | None, year: int | None) -> str | None:
    return None if month is None else f"{year or '-'}-{month:02d}-{day:02d}"


def _event(row: Sequence[Any]) -> dict[str, Any]:
    properties, kind, at, minor, currency = row
    amount = None if minor is None else str(to_major(minor, currency or "USD"))
    return {**properties, "kind": kind, "at": _instant(at), "amount": amount, "currency": currency}


def _offer(row: Sequence[Any]) -> dict[str, Any]:
    name, code, valid_until = row
    return {"name": name, "code": code, "valid_until": _instant(valid_until)}


@lru_cache(maxsize=_CACHED)
def _instant(stored: int | None) -> str | None:
    return None if stored is None else from_micros(stored).isoformat()
