"""Asking a store who belongs to a segment, in both shapes that a condition is compiled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from sqlalchemy import Connection, select

from crm_store.clock import machine_instant
from crm_store.content.faults import Faults
from crm_store.content.sources import Sources
from crm_store.content.workspace import Workspace
from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.records import read_customer, read_event
from crm_store.intake.values import Rules
from crm_store.schema import customer
from crm_store.segmentation.compile import scope_of, select_among, select_ids
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.language import Scope, Shape
from crm_store.segmentation.segment import Segment, load_segments
from crm_store.store import Store
from tests.world import NOON, Shop

SHAPES: tuple[Shape, ...] = get_args(Shape)
NO_OTHERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Audience:
    """The people of a store, and whom a condition chooses among them."""

    shop: Shop

    @classmethod
    def of(cls, root: Path, store: Store, files: Mapping[str, str] | None = None) -> Audience:
        """An audience on the store, with the tests' shop and these files."""
        shop = Shop.open(root, store)
        shop.write(files or {})
        return cls(shop)

    @cached_property
    def workspace(self) -> Workspace:
        return self.shop.workspace

    def fill(self, customers: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]] = ()) -> None:
        """Take these records, as an import has them, in one go."""
        company = self.workspace.settings.company
        rules = Rules(self.workspace.vocabulary, company.zone, company.currency)
        people = [read_customer(raw, rules) for raw in customers]
        done = [read_event(raw, rules) for raw in events]
        self.shop.store.write(Customers().write, people, "test", machine_instant())
        self.shop.store.write(Events().write, done, "test", machine_instant())

    def chosen(self, who: str, now: datetime = NOON, others: Mapping[str, str] = NO_OTHERS) -> list[str]:
        """The keys of those the condition holds for, in order, by either shape; `others` are segments it may name."""
        segments = self.read({"x": who, **others})
        with self.shop.store.read() as conn:
            found = [self.keys(conn, segments, now, shape) for shape in SHAPES]
        assert found[0] == found[1], f"all: {found[0]}, among: {found[1]}"
        return found[0]

    def read(self, conditions: Mapping[str, str]) -> dict[str, Segment]:
        """The segments of these conditions, written as YAML between braces."""
        faults = Faults()
        files = {path: text for path, text in self.workspace.sources.files.items() if not path.startswith("segments/")}
        files |= {f"segments/{name}.yaml": f"who: {{{who}}}\n" for name, who in conditions.items()}
        segments = load_segments(Sources(files), self.workspace.vocabulary, faults)
        assert not faults.found, [str(fault) for fault in faults.found]
        return segments

    def keys(self, conn: Connection, segments: Mapping[str, Segment], now: datetime, shape: Shape) -> list[str]:
        """The keys of segment x."""
        return keys_of(conn, segments["x"].who, scope_of(conn, now, self.workspace.settings.company.zone, segments, shape))


def keys_of(conn: Connection, who: Condition, scope: Scope) -> list[str]:
    """The keys of the members; where conditions are looked up, they are asked among every second customer too."""
    ids = select_ids(who, scope).subquery()
    found = sorted(conn.execute(select(customer.c.key).join(ids, ids.c.id == customer.c.id)).scalars())
    if scope.shape == "among":
        even = select(customer.c.id, customer.c.key).where(customer.c.id % 2 == 0)
        some = {row.id: row.key for row in conn.execute(even)}
        asked = sorted(some[id] for id in conn.execute(select_among(who, scope), {"ids": [*some]}).scalars())
        assert asked == sorted({*found} & {*some.values()}), f"among some: {asked}, of {found}"
    return found
