"""Products into the store. A product that an event names before any catalogue does becomes a stub, filled later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Connection, bindparam, select, update

from crm_store.dialect import insert
from crm_store.intake.bulk import slices
from crm_store.intake.outcome import Outcome
from crm_store.intake.records import PRODUCT, ItemRecord, ProductRecord, Raw, read_product
from crm_store.intake.values import Rules, merged
from crm_store.schema import product

_COLUMNS = ("title", "category", "brand", "price", "currency", "attributes", "stub")
_EMPTY: dict[str, Any] = {**dict.fromkeys(_COLUMNS), "attributes": {}, "stub": 0}


class Products:
    """The intake of products."""

    name: ClassVar = "products"
    help: ClassVar = "the catalogue: category paths, brands, prices"
    form: ClassVar = PRODUCT

    def read(self, raw: Raw, rules: Rules) -> ProductRecord:
        return read_product(raw, rules)

    def weight(self, record: ProductRecord) -> int:  # all alike
        return 1

    def write(
        self, conn: Connection, records: Sequence[ProductRecord], source: str, at: datetime
    ) -> Outcome:  # the catalogue keeps no history
        """Insert the new, update the known."""
        found = conn.execute(select(product).where(product.c.key.in_([record.key for record in records])))
        before = {row.key: dict(row._mapping) for row in found}
        after = {key: dict(row) for key, row in before.items()}
        for record in records:
            base = after.get(record.key, {"key": record.key, **_EMPTY})
            attributes = merged(base["attributes"], record.columns.get("attributes", {}))
            after[record.key] = {**base, **record.columns, "attributes": attributes, "stub": 0}
        new = [row for key, row in after.items() if key not in before]
        changed = [row for key, row in after.items() if key in before and row != before[key]]
        if new:
            conn.execute(insert(conn, product), new)
        _update(conn, changed)
        return Outcome(new=len(new), changed=len(changed), unchanged=len(records) - len(new) - len(changed))


def _update(conn: Connection, rows: list[dict[str, Any]]) -> None:
    values = {name: bindparam(f"new_{name}", type_=product.c[name].type) for name in _COLUMNS}
    statement = update(product).where(product.c.id == bindparam("row_id")).values(values)
    if rows:
        conn.execute(statement, [{"row_id": row["id"], **{f"new_{name}": row[name] for name in _COLUMNS}} for row in rows])


def product_ids(conn: Connection, named: Mapping[str, ItemRecord]) -> tuple[dict[str, int], int]:
    """Ids by key, and how many stubs had to be made."""
    ids = _known(conn, sorted(named))
    missing = [item for key, item in named.items() if key not in ids]
    if missing:
        rows = [
            {"key": item.product, **_EMPTY, "category": item.category, "brand": item.brand, "stub": 1} for item in missing
        ]
        conn.execute(insert(conn, product).on_conflict_do_nothing(), rows)
        ids |= _known(conn, [item.product for item in missing])
    return ids, len(missing)


def _known(conn: Connection, keys: list[str]) -> dict[str, int]:
    chosen = select(product.c.key, product.c.id)
    return {row.key: row.id for part in slices(keys) for row in conn.execute(chosen.where(product.c.key.in_(part)))}
