"""Customers into the store: what the file says replaces what was there, changes are kept, nobody is re-subscribed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Connection, bindparam, insert, select, update

from crm_store.changes import mark, mark_those
from crm_store.clock import zone_or_none
from crm_store.consent.record import ConsentFact, History, record_consents
from crm_store.intake.buckets import bucket_of
from crm_store.intake.outcome import Outcome
from crm_store.intake.records import CUSTOMER, ConsentRecord, CustomerRecord, Raw, read_customer
from crm_store.intake.values import Rules, merged
from crm_store.intake.zones import zone_ids
from crm_store.many import ids_of
from crm_store.schema import customer, customer_change

Row = dict[str, Any]
_KEPT = ("id", "key", "bucket", "created_at", "erased_at")
_DERIVED = ("email_key", "zone_id", "updated_at")
_COMPARED = tuple(column.name for column in customer.columns if column.name not in (*_KEPT, *_DERIVED, "attributes"))


class Customers:
    """The intake of customers."""

    name: ClassVar = "customers"
    help: ClassVar = "customers, keyed by the company's own key"
    form: ClassVar = CUSTOMER

    def read(self, raw: Raw, rules: Rules) -> CustomerRecord:
        return read_customer(raw, rules)

    def weight(self, record: CustomerRecord) -> int:
        return 1 + len(record.consents)

    def write(self, conn: Connection, records: Sequence[CustomerRecord], source: str, at: datetime) -> Outcome:
        """Insert the new, update the known, append changes and consents. `at`: machine time."""
        before = _stored(conn, customer.c.key.in_([record.key for record in records]))
        after = {key: dict(row) for key, row in before.items()}
        for record in records:
            after[record.key] = _merged(after.get(record.key), record, at)
        _set_zones(conn, after.values())
        outcome = Outcome(zones_unknown=sum(_unknown_zone(row) for row in after.values()))
        outcome.new = _insert(conn, [row for key, row in after.items() if key not in before])
        changed = {key: row for key, row in after.items() if key in before and _differs(before[key], row)}
        _update(conn, list(changed.values()))
        _keep_changes(conn, [(before[key], row, at) for key, row in changed.items()], source)
        mark_those(conn, customer.c.key.in_([key for key in after if key not in before or key in changed]))
        outcome.changed, outcome.unchanged = len(changed), len(records) - outcome.new - len(changed)
        _consents(conn, records, source, at, outcome)
        return outcome


def change_customers(
    conn: Connection, when: Mapping[int, datetime], said: CustomerRecord, source: str, at: datetime
) -> int:
    """Write what `said` says, but for its key and consents, of known customers: id -> the instant since which it is so.
    `at`: machine time. Returns how many it changed."""
    before = {row["id"]: row for row in _stored(conn, customer.c.id.in_(ids_of(when))).values()}
    after = {one: _merged(row, said, at) for one, row in before.items()}
    changed = [(row, after[one], when[one]) for one, row in before.items() if _differs(row, after[one])]
    _update(conn, [row for _, row, _ in changed])
    _keep_changes(conn, changed, source)
    mark(conn, [row["id"] for _, row, _ in changed])
    return len(changed)


def _stored(conn: Connection, which: ColumnElement[bool]) -> dict[str, Row]:
    found = conn.execute(select(customer).where(which, customer.c.erased_at.is_(None)))
    return {row.key: dict(row._mapping) for row in found}


def _merged(row: Row | None, record: CustomerRecord, at: datetime) -> Row:
    empty: Row = dict.fromkeys((*_COMPARED, "email_key"))
    base = row or {**empty, "key": record.key, "bucket": bucket_of(record.key), "attributes": {}, "created_at": at}
    attributes = merged(base["attributes"], record.attributes)
    return {**base, **record.columns, "attributes": attributes, "updated_at": at}


def _set_zones(conn: Connection, rows: Any) -> None:
    ids = zone_ids(conn, {(row["time_zone"], row["country"]) for row in rows})
    for row in rows:
        row["zone_id"] = ids[(row["time_zone"] or "", row["country"] or "")]


def _unknown_zone(row: Row) -> bool:
    return bool(row["time_zone"]) and zone_or_none(row["time_zone"]) is None


def _differs(before: Row, after: Row) -> bool:
    return any(before[name] != after[name] for name in (*_COMPARED, "attributes"))


def _insert(conn: Connection, rows: list[Row]) -> int:
    if rows:
        conn.execute(insert(customer), rows)
    return len(rows)


def _update(conn: Connection, rows: list[Row]) -> None:
    names = [*_COMPARED, *_DERIVED, "attributes"]
    statement = update(customer).where(customer.c.id == bindparam("row_id"))
    if rows:
        conn.execute(
            statement.values({name: bindparam(f"new_{name}", type_=customer.c[name].type) for name in names}),
            [{"row_id": row["id"], **{f"new_{name}": row[name] for name in names}} for row in rows],
        )


def _keep_changes(conn: Connection, changed: list[tuple[Row, Row, datetime]], source: str) -> None:
    rows = [
        {"customer_id": after["id"], "name": name, "old": old, "new": new, "at": at, "source": source}
        for before, after, at in changed
        for name, old, new in _changes(before, after)
    ]
    if rows:
        conn.execute(insert(customer_change), rows)


def _changes(before: Row, after: Row) -> list[tuple[str, Any, Any]]:
    changes = [(name, before[name], after[name]) for name in _COMPARED if before[name] != after[name]]
    old, new = before["attributes"], after["attributes"]
    changes += [
        (f"attributes.{name}", old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    return [(name, _storable(was), _storable(now)) for name, was, now in changes]


def _storable(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _consents(conn: Connection, records: Sequence[CustomerRecord], source: str, at: datetime, outcome: Outcome) -> None:
    """Append what is new. Consent that was ever withdrawn or lapsed is not given back by a later record."""
    ids = _ids(conn, [record.key for record in records if record.consents])
    history, taken = History.of(conn, list(ids.values())), list[ConsentFact]()
    for record in records:  # one after the other: what is taken must not depend on which of them share a chunk
        kept, refused = history.take([_fact(ids[record.key], said, source) for said in record.consents])
        outcome.not_resubscribed += len(refused)
        taken += kept
    outcome.consents += record_consents(conn, taken, at)


def _fact(customer_id: int, said: ConsentRecord, source: str) -> ConsentFact:
    return ConsentFact(customer_id, said.channel, said.topic, said.state, said.at, source, said.basis)


def _ids(conn: Connection, keys: list[str]) -> dict[str, int]:
    found = conn.execute(select(customer.c.key, customer.c.id).where(customer.c.key.in_(keys)))
    return {row.key: row.id for row in found}
