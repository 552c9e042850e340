"""Stories of examples, put into a throwaway store: customer and events by the real intake, messages and scores as the
ledger would hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select

from crm_store.clock import local_instant, start_of_day
from crm_store.content.faults import Fault
from crm_store.content.literals import Moment
from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.records import CustomerRecord, EventRecord, read_customer, read_event
from crm_store.intake.values import Reject, Rules
from crm_store.ledger.states import SENT
from crm_store.schema import campaign_run, customer, definition, enrolment, score, touch, touch_event
from crm_store.segmentation.example import ExampleMessage, Story
from crm_store.segmentation.messages import OF_TOUCHES, TOLD

NOTHING = "example"


@dataclass(frozen=True)
class Told:
    """A story, whose customer has this key, and its `now` in UTC."""

    key: str
    story: Story
    now: datetime


def instant_of(moment: Moment, now: datetime, zone: ZoneInfo) -> datetime:
    """A moment of an example; dates and local times are the company's."""
    base = moment.base
    if isinstance(base, datetime):
        return local_instant(base.date(), base.time(), zone)
    return start_of_day(base, zone) if isinstance(base, date) else moment.shifted(now, zone)


def stage(conn: Connection, told: Sequence[Told], rules: Rules, at: datetime) -> dict[str, Fault]:
    """Write these stories, imported at the instant `at`. Returns, by key, why some of them can't be."""
    customers: list[CustomerRecord] = []
    events: list[EventRecord] = []
    refused: dict[str, Fault] = {}
    for one in told:
        try:
            record = read_customer({"key": one.key, **one.story.customer}, rules)
            done = [read_event(raw, rules) for raw in _raw_events(one, rules)]
        except Reject as reject:
            refused[one.key] = Fault(one.story.place, f"the example can't be tried: {reject}")
            continue
        customers.append(record)
        events += done
    Customers().write(conn, customers, NOTHING, at)
    Events().write(conn, events, NOTHING, at)
    _stage_facts(conn, [one for one in told if one.key not in refused], rules.zone)
    return refused


def _raw_events(one: Told, rules: Rules) -> Iterator[dict[str, Any]]:
    for number, said in enumerate(one.story.events):
        at = instant_of(said.at, one.now, rules.zone).isoformat()
        yield {"customer": one.key, "event": said.kind, "at": at, "id": f"{one.key}/{number}", **said.fields}


def _stage_facts(conn: Connection, told: Sequence[Told], zone: ZoneInfo) -> None:
    """Write the messages and scores of these examples, whose customers are in the store."""
    ids = {row.key: row.id for row in conn.execute(select(customer.c.key, customer.c.id))}
    scores = [
        {"name": name, "customer_id": ids[one.key], "value": value, "at": one.now}
        for one in told
        for name, value in one.story.scores.items()
    ]
    if scores:
        conn.execute(insert(score), scores)
    messages = list(_messages(told, ids, zone))
    if messages:
        _stage_messages(conn, messages)


@dataclass(frozen=True)
class _Message:
    customer_id: int
    said: ExampleMessage
    at: datetime


def _messages(told: Sequence[Told], ids: dict[str, int], zone: ZoneInfo) -> Iterator[_Message]:
    for one in told:
        for said in one.story.messages:
            yield _Message(ids[one.key], said, instant_of(said.at, one.now, zone))


def _stage_messages(conn: Connection, messages: Sequence[_Message]) -> None:
    """An enrolment and a touch for each, numbered from 1 in a store that has none."""
    then = datetime(2000, 1, 1, tzinfo=UTC)
    nothing = {"kind": "campaign", "name": NOTHING, "hash": NOTHING, "files": {}, "renderer": "", "published_at": then}
    made_by = {"definition_id": conn.execute(insert(definition).values(nothing).returning(definition.c.id)).scalar_one()}
    run = insert(campaign_run).values(campaign=NOTHING, now=then, started_at=then, eligible=0)
    in_run = {"run_id": conn.execute(run.returning(campaign_run.c.id)).scalar_one()}
    numbered = list(enumerate(messages, start=1))
    conn.execute(insert(enrolment), [_enrolment(number, one) | made_by for number, one in numbered])
    conn.execute(insert(touch), [_touch(number, one) | made_by | in_run for number, one in numbered])
    facts = [_fact(number, one) for number, one in numbered if one.said.fact in TOLD]
    if facts:
        conn.execute(insert(touch_event), facts)


def _enrolment(number: int, one: _Message) -> dict[str, Any]:
    return {
        "id": number,
        "campaign": NOTHING,  # so that no condition on campaigns sees it
        "customer_id": one.customer_id,
        "occasion": str(number),
        "state": "finished",
        "entered_at": datetime(9000, 1, 1, tzinfo=UTC),
        "trigger_at": one.at,
        "past": False,
    }


def _touch(number: int, one: _Message) -> dict[str, Any]:
    of = one.said.of
    state = OF_TOUCHES[one.said.fact][0] if one.said.fact in OF_TOUCHES else SENT
    return {
        "id": number,
        "enrolment_id": number,
        "step": of.get("step", of.get("template", NOTHING)),
        "campaign": of.get("campaign", NOTHING),
        "customer_id": one.customer_id,
        "channel": of.get("channel", "email"),
        "topic": of.get("topic"),
        "template": of.get("template", NOTHING),
        "variant": of.get("variant"),
        "state": state,
        **dict.fromkeys(("right_at", "due_at", "expires_at", "decided_at"), one.at),
        "sent_at": one.at if state == SENT else None,
        "attempt": 1,
    }


def _fact(number: int, one: _Message) -> dict[str, Any]:
    return {
        "touch_id": number,
        "customer_id": one.customer_id,
        "kind": one.said.fact,
        "at": one.at,
        "actor": one.said.of.get("by", "human"),
        "link": one.said.of.get("link"),
        "provider": NOTHING,
        "provider_event_id": str(number),
    }
