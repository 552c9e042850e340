"""Running the `examples:` of segments through the real intake and compiler, on a throwaway store in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from crm_store.clock import machine_instant
from crm_store.content.faults import Fault
from crm_store.content.settings import Settings
from crm_store.content.vocabulary import Vocabulary
from crm_store.intake.values import Rules
from crm_store.schema import METADATA, customer
from crm_store.segmentation.compile import scope_of, select_among
from crm_store.segmentation.example import Example
from crm_store.segmentation.segment import Segment
from crm_store.segmentation.staging import Told, stage
from crm_store.store import memory_store


@dataclass(frozen=True)
class Tried:
    """How many examples were run, and those that did not come out as expected."""

    count: int
    failures: Sequence[Fault]


@dataclass(frozen=True)
class _Case(Told):
    """An example of a segment."""

    segment: Segment
    example: Example


def try_examples(segments: Mapping[str, Segment], settings: Settings, vocabulary: Vocabulary) -> Tried:
    """Every example of every segment."""
    zone = settings.company.zone
    cases = [
        _Case(f"{segment.name}#{number}", example, example.instant(zone), segment, example)
        for segment in segments.values()
        for number, example in enumerate(segment.examples)
    ]
    failures: list[Fault] = []
    if cases:
        rules = Rules(vocabulary, zone, settings.company.currency)
        store = memory_store()
        store.write(METADATA.create_all)
        refused = store.write(stage, cases, rules, machine_instant())
        with store.read() as conn:
            tried = [case for case in cases if case.key not in refused]
            failures += [*refused.values(), *_wrong(conn, tried, segments, settings)]
        store.close()
    return Tried(len(cases), sorted(failures, key=lambda fault: fault.place))


def _wrong(conn: Connection, cases: Sequence[_Case], segments: Mapping[str, Segment], settings: Settings) -> list[Fault]:
    """One query per segment and instant, for all its examples at once."""
    groups: dict[tuple[str, datetime], list[_Case]] = defaultdict(list)
    for case in cases:
        groups[(case.segment.name, case.now)].append(case)
    ids = {row.key: row.id for row in conn.execute(select(customer.c.key, customer.c.id))}
    wrong = []
    for (name, now), group in groups.items():
        scope = scope_of(conn, now, settings.company.zone, segments, "among")
        chosen = select_among(segments[name].who, scope)
        members = set(conn.execute(chosen, {"ids": [ids[case.key] for case in group]}).scalars())
        wrong += [_fault(case) for case in group if (ids[case.key] in members) != case.example.member]
    return wrong


def _fault(case: _Case) -> Fault:
    title = f" '{case.example.title}'" if case.example.title else ""
    said = "is a member, but should not be" if not case.example.member else "is not a member, but should be"
    return Fault(case.example.place, f"example{title} of segment {case.segment.name}: the customer {said}")
