"""`enter: {lapse, after, items}`: silence enters, once per lapse."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.journeys.files import occasions, right_at, said_of, sent, standings, start
from tests.world import NOON, Shop

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
KEYS = {"kind": "winback", "enter": "{lapse: order, after: 30 days}"}


def order(shop: Shop, key: str, ago: timedelta, product: str = "tea") -> None:
    shop.customer(key)
    shop.event(key, "order", ago, items=[{"product": product, "quantity": 1}])


def test_it_enters_exactly_when_the_time_is_up(shop: Shop) -> None:
    start(shop, **KEYS)
    order(shop, "alice", 30 * DAY)
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
