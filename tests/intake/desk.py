"""Files to import, the command that imports them, and what the store then holds, by natural keys."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, func, select

from console.cli.app import main
from crm_store.schema import (
    METADATA,
    consent,
    consent_state,
    customer,
    customer_change,
    event,
    event_item,
    product,
    tally,
)
from crm_store.store import Store
from tests.world import Shop

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """The counts of an import with --json. It is wrong (1) if nothing could be taken."""
        found: dict[str, Any] = json.loads(self.out) if self.out else {}
        taken = found.get("new") or found.get("changed") or found.get("already there")
        assert self.code == (1 if found.get("set aside") and not taken else 0), self.err
        return found


@dataclass
class Desk:
    """Somebody who imports files into a shop."""

    shop: Shop
    url: str
    folder: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def json_lines(self, records: Iterable[Any], name: str = "records.jsonl") -> Path:
        """A file of these records; a text stands for a line as it is."""
        lines = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in records]
        return self.text("".join(line + "\n" for line in lines), name)

    def csv(self, rows: Sequence[Sequence[str]], name: str = "records.csv") -> Path:
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        return path

    def text(self, text: str, name: str) -> Path:
        path = self.folder / name
        path.write_bytes(text.encode())
        return path

    def rapport(self, *arguments: str | Path) -> Ran:
        """The command, in this process."""
        said = ("rapport", "--workspace", self.shop.root, "--store", self.url, *arguments)
        self.patch.setattr(sys, "argv", [str(word) for word in said])
        self.patch.setenv("RAPPORT_STORE", "")  # the command sets it; this puts it back in the end
        self.capture.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        out, err = self.capture.readouterr()
        return Ran(int(exit_.value.code or 0), out, err)

    def take(self, what: str, file: Path, *options: str, of: str | None = None) -> dict[str, Any]:
        """The summary of an import that must work. `of`: the name of what is imported, where it has one."""
        named = (what,) if of is None else (what, of)
        return self.rapport("import", *named, file, "--json", *options).summary

    def customers(self, *keys: str) -> None:
        self.take("customers", self.json_lines([{"key": key} for key in keys], "these.jsonl"))

    def rejects(self, summary: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The lines of the rejects file that a summary names."""
        if summary["rejects file"] is None:
            return []
        return [json.loads(line) for line in Path(summary["rejects file"]).read_text(encoding="utf-8").splitlines()]


def reasons(rejects: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Reasons by line."""
    return {line["_line"]: line["_reason"] for line in rejects}


def row_counts(store: Store) -> dict[str, int]:
    """How many rows each table has."""
    with store.read() as conn:
        return {
            table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
            for table in METADATA.sorted_tables
        }


_UNTOLD = {
    "id",
    "bucket",
    "customer_id",
    "event_id",
    "product_id",
    "zone_id",
    "created_at",
    "updated_at",
    "recorded_at",
    "dedupe_key",
}


def holdings(store: Store, prefix: str = "") -> dict[str, Rows]:
    """Everything imports put into the store about keys with that prefix, without row numbers, machine times, the prefix."""
    return {
        "customers": _rows(store, customer, prefix),
        "consents": _rows(store, consent, prefix),
        "consent states": _rows(store, consent_state, prefix),
        "events": _rows(store, event, prefix),
        "items": _items(store, prefix),
        "tallies": _rows(store, tally, prefix),
    }


def changes(store: Store, key: str) -> dict[str, tuple[Any, Any]]:
    """(old, new) by name, of a customer's changes."""
    chosen = select(customer_change.c.name, customer_change.c.old, customer_change.c.new)
    with store.read() as conn:
        found = conn.execute(chosen.where(customer_change.c.customer_id == _id_of(key)).order_by(customer_change.c.id))
        return {row.name: (row.old, row.new) for row in found}


def stored(store: Store, key: str) -> dict[str, Any]:
    """A customer's row."""
    with store.read() as conn:
        return conn.execute(select(customer).where(customer.c.key == key)).one()._asdict()


def recount(store: Store) -> Rows:
    """The tallies as they must be, from the events themselves."""
    currency = func.coalesce(event.c.currency, "")
    amount = func.coalesce(func.sum(event.c.amount), 0)
    chosen = select(
        event.c.kind, event.c.customer_id, currency, func.count(), amount, func.min(event.c.at), func.max(event.c.at)
    )
    with store.read() as conn:
        return sorted(tuple(row) for row in conn.execute(chosen.group_by(event.c.kind, event.c.customer_id, currency)))


def tallies(store: Store) -> Rows:
    with store.read() as conn:
        return sorted(tuple(row) for row in conn.execute(select(tally)))


def _id_of(key: str) -> ColumnElement[int]:
    return select(customer.c.id).where(customer.c.key == key).scalar_subquery()


def _rows(store: Store, table: Any, prefix: str) -> Rows:
    columns = [column for column in table.columns if column.name not in {*_UNTOLD, "key", "source"}]
    chosen = select(customer.c.key, *columns).where(customer.c.key.startswith(prefix, autoescape=True))
    if table is not customer:
        chosen = chosen.join(table, table.c.customer_id == customer.c.id)
    return _plain(store, chosen, prefix)


def _items(store: Store, prefix: str) -> Rows:
    columns = event.c.kind, event.c.at, event_item.c.line, product.c.key, event_item.c.quantity, event_item.c.amount
    chosen = select(customer.c.key, *columns).where(customer.c.key.startswith(prefix, autoescape=True))
    chosen = chosen.join(event, event.c.customer_id == customer.c.id).join(event_item, event_item.c.event_id == event.c.id)
    return _plain(store, chosen.join(product, product.c.id == event_item.c.product_id), prefix)


def _plain(store: Store, chosen: Any, prefix: str) -> Rows:
    with store.read() as conn:
        rows = [tuple(row) for row in conn.execute(chosen)]
    return sorted(((row[0].removeprefix(prefix), *row[1:]) for row in rows), key=repr)
