"""The same random people on either database, the oracle that knows them, and whether all agree on a segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from crm_store.content.faults import Faults
from crm_store.content.sources import VOCABULARY as VOCABULARY_FILE
from crm_store.content.sources import Sources
from crm_store.content.vocabulary import Vocabulary, load_vocabulary
from crm_store.schema import METADATA, customer
from crm_store.segmentation.compile import scope_of
from crm_store.segmentation.language import Shape
from crm_store.segmentation.segment import Segment, load_segments
from crm_store.store import Store
from tests.segmentation.asking import SHAPES, keys_of
from tests.segmentation.oracle import Condition, Oracle
from tests.segmentation.oracle_facts import Person, Words
from tests.segmentation.population import VOCABULARY, WORDS, population, write
from tests.segmentation.population_facts import full_population
from tests.segmentation.population_words import FULL_FILES, FULL_WORDS
from tests.segmentation.population_writing import write_facts
from tests.segmentation.strategies import as_yaml

FILES = {VOCABULARY_FILE: VOCABULARY}


@dataclass(frozen=True)
class Worlds:
    """Stores with the same people."""

    stores: Sequence[Store]
    oracle: Oracle
    files: Mapping[str, str]  # the company's; segments come to them

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Without all people, for Hypothesis."""
        printer.text(f"Worlds of {len(self.oracle.people)}")

    @classmethod
    def filled(cls, stores: Sequence[Store], seed: int, count: int, zone: ZoneInfo) -> Worlds:
        """The stores with random people in place of whoever is there."""
        return cls.of(stores, population(seed, count, zone), WORDS, FILES, zone)

    @classmethod
    def full(cls, stores: Sequence[Store], seed: int, count: int, zone: ZoneInfo) -> Worlds:
        """The same with all facts and words that there are."""
        return cls.of(stores, full_population(seed, count, zone), FULL_WORDS, FULL_FILES, zone)

    @classmethod
    def of(
        cls, stores: Sequence[Store], people: Sequence[Person], words: Words, files: Mapping[str, str], zone: ZoneInfo
    ) -> Worlds:
        for store in stores:
            store.write(_empty)
            write(store, people, zone)
            with store.read() as conn:
                ids = {row.key: row.id for row in conn.execute(customer.select())}
            write_facts(store, people, ids)
        return cls(stores, Oracle(people, words, zone), files)

    def agree(self, who: Condition, now: datetime, others: Mapping[str, Condition] | None = None) -> None:
        """Every store gives the oracle's members, in either shape."""
        expected = replace(self.oracle, segments=others or {}).members(who, now)
        segments = self.read({"x": who, **(others or {})})
        for store in self.stores:
            for shape in SHAPES:
                found = self._members(store, segments, now, shape)
                assert found == expected, f"{store.dialect}, {shape}: {difference(found, expected)}"

    def members(self, who: Condition, now: datetime, others: Mapping[str, Condition] | None = None) -> list[str]:
        """The members of whom every store, in either shape, says the same."""
        segments = self.read({"x": who, **(others or {})})
        found = [self._members(store, segments, now, shape) for store in self.stores for shape in SHAPES]
        assert all(one == found[0] for one in found)
        return found[0]

    def read(self, conditions: Mapping[str, Condition]) -> dict[str, Segment]:
        """Through YAML, as a workspace's files; all but x are laid out in blocks."""
        faults = Faults()
        written = {f"segments/{name}.yaml": as_yaml(who, block=name != "x") for name, who in conditions.items()}
        segments = load_segments(Sources({**self.files, **written}), vocabulary_of(self.files[VOCABULARY_FILE]), faults)
        assert not faults.found, [str(fault) for fault in faults.found]
        return segments

    def _members(self, store: Store, segments: Mapping[str, Segment], now: datetime, shape: Shape) -> list[str]:
        with store.read() as conn:
            return keys_of(conn, segments["x"].who, scope_of(conn, now, self.oracle.zone, segments, shape))


@cache
def vocabulary_of(text: str) -> Vocabulary:
    faults = Faults()
    vocabulary = load_vocabulary(Sources({VOCABULARY_FILE: text}), faults)
    assert not faults.found, [str(fault) for fault in faults.found]
    return vocabulary


def difference(found: Sequence[str], expected: Sequence[str]) -> str:
    return f"too many {sorted(set(found) - set(expected))[:5]}, missing {sorted(set(expected) - set(found))[:5]}"


def _empty(conn: Any) -> None:
    for table in reversed(METADATA.sorted_tables):
        conn.execute(table.delete())
