"""Messages and scores of examples, put into a throwaway store as the ledger would hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select

from crm_store.clock import local_instant, start_of_day
from crm_store.content.literals import Moment
from crm_store.ledger.states import SENT
from crm_store.schema import campaign_run, customer, definition, enrolment, score, touch, touch_event
from crm_store.segmentation.example import Example, ExampleMessage
from crm_store.segmentation.messages import OF_TOUCHES, TOLD

NOTHING = "example"


@dataclass(frozen=True)
class Told:
    """An example, whose customer has this key, and its `now` in UTC."""

    key: str
    example: Example
    now: datetime


def instant_of(moment: Moment, now: datetime, zone: ZoneInfo) -> datetime:
    """A moment of an example; dates and local times are the company's."""
    base = moment.base
    if isinstance(base, datetime):
        return local_instant(base.date(), base.time(), zone)
    return start_of_day(base, zone) if isinstance(base, date) else moment.shifted(now, zone)


def stage_facts(conn: Connection, told: Sequence[Told], zone: ZoneInfo) -> None:
    """Write the messages and scores of these examples, whose customers are in the store."""
    ids = {row.key: row.id for row in conn.execute(select(customer.c.key, customer.c.id))}
    scores = [
        {"name": name, "customer_id": ids[one.key], "value": value, "at": one.now}
        for one in told
        for name, value in one.example.scores.items()
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
        for said in one.example.messages:
            yield _Message(ids[one.key], said, instant_of(said.at, one.now, zone))


def _stage_messages(conn: Connection, messages: Sequence[_Message]) -> None:
    """An enrolment and a touch for each, numbered from 1 in a store that has none."""
    then = datetime(2000, 1, 1, tzinfo=UTC)
    conn.execute(
        insert(definition).values(
            id=1, kind="campaign", name=NOTHING, hash=NOTHING, files={}, renderer="", published_at=then
        )
    )
    conn.execute(insert(campaign_run).values(id=1, campaign=NOTHING, now=then, started_at=then, eligible=0))
    numbered = list(enumerate(messages, start=1))
    conn.execute(insert(enrolment), [_enrolment(number, one) for number, one in numbered])
    conn.execute(insert(touch), [_touch(number, one) for number, one in numbered])
    facts = [_fact(number, one) for number, one in numbered if one.said.fact in TOLD]
    if facts:
        conn.execute(insert(touch_event), facts)


def _enrolment(number: int, one: _Message) -> dict[str, Any]:
    return {
        "id": number,
        "campaign": NOTHING,  # so that no condition on campaigns sees it
        "customer_id": one.customer_id,
        "occasion": str(number),
        "definition_id": 1,
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
        "run_id": 1,
        "enrolment_id": number,
        "step": of.get("step", of.get("template", NOTHING)),
        "campaign": of.get("campaign", NOTHING),
        "definition_id": 1,
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
