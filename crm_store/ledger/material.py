"""What a claimed touch's mail is made of: the customer, the trigger event, the offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from crm_store.ledger.reference import natural_keys
from crm_store.many import ids_of
from crm_store.money import to_major
from crm_store.schema import customer, event, offer, touch

_FIELDS = tuple(column.name for column in customer.columns if column.name not in ("attributes", "zone_id", "email_key"))
_HIDDEN = ("id", "bucket", "created_at", "updated_at", "erased_at", "birth_month", "birth_day", "birth_year")
_SHOWN = tuple(name for name in _FIELDS if name not in _HIDDEN)
_DATES = tuple(name for name in _SHOWN if issubclass(customer.c[name].type.python_type, date))


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
    offers = {row.id: row._mapping for row in conn.execute(_wanted(offer, touch.c.offer_id, touch_ids))}
    events = {row.id: row._mapping for row in conn.execute(_wanted(event, touch.c.trigger_event_id, touch_ids))}
    chosen = select(touch.c.id, touch.c.offer_id, touch.c.trigger_event_id, customer)
    rows = conn.execute(
        chosen.join(customer, customer.c.id == touch.c.customer_id)
        .where(touch.c.id.in_(ids_of(touch_ids)))
        .order_by(touch.c.id)
    ).all()
    naturals = natural_keys(conn, touch_ids)
    return [
        Material(
            row[0],
            row[3],
            row.email or "",
            customer_values(row),
            event_values(events.get(row[2])),
            offer_values(offers.get(row[1])),
            naturals[row[0]],
        )
        for row in rows
    ]


def of_customer(conn: Connection, key: str) -> Any:
    """A customer's row by key, or None."""
    return conn.execute(select(customer).where(customer.c.key == key, customer.c.erased_at.is_(None))).first()


def latest_event(conn: Connection, customer_id: int, kind: str | None, now: datetime) -> dict[str, Any] | None:
    """The customer's latest event of a kind up to `now`: the likeliest trigger of a mail that is not planned yet."""
    chosen = select(event).where(event.c.customer_id == customer_id, event.c.kind == kind, event.c.at <= now)
    row = conn.execute(chosen.order_by(event.c.at.desc(), event.c.id.desc()).limit(1)).first()
    return event_values(row._mapping) if row else None


def _wanted(table: Any, column: Any, touch_ids: Sequence[int]) -> Any:
    return select(table).where(table.c.id.in_(select(column).where(touch.c.id.in_(ids_of(touch_ids)))))


def customer_values(row: Any) -> dict[str, Any]:
    """Attributes, with the fields every customer has above them."""
    found = row._mapping
    values = {name: found[name] for name in _SHOWN}
    for name in _DATES:
        values[name] = _plain(values[name])
    return {**row.attributes, **values, "birthday": _birthday(row)}


def _birthday(row: Any) -> str | None:
    if row.birth_month is None:
        return None
    return f"{row.birth_year or '-'}-{row.birth_month:02d}-{row.birth_day:02d}"


def event_values(row: Any) -> dict[str, Any] | None:
    if row is None:
        return None
    amount = None if row["amount"] is None else str(to_major(row["amount"], row["currency"] or "USD"))
    fixed = {"kind": row["kind"], "at": _plain(row["at"]), "amount": amount, "currency": row["currency"]}
    return {**row["properties"], **fixed}


def offer_values(row: Any) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"name": row["name"], "code": row["code"], "valid_until": _plain(row["valid_until"])}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) or hasattr(value, "isoformat") else value
