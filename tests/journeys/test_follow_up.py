"""`follow_up`: a task for a person, written once when its turn comes; consent and addresses are not asked."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from crm_store.content.working import WorkingHours
from crm_store.ledger.follow_ups import WantedTasks, find_tasks
from crm_store.schema import follow_up, touch
from tests.journeys.files import outcomes, said_of, sent, standings, start
from tests.world import NOON, SETTINGS, VOCABULARY, WITHDRAWN, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENT = "{within: 60 days}"
KINDS = VOCABULARY + "follow_ups: {call: {title: Call them}, letter: {}}\n"


def called(shop: Shop, keys: str = "", more: str = "", kind: str = "call", **fields: Any) -> None:
    """Alice signs up on Monday at noon, 14:00 in Berlin; somebody is to call her, then she gets a mail."""
    shop.write({"config/vocabulary.yaml": KINDS})
    others = {"late": PATIENT, **({"exit_when": more} if more else {})}
    start(shop, steps=f"[{{follow_up: {kind}{keys}}}, {{send: hello}}]", **others)
    shop.customer("alice", **fields)
    shop.event("alice", "signed_up", NOON)
    shop.tick()


def tasks(shop: Shop) -> list[dict[str, Any]]:
    with shop.store.read() as conn:
        return [{**one, "id": 0} for one in find_tasks(conn, WantedTasks(done=None))]


def due(shop: Shop) -> list[datetime | None]:
    return [one["due_at"] for one in tasks(shop)]


def test_a_task_is_of_the_kind_that_the_step_says(shop: Shop) -> None:
    called(shop, kind="letter")
    assert [one["kind"] for one in tasks(shop)] == ["letter"]


def test_a_task_is_written_with_all_that_the_step_says(shop: Shop) -> None:
    called(shop, ", to: anna, note: Ask how it went, by: 2 days")
    assert tasks(shop) == [
        {
            "id": 0,
            "customer": "alice",
            "kind": "call",
            "assignee": "anna",
            "note": "Ask how it went",
            "created_at": NOON,
            "due_at": NOON + 2 * DAY,
            "done_at": None,
            "outcome": None,
        }
    ]
    assert sorted(sent(shop)) == [("alice", "follow_up before hello"), ("alice", "hello")]
    assert len(shop.mails()) == 1


def test_the_task_belongs_to_its_touch_and_is_written_once(shop: Shop) -> None:
    called(shop)
    shop.tick()
    shop.tick(NOON + DAY)
    with shop.store.read() as conn:
        rows = conn.execute(select(follow_up.c.touch_id, touch.c.channel, touch.c.step).join(touch)).all()
    assert [row[1:] for row in rows] == [("follow_up", "follow_up before hello")]
    assert due(shop) == [None]


@pytest.mark.parametrize("fields", [{"consents": WITHDRAWN}, {"email": ...}])
def test_who_can_not_be_written_to_can_be_called(shop: Shop, fields: dict[str, Any]) -> None:
    called(shop, **fields)
    assert sent(shop) == [("alice", "follow_up before hello")]
    assert len(tasks(shop)) == 1


def test_no_pause_keeps_a_task_back(shop: Shop) -> None:
    shop.write({"config/vocabulary.yaml": KINDS})
    start(shop, steps="[{pause: {purpose: marketing, for: 1 day}}, {follow_up: call}]")
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    shop.tick()
    assert len(tasks(shop)) == 1


def test_who_has_met_the_exit_is_not_called(shop: Shop) -> None:
    shop.customer("alice")
    shop.event("alice", "order", NOON - HOUR)
    called(shop, more="{event: order}")
    assert outcomes(shop) == [("alice", "follow_up before hello", "cancelled", "exit")]
    assert tasks(shop) == []


@pytest.mark.parametrize(
    ("signed_up", "ends"),
    [
        ("2026-06-15T12:00", "2026-06-16T08:00"),  # Monday 14:00 in Berlin: three hours, and one on Tuesday
        ("2026-06-15T07:00", "2026-06-15T11:00"),
        ("2026-06-19T20:00", "2026-06-22T11:00"),  # after work on Friday
        ("2026-06-20T10:00", "2026-06-22T11:00"),  # at the weekend
    ],
)
def test_working_hours_are_those_of_the_company(shop: Shop, signed_up: str, ends: str) -> None:
    shop.write({"config/vocabulary.yaml": KINDS})
    at = datetime.fromisoformat(signed_up).replace(tzinfo=UTC)
    start(shop, at - DAY, steps="[{follow_up: call, by: 4 working hours}]")
    shop.customer("alice", time_zone="Pacific/Auckland")
    shop.event("alice", "signed_up", at)
    shop.tick(at + HOUR)
    assert due(shop) == [datetime.fromisoformat(ends).replace(tzinfo=UTC)]


def test_a_company_has_working_hours_of_its_own(shop: Shop) -> None:
    shop.write({"config/rapport.yaml": SETTINGS + "working_hours: {days: [tue, sat], hours: '10:00-12:00'}\n"})
    called(shop, ", by: 3 working hours")
    assert due(shop) == [datetime(2026, 6, 20, 9, tzinfo=UTC)]


def test_an_hour_that_is_lost_is_not_worked() -> None:
    night = WorkingHours((6,), time(1), time(5))
    begin = datetime(2026, 3, 28, 12, tzinfo=UTC)
    zone = ZoneInfo("Europe/Berlin")
    assert night.after(begin, 3 * HOUR, zone) == datetime(2026, 3, 29, 3, tzinfo=UTC)
    assert night.after(begin, 4 * HOUR, zone) == datetime(2026, 4, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        ("since", "2026-07-01T07:00"),
        ("2 weeks before since", "2026-06-17T07:00"),
        ("3 days after entered", "2026-06-18T12:00"),
        ("2026-07-01 15:30", "2026-07-01T13:30"),
    ],
)
def test_a_task_may_be_for_a_moment(shop: Shop, at: str, ends: str) -> None:
    called(shop, f", at: {at}", attributes={"since": "2026-07-01"})
    assert due(shop) == [datetime.fromisoformat(ends).replace(tzinfo=UTC)]


@pytest.mark.parametrize(("on_error", "then"), [("continue", "finished"), ("stop", "left")])
def test_a_task_for_a_moment_that_nobody_knows_fails(shop: Shop, on_error: str, then: str) -> None:
    called(shop, f", at: since, on_error: {on_error}")
    assert ("alice", "follow_up before hello", "failed", "no_date") in outcomes(shop)
    assert tasks(shop) == []
    assert standings(shop)[0][1] == then


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("calls", "follow-up 'calls' is not known in config/vocabulary.yaml"),
        ("x, by: 4 working days", "'4 working days' is not a duration"),
        ("x, by: 0 working hours", "'0' must be a whole number, 1 or more"),
        ("x, by: 2 days, at: entered", "'by' and 'at' exclude each other; keep one"),
        ("x, till: 2 days", "step 'follow_up' has no 'till'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, keys: str, said: str) -> None:
    assert said in said_of(tmp_path, steps=f"[{{follow_up: {keys}}}, {{send: hello}}]")
