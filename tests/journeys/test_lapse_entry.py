"""`enter: {lapse, after, items}`: silence enters, once per lapse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.journeys.files import occasions, right_at, said_of, sent, standings, start
from tests.world import NOON, VOCABULARY, Shop

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
KEYS = {"kind": "winback", "enter": "{lapse: order, after: 30 days}"}


def order(shop: Shop, key: str, ago: timedelta, product: str = "tea") -> None:
    shop.customer(key)
    shop.event(key, "order", ago, items=[{"product": product, "quantity": 1}])


@pytest.mark.parametrize("kind", ["order", "signed_up"])
def test_it_enters_exactly_when_the_time_is_up(shop: Shop, kind: str) -> None:
    start(shop, kind="winback", enter=f"{{lapse: {kind}, after: 30 days}}")
    shop.customer("alice")
    shop.event("alice", kind, 30 * DAY)
    shop.tick(NOON - SECOND)
    assert shop.enrolments() == []
    shop.tick()
    assert right_at(shop) == {"alice": NOON}


def test_a_later_order_up_to_now_forestalls_it_and_one_after_now_does_not(shop: Shop) -> None:
    start(shop, **KEYS)
    for key in ("alice", "eve"):
        order(shop, key, 30 * DAY)
    order(shop, "alice", timedelta(0))
    order(shop, "eve", -SECOND)
    shop.tick()
    assert sent(shop) == [("eve", "hello")]


def test_each_lapse_enters_again(shop: Shop) -> None:
    start(shop, **KEYS)
    order(shop, "alice", 70 * DAY)
    shop.tick(NOON - 40 * DAY)
    order(shop, "alice", 35 * DAY)
    shop.tick(NOON - 5 * DAY)
    assert [row[6] for row in shop.enrolments()] == [NOON - 40 * DAY, NOON - 5 * DAY]
    assert len(set(occasions(shop))) == 2


def test_of_two_orders_at_one_instant_one_lapses(shop: Shop) -> None:
    start(shop, **KEYS)
    order(shop, "alice", 30 * DAY, "tea")
    order(shop, "alice", 30 * DAY, "beans")
    shop.tick()
    assert sent(shop) == [("alice", "hello")]


def test_with_items_only_orders_that_have_them_count(shop: Shop) -> None:
    start(shop, kind="winback", enter="{lapse: order, after: 30 days, items: {product: {is: beans}}}")
    order(shop, "alice", 30 * DAY, "beans")
    order(shop, "alice", 2 * DAY, "tea")
    order(shop, "eve", 30 * DAY, "beans")
    order(shop, "eve", 2 * DAY, "beans")
    order(shop, "bob", 30 * DAY, "tea")
    shop.tick()
    assert sent(shop) == [("alice", "hello")]


def test_a_lapse_older_than_late_does_not_enter(shop: Shop) -> None:
    start(shop, **KEYS, late="{within: 2 days}")
    order(shop, "alice", 32 * DAY)
    order(shop, "eve", 32 * DAY + SECOND)
    shop.tick()
    assert sent(shop) == [("alice", "hello")]


def test_an_order_since_the_entry_ends_it_and_the_one_that_lapsed_does_not(shop: Shop) -> None:
    steps = "[{send: hello}, {wait: 7 days}, {send: again}]"
    start(shop, **KEYS, steps=steps, exit_when="{event: order, since: entered}")
    for key in ("alice", "eve"):
        order(shop, key, 30 * DAY)
    shop.tick()
    order(shop, "eve", -DAY)
    shop.tick(NOON + 7 * DAY)
    assert [row[:3] for row in standings(shop)] == [("alice", "finished", None), ("eve", "left", "exit")]


@pytest.mark.parametrize(
    ("after", "said"), [("2 usual gaps", "has no `usual_gap` in the vocabulary"), ("0 days", "longer than nothing")]
)
def test_a_time_that_can_not_be_waited_for_is_refused(tmp_path: Path, after: str, said: str) -> None:
    assert said in said_of(tmp_path, kind="winback", enter=f"{{lapse: order, after: {after}}}")


def test_months_are_those_of_the_calendar(shop: Shop) -> None:
    start(shop, kind="winback", enter="{lapse: order, after: 2 months}", late="{within: 200 days}")
    for key, day in {"jan": "2026-01-15", "dec": "2025-12-31", "mar": "2026-03-28"}.items():
        shop.customer(key)
        shop.event(key, "order", datetime.fromisoformat(f"{day}T23:00:00+00:00"))
    shop.tick(datetime(2026, 6, 15, tzinfo=UTC))
    # Midnight has passed in Berlin: the 16th, 1 January, 29 March (when the clocks change, which 29 May knows nothing of).
    assert right_at(shop) == {
        "jan": datetime(2026, 3, 15, 23, tzinfo=UTC),
        "dec": datetime(2026, 2, 28, 23, tzinfo=UTC),
        "mar": datetime(2026, 5, 28, 22, tzinfo=UTC),
    }


GAPS = VOCABULARY.replace(
    "order: {happens: repeatedly,",
    "order: {happens: repeatedly, "
    "usual_gap: {from: 3 events, at_least: 5 days, at_most: 40 days, otherwise: 20 days},",
)  # fmt: skip
# When somebody ordered, days before NOON; and after how many days without an order two usual gaps are over.
GAPPED = {
    "steady": ((40, 30, 20, 10), 20),
    "hasty": ((13, 12, 11, 10), 10),  # at least 5 days
    "slow": ((300, 200, 100, 10), 80),  # at most 40
    "new": ((20, 10), 40),  # too few
}


@pytest.mark.parametrize("key", GAPPED)
def test_usual_gaps_are_the_customers_own(shop: Shop, key: str) -> None:
    shop.write({"config/vocabulary.yaml": GAPS})
    start(shop, kind="winback", enter="{lapse: order, after: 2 usual gaps}", late="{within: 1 days}")
    days, expected = GAPPED[key]
    shop.customer(key)
    for day in days:
        shop.event(key, "order", timedelta(days=day))
    begin = NOON + timedelta(days=expected - min(days))
    shop.tick(begin - timedelta(hours=1))
    assert occasions(shop) == []
    shop.tick(begin)
    shop.tick(begin + timedelta(hours=1))
    assert right_at(shop) == {key: begin}


def test_usual_gaps_are_those_between_the_events_that_count(shop: Shop) -> None:
    shop.write({"config/vocabulary.yaml": GAPS})
    enter = "{lapse: order, after: 1 usual gap, items: {product: {is: tea}}}"
    start(shop, kind="winback", enter=enter, late="{within: 20 days}")
    shop.customer("anna")
    for day in (40, 28, 16):
        shop.event("anna", "order", timedelta(days=day), items=[{"product": "tea", "quantity": 1}])
        shop.event("anna", "order", timedelta(days=day - 1), items=[{"product": "mug", "quantity": 1}])
    shop.tick()
    assert right_at(shop) == {"anna": NOON - timedelta(days=4)}
