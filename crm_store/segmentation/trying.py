"""Running the `examples:` of segments through the real intake and compiler, on a throwaway store in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from crm_store.clock import machine_instant
from crm_store.content.faults import Fault
from crm_store.content.settings import Settings
from crm_store.content.vocabulary import Vocabulary
from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.records import CustomerRecord, EventRecord, read_customer, read_event
from crm_store.intake.values import Reject, Rules
from crm_store.schema import METADATA, customer
from crm_store.segmentation.compile import scope_of, select_among
from crm_store.segmentation.example import Example
from crm_store.segmentation.segment import Segment
from crm_store.segmentation.staging import Told, instant_of, stage_facts
from crm_store.store import memory_store


@dataclass(frozen=True)
class Tried:
    """How many examples were run, and those that did not come out as expected."""

    count: int
    failures: Sequence[Fault]


@dataclass(frozen=True)
class _Case:
    key: str
    segment: Segment
    example: Example
    now: datetime


def try_examples(segments: Mapping[str, Segment], settings: Settings, vocabulary: Vocabulary) -> Tried:
    """Every example of every segment."""
    zone = settings.company.zone
    cases = [
        _Case(f"{segment.name}#{number}", segment, example, example.instant(zone))
        for segment in segments.values()
        for number, example in enumerate(segment.examples)
    ]
    failures: list[Fault] = []
    if cases:
        rules = Rules(vocabulary, zone, settings.company.currency)
        store = memory_store()
        tried = store.write(_fill, cases, rules, failures)
        with store.read() as conn:
            failures += _wrong(conn, tried, segments, settings)
        store.close()
    return Tried(len(cases), sorted(failures, key=lambda fault: fault.place))


def _fill(conn: Connection, cases: Sequence[_Case], rules: Rules, failures: list[Fault]) -> list[_Case]:
    """Returns the cases that are in the store; of the others it is said why not."""
    METADATA.create_all(conn)
    customers: list[CustomerRecord] = []
    events: list[EventRecord] = []
    filled = []
    for case in cases:
        try:
            record = read_customer({"key": case.key, **case.example.customer}, rules)
            done = [read_event(_raw_event(case, number, rules), rules) for number in range(len(case.example.events))]
        except Reject as reject:
            failures.append(Fault(case.example.place, f"the example can't be tried: {reject}"))
            continue
        customers.append(record)
        events += done
        filled.append(case)
    Customers().write(conn, customers, "example", machine_instant())
    Events().write(conn, events, "example", machine_instant())
    stage_facts(conn, [Told(case.key, case.example, case.now) for case in filled], rules.zone)
    return filled


def _raw_event(case: _Case, number: int, rules: Rules) -> dict[str, Any]:
    said = case.example.events[number]
    at = instant_of(said.at, case.now, rules.zone).isoformat()
    return {"customer": case.key, "event": said.kind, "at": at, "id": f"{case.key}/{number}", **said.fields}


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
