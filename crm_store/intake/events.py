"""Events into the store: deduplicated, with their items, and the tallies kept in step, all by set-based SQL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

from sqlalchemy import Connection, Insert, bindparam, func, select

from crm_store.changes import mark
from crm_store.clock import micros
from crm_store.dialect import insert, insert_on
from crm_store.intake.bulk import insert_rows, slices
from crm_store.intake.outcome import Outcome
from crm_store.intake.products import product_ids
from crm_store.intake.records import EVENT, EventRecord, Raw, read_event
from crm_store.intake.values import Rules
from crm_store.schema import customer, event, event_item, tally

UNKNOWN_CUSTOMER = "customer: is not known (yet); import customers, then offer this file again"


class Events:
    """The intake of events."""

    name: ClassVar = "events"
    help: ClassVar = "what customers did; an order is an event with an amount and items"
    form: ClassVar = EVENT

    def read(self, raw: Raw, rules: Rules) -> EventRecord:
        return read_event(raw, rules)

    def weight(self, record: EventRecord) -> int:
        return 1 + len(record.items)

    def write(
        self, conn: Connection, records: Sequence[EventRecord], source: str, at: datetime
    ) -> Outcome:  # events bring their own time
        """Insert the events that are new, of customers who are known."""
        outcome = Outcome()
        customers = _customer_ids(conn, {record.customer for record in records})
        rows: dict[str, tuple[dict[str, Any], EventRecord]] = {}
        for index, record in enumerate(records):
            if record.customer not in customers:
                outcome.late.append((index, UNKNOWN_CUSTOMER))
                continue
            row = _row(record, customers[record.customer], source)
            rows.setdefault(row["dedupe_key"], (row, record))
        ids = _insert(conn, [row for row, _ in rows.values()])
        new = {ids[key]: record for key, (_, record) in rows.items() if key in ids}
        outcome.items, outcome.stubs = _insert_items(conn, new)
        outcome.new, outcome.unchanged = len(new), len(records) - len(new) - len(outcome.late)
        _add_to_tallies(conn, list(new))
        mark(conn, sorted({customers[record.customer] for record in new.values()}))
        return outcome


def _customer_ids(conn: Connection, keys: set[str]) -> dict[str, int]:
    found = conn.execute(
        select(customer.c.key, customer.c.id).where(customer.c.key.in_(sorted(keys)), customer.c.erased_at.is_(None))
    )
    return {row.key: row.id for row in found}


def _row(record: EventRecord, customer_id: int, source: str) -> dict[str, Any]:
    return {
        "customer_id": customer_id,
        "kind": record.kind,
        "at": record.at,
        "amount": record.amount,
        "currency": record.currency,
        "properties": record.properties,
        "source": source,
        "dedupe_key": f"id:{record.id}" if record.id is not None else f"content:{content_hash(record)}",
    }


def content_hash(record: EventRecord) -> str:
    """A hash of everything the record says: what identifies an event without an id."""
    items = [(item.product, item.quantity, item.amount) for item in record.items]
    said = [record.customer, record.kind, micros(record.at), record.amount, record.currency, items, record.properties]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _insert(conn: Connection, rows: list[dict[str, Any]]) -> dict[str, int]:
    """Ids of the events that were new, by dedupe key."""
    if not rows:
        return {}
    statement = insert(conn, event).on_conflict_do_nothing().returning(event.c.id, event.c.dedupe_key)
    return {row.dedupe_key: row.id for row in conn.execute(statement, rows)}


def _insert_items(conn: Connection, events: dict[int, EventRecord]) -> tuple[int, int]:
    """(items, stub products) added."""
    named = {item.product: item for record in events.values() for item in record.items}
    ids, stubs = product_ids(conn, named)
    rows = [
        (event_id, line, ids[item.product], item.quantity, item.amount)
        for event_id, record in events.items()
        for line, item in enumerate(record.items, start=1)
    ]
    insert_rows(conn, event_item, ("event_id", "line", "product_id", "quantity", "amount"), rows)
    return len(rows), stubs


def _add_to_tallies(conn: Connection, event_ids: list[int]) -> None:
    for part in slices(event_ids):
        _add_slice(conn, part)


def _add_slice(conn: Connection, event_ids: Sequence[int]) -> None:
    conn.execute(_adding(conn.dialect.name), {"ids": event_ids})


@cache
def _adding(dialect: str) -> Insert:
    """What adds the events of these `ids` to the tallies."""
    currency = func.coalesce(event.c.currency, "")
    sums = (
        select(
            event.c.kind,
            event.c.customer_id,
            currency,
            func.count(),
            func.coalesce(func.sum(event.c.amount), 0),
            func.min(event.c.at),
            func.max(event.c.at),
        )
        .where(event.c.id.in_(bindparam("ids", expanding=True)))
        .group_by(event.c.kind, event.c.customer_id, currency)
    )
    statement = insert_on(dialect, tally).from_select([column.name for column in tally.columns], sums)
    new = statement.excluded
    made: Insert = statement.on_conflict_do_update(
        index_elements=["kind", "customer_id", "currency"],
        set_={
            "count": tally.c.count + new.count,
            "sum": tally.c.sum + new.sum,
            "first": _smaller(dialect, tally.c.first, new.first),
            "last": _greater(dialect, tally.c.last, new.last),
        },
    )
    return made


def _smaller(dialect: str, one: Any, other: Any) -> Any:
    return func.least(one, other) if dialect == "postgresql" else func.min(one, other)


def _greater(dialect: str, one: Any, other: Any) -> Any:
    return func.greatest(one, other) if dialect == "postgresql" else func.max(one, other)
