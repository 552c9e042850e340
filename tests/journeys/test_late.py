"""`late`: the gap between the instant due and now, for entries and steps; after it skip, send, or ask a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_store.journeys.tick import Work, due_work
from crm_store.ledger.log import Order
from crm_store.ledger.runs import accept
from tests.journeys.files import outcomes, right_at, sent, start
from tests.world import NOON, Shop

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
TWO_MAILS = "[{send: hello}, {wait: 1 day}, {send: again}]"


def sign_up(shop: Shop) -> None:
    """Alice signs up at noon."""
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)


@pytest.mark.parametrize(("late", "hours"), [({}, 12), ({"late": "{within: 2 hours}"}, 2)])
def test_an_entry_may_be_so_late_and_not_a_second_later(shop: Shop, late: dict[str, str], hours: int) -> None:
    start(shop, **late)
    sign_up(shop)
    shop.tick(NOON + hours * HOUR + SECOND)
    assert shop.enrolments() == []
    shop.tick(NOON + hours * HOUR)
    assert sent(shop) == [("alice", "hello")]


def test_a_step_that_is_late_is_skipped_and_the_journey_goes_on_from_when_it_was_due(shop: Shop) -> None:
    start(shop, steps="[{send: hello}, {wait: 1 day}, {send: again}, {wait: 1 day}, {send: hello, name: last}]")
    sign_up(shop)
    shop.tick()
    shop.tick(NOON + DAY + 12 * HOUR + SECOND)
    assert outcomes(shop) == [("alice", "hello", "sent", None), ("alice", "again", "skipped", "late")]
    shop.tick(NOON + 2 * DAY)
    assert right_at(shop, "last") == {"alice": NOON + 2 * DAY}
    assert sent(shop) == [("alice", "hello"), ("alice", "last")]


@pytest.mark.parametrize("down", [HOUR, DAY, 30 * DAY])
def test_a_clock_that_was_down_changes_only_what_late_says(shop: Shop, down: timedelta) -> None:
    start(shop, steps=TWO_MAILS, late="{within: 2 days}")
    sign_up(shop)
    shop.tick()
    shop.tick(NOON + DAY + down)
    assert right_at(shop, "again") == {"alice": NOON + DAY}
    reason = "expired" if down > 7 * DAY else None
    assert outcomes(shop)[1] == ("alice", "again", "skipped" if reason else "sent", reason)


def test_otherwise_send_sends_however_late_but_nothing_from_before_it_was_live(shop: Shop) -> None:
    start(shop, late="{within: 1 hour, otherwise: send}")
    sign_up(shop)
    shop.customer("eve")
    shop.event("eve", "signed_up", 2 * HOUR)
    shop.tick(NOON + 5 * DAY)
    assert sent(shop) == [("alice", "hello")]


def test_otherwise_ask_waits_until_a_person_accepts(shop: Shop) -> None:
    start(shop, late="{within: 1 hour, otherwise: ask}")
    sign_up(shop)
    shop.tick(NOON + DAY)
    assert outcomes(shop) == [("alice", "hello", "due", None)]
    assert due_work(shop.store, NOON + DAY) == []
    assert shop.store.write(accept, "c", NOON + DAY, Order("ann")) == 1
    assert due_work(shop.store, NOON + DAY) == [Work("c", "nurture")]
    shop.tick(NOON + DAY)
    assert sent(shop) == [("alice", "hello")]


def test_what_is_in_time_is_not_asked_about(shop: Shop) -> None:
    start(shop, late="{within: 1 hour, otherwise: ask}")
    sign_up(shop)
    shop.tick(NOON + HOUR)
    assert sent(shop) == [("alice", "hello")]
    assert shop.store.write(accept, "c", NOON + DAY, Order("ann")) == 0


def test_accepting_lets_no_later_run_go(shop: Shop) -> None:
    start(shop, late="{within: 1 hour, otherwise: ask}", steps=TWO_MAILS)
    sign_up(shop)
    shop.tick()
    shop.store.write(accept, "c", NOON, Order("ann"))
    shop.tick(NOON + DAY + 2 * HOUR)
    assert outcomes(shop)[1] == ("alice", "again", "due", None)


def test_what_nobody_accepts_ends_held_at_its_expiry(shop: Shop) -> None:
    start(shop, late="{within: 1 hour, otherwise: ask}")
    sign_up(shop)
    shop.tick(NOON + DAY)
    shop.tick(NOON + 7 * DAY - SECOND)
    assert outcomes(shop) == [("alice", "hello", "due", None)]
    shop.tick(NOON + 7 * DAY)
    assert outcomes(shop) == [("alice", "hello", "skipped", "held")]


def test_the_settings_say_how_long_a_touch_may_wait(shop: Shop) -> None:
    settings = (shop.root / "config/rapport.yaml").read_text()
    shop.write({"config/rapport.yaml": settings + "delivery: {wait_at_most: 2 hours}\n"})
    start(shop)
    sign_up(shop)
    shop.tick(NOON + 2 * HOUR)
    assert outcomes(shop) == [("alice", "hello", "skipped", "expired")]
