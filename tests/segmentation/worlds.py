"""The same random people on either database, the oracle that knows them, and whether all agree on a segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from crm_store.content.faults import Faults
from crm_store.content.sources import VOCABULARY as VOCABULARY_FILE
from crm_store.content.sources import Sources
from crm_store.content.vocabulary import load_vocabulary
from crm_store.schema import METADATA, customer
from crm_store.segmentation.compile import scope_of, select_ids
from crm_store.segmentation.language import Shape
from crm_store.segmentation.segment import Segment, load_segments
from crm_store.store import Store
from tests.segmentation.asking import SHAPES
from tests.segmentation.oracle import Condition, Oracle
from tests.segmentation.population import VOCABULARY, WORDS, population, write
from tests.segmentation.strategies import as_yaml

WORDS_OF_FILE = load_vocabulary(Sources({VOCABULARY_FILE: VOCABULARY}), Faults())


@dataclass(frozen=True)
class Worlds:
    """Stores with the same people."""

    stores: Sequence[Store]
    oracle: Oracle

    @classmethod
    def filled(cls, stores: Sequence[Store], seed: int, count: int, zone: ZoneInfo) -> Worlds:
        """The stores with random people in place of whoever is there."""
        people = population(seed, count, zone)
        for store in stores:
            store.write(_empty)
            write(store, people, zone)
        return cls(stores, Oracle(people, WORDS, zone))

    def agree(self, who: Condition, now: datetime, others: Mapping[str, Condition] | None = None) -> None:
        """Every store gives the oracle's members, in either shape."""
        expected = replace(self.oracle, segments=others or {}).members(who, now)
        segments = read({"x": who, **(others or {})})
        for store in self.stores:
            for shape in SHAPES:
                found = self._members(store, segments, now, shape)
                assert found == expected, f"{store.dialect}, {shape}: {difference(found, expected)}"

    def members(self, who: Condition, now: datetime) -> list[str]:
        """The members of whom every store, in either shape, says the same."""
        segments = read({"x": who})
        found = [self._members(store, segments, now, shape) for store in self.stores for shape in SHAPES]
        assert all(one == found[0] for one in found)
        return found[0]

    def _members(self, store: Store, segments: Mapping[str, Segment], now: datetime, shape: Shape) -> list[str]:
        with store.read() as conn:
            scope = scope_of(conn, now, self.oracle.zone, segments, shape)
            chosen = select_ids(segments["x"].who, scope).with_only_columns(customer.c.key)
            return sorted(conn.execute(chosen).scalars())


def read(conditions: Mapping[str, Condition]) -> dict[str, Segment]:
    """Through YAML, as a workspace's files; all but x are laid out in blocks."""
    faults = Faults()
    files = {f"segments/{name}.yaml": as_yaml(who, block=name != "x") for name, who in conditions.items()}
    segments = load_segments(Sources(files), WORDS_OF_FILE, faults)
    assert not faults.found, [str(fault) for fault in faults.found]
    return segments


def difference(found: Sequence[str], expected: Sequence[str]) -> str:
    return f"too many {sorted(set(found) - set(expected))[:5]}, missing {sorted(set(expected) - set(found))[:5]}"


def _empty(conn: Any) -> None:
    for table in reversed(METADATA.sorted_tables):
        conn.execute(table.delete())
