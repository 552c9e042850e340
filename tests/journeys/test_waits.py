"""`wait`: durations, local times, weekdays, moments; counted from when the step before was due."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.journeys.files import journey, next_at, outcomes, right_at, said_of, sent, standings, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENT = "{within: 60 days}"


ENDS = {
    "30 minutes": "2026-06-15 12:30",
    "3 weeks": "2026-07-06 12:00",
    "{for: 1 day, at: '09:00'}": "2026-06-17 07:00",
    "{for: 1 day, at: '14:00'}": "2026-06-16 12:00",
    "{for: 19 hours, at: '09:00'}": "2026-06-16 07:00",
    "{at: '09:00'}": "2026-06-16 07:00",
    "{for: 1 day, at: '09:00', days: [sat, sun]}": "2026-06-20 07:00",
    "{at: '13:59', days: [mon]}": "2026-06-22 11:59",
    "{at: '14:00', days: [mon]}": "2026-06-15 12:00",
    "{until: 2026-06-20 10:30}": "2026-06-20 08:30",
    "{until: 2026-06-20}": "2026-06-19 22:00",
    "{until: 2026-06-20, at: '09:00'}": "2026-06-20 07:00",
    "{until: 5 days after entered}": "2026-06-20 12:00",
    "{until: 5 days after trigger, at: '09:00'}": "2026-06-21 07:00",
    "1 month": "2026-07-15 12:00",
    "{for: 5 months, at: '09:00'}": "2026-11-16 08:00",
    "{until: 1 year after entered}": "2027-06-15 12:00",
    "{until: 5 months after trigger}": "2026-11-15 13:00",  # 14:00 in Berlin's winter
    "{until: 2027-03-28 02:30}": "2027-03-28 01:00",  # in the gap of Berlin's clocks
}


def wait(shop: Shop, text: str, **people: str | None) -> None:
    """Everybody signs up at noon (14:00 in Berlin) into `hello, wait, again`; people are given with their zones."""
    start(shop, steps=f"[{{send: hello}}, {{wait: {text}}}, {{send: again}}]", late=PATIENT)
    for key, zone in people.items():
        shop.customer(key, time_zone=zone)
        shop.event(key, "signed_up", NOON)
    shop.tick()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def test_each_kind_of_wait_ends_exactly_then(shop: Shop) -> None:
    for number, text in enumerate(ENDS):
        steps = f"[{{send: hello}}, {{wait: {text}}}, {{send: again}}]"
        shop.campaign(f"w{number:02}", journey(steps=steps, late="{within: 900 days}"))
    shop.publish()
    shop.customer("alice", time_zone="Europe/Berlin")
    shop.event("alice", "signed_up", NOON)
    shop.tick()
    shop.tick(NOON + 400 * DAY)
    again = {row[0]: row[6] for row in shop.ledger() if row[3] == "again"}
    assert dict(zip(ENDS, again.values(), strict=True)) == {text: utc(ends) for text, ends in ENDS.items()}


def test_a_local_time_is_each_customers_own(shop: Shop) -> None:
    wait(
        shop,
        "{for: 1 day, at: '09:00'}",
        alice="Pacific/Kiritimati",
        bob="Pacific/Pago_Pago",
        eve="Asia/Kathmandu",
        none=None,
        wrong="Mars/Olympus",
    )
    assert next_at(shop) == {
        "alice": utc("2026-06-16 19:00"),
        "bob": utc("2026-06-16 20:00"),
        "eve": utc("2026-06-17 03:15"),
        "none": utc("2026-06-17 07:00"),
        "wrong": utc("2026-06-17 07:00"),
    }


def test_a_weekday_may_be_a_week_ahead_of_where_the_customer_is(shop: Shop) -> None:
    wait(shop, "{at: '01:59', days: [tue]}", alice="Pacific/Kiritimati", bob="Pacific/Pago_Pago")
    assert next_at(shop) == {"alice": utc("2026-06-22 11:59"), "bob": utc("2026-06-16 12:59")}


def test_a_date_begins_at_each_customers_midnight(shop: Shop) -> None:
    wait(shop, "{until: 2026-06-20}", alice="Pacific/Kiritimati", bob="America/New_York")
    assert next_at(shop) == {"alice": utc("2026-06-19 10:00"), "bob": utc("2026-06-20 04:00")}


@pytest.mark.parametrize("down", [timedelta(0), HOUR, 20 * DAY])
def test_running_late_moves_no_wait(shop: Shop, down: timedelta) -> None:
    steps = "[{send: hello}, {wait: 1 day}, {send: again}, {wait: 2 days}, {send: hello, name: last}]"
    start(shop, steps=steps, late=PATIENT)
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    shop.tick(NOON + down)
    shop.tick(NOON + 3 * DAY + down)
    assert right_at(shop, "last") == {"alice": NOON + 3 * DAY}


def test_a_journey_may_begin_and_end_with_a_wait(shop: Shop) -> None:
    start(shop, steps="[{wait: 1 day}, {send: hello}, {wait: 2 days}]")
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    shop.tick()
    assert standings(shop) == [("alice", "in", None, "wait before hello")]
    shop.tick(NOON + DAY)
    assert standings(shop) == [("alice", "in", None, "wait at end")]
    shop.tick(NOON + 3 * DAY)
    assert sent(shop) == [("alice", "hello")]
    assert standings(shop) == [("alice", "finished", None, None)]


@pytest.mark.parametrize(
    ("if_past", "came"),
    [
        ("skip", [("again", "skipped", "past"), ("next", "skipped", "past"), ("last", "sent", None)]),
        ("go_on", [("again", "sent", None), ("next", "sent", None), ("last", "sent", None)]),
        ("exit", []),
    ],
)
def test_a_moment_that_had_passed_when_the_wait_began(shop: Shop, if_past: str, came: list[object]) -> None:
    wait_until = f"{{wait: {{until: 2026-06-10, if_past: {if_past}}}}}"
    after = "{send: again}, {send: hello, name: next}, {wait: 1 day}, {send: hello, name: last}"
    start(shop, steps=f"[{{send: hello}}, {wait_until}, {after}]")
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    shop.tick()
    shop.tick(NOON + DAY)
    assert {row[1:] for row in outcomes(shop)} == {("hello", "sent", None), *came}
    assert standings(shop)[0][1:3] == (("left", "past") if if_past == "exit" else ("finished", None))


def test_skip_is_what_a_wait_does_that_says_nothing_of_a_passed_moment(shop: Shop) -> None:
    wait(shop, "{until: 2026-06-10}", alice=None)
    assert outcomes(shop)[-1] == ("alice", "hello", "sent", None)
    assert ("alice", "again", "skipped", "past") in outcomes(shop)


def test_a_moment_that_passes_only_while_nobody_runs_has_not_passed(shop: Shop) -> None:
    start(shop, steps="[{send: hello}, {wait: {until: 2026-06-16}}, {send: again}]", late=PATIENT)
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    shop.tick(NOON + 3 * DAY)
    assert sent(shop) == [("alice", "hello"), ("alice", "again")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{for: 1 day, until: 2026-06-20}", "exclude each other"),
        ("{days: [mon]}", "needs one of 'for', 'until', 'at'"),
        ("{for: 1 day, days: [mon]}", "'days' needs 'at'"),
        ("{for: 1 day, if_past: exit}", "'if_past' goes with 'until' only"),
        ("{until: 2026-06-20, at: '09:00', days: [mon]}", "not with 'until'"),
        ("{until: 2026-06-20 10:00, at: '09:00'}", "has a time of day already"),
        ("{until: 3 days before birthday}", "'birthday' comes every year"),
        ("{until: 3 hours before joined_on}", "dates have no hours"),
        ("{until: 3 days after enterd}", "is not a moment known here; did you mean 'entered'?"),
        ("{until: step goodbye}", "'goodbye' is none of this file's steps that send something"),
        ("{until: offer treat expires}", "offer 'treat' is not in this file's `offers`"),
        ("{until: last ordr}", "event 'ordr' is not known in config/vocabulary.yaml; did you mean 'order'?"),
        ("soon", "is not a duration"),
    ],
)
def test_a_wait_that_can_mean_nothing_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in said_of(tmp_path, steps=f"[{{send: hello}}, {{wait: {text}}}, {{send: again}}]")
