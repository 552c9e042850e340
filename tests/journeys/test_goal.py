"""`goal`: the first event that counts, within so long after entry, for everybody who entered."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_store.journeys.goal import GRACE
from tests.journeys.files import said_of, start
from tests.world import NOON, VOCABULARY, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GOAL = "{event: order, within: 5 days, value: amount}"
CART = {"enter": "{event: cart_updated}", "again": "per cart_id"}


def enter(shop: Shop, *keys: str, **campaign: str | None) -> None:
    """These customers sign up at noon."""
    start(shop, NOON, **{"goal": GOAL, **campaign})
    for key in keys:
        shop.customer(key)
        shop.event(key, "signed_up", NOON)
    shop.tick()


def reached(shop: Shop) -> dict[str, tuple[Any, ...]]:
    """(when, worth, currency), by customer."""
    return {row[1]: row[3:6] for row in shop.goals() if row[3] is not None}


def test_the_first_order_after_entry_is_the_goal_with_its_worth(shop: Shop) -> None:
    enter(shop, "anna", "bea")
    shop.event("anna", "order", NOON - HOUR, amount="5")
    shop.event("anna", "order", NOON + 2 * HOUR, amount="30")
    shop.event("anna", "order", NOON + HOUR, amount="12.50")
    shop.tick(NOON + HOUR - timedelta(seconds=1))
    assert reached(shop) == {}
    shop.tick(NOON + 3 * HOUR)
    assert reached(shop) == {"anna": (NOON + HOUR, 1250, "EUR")}


@pytest.mark.parametrize(("after", "counts"), [(timedelta(0), True), (5 * DAY, True), (5 * DAY + HOUR / 3600, False)])
def test_it_counts_from_entry_until_the_window_ends(shop: Shop, after: timedelta, counts: bool) -> None:
    enter(shop, "anna")
    shop.event("anna", "order", NOON + after, amount="1")
    shop.tick(NOON + 6 * DAY)
    assert (reached(shop) != {}) == counts


def test_who_has_finished_or_left_or_is_held_out_reaches_it_too(shop: Shop) -> None:
    enter(shop, "anna", "bea", steps="[{send: hello}, {exit: enough}]", hold_out="99.9 %")
    for key in ("anna", "bea"):
        shop.event(key, "order", NOON + DAY, amount="1")
    shop.tick(NOON + DAY)
    assert [row[3] for row in shop.enrolments()] == ["left", "left"]
    assert set(reached(shop)) == {"anna", "bea"}


def test_the_event_that_entered_is_not_its_own_goal(shop: Shop) -> None:
    start(shop, NOON, enter="{event: order}", again="per event", goal=GOAL)
    shop.customer("anna")
    shop.event("anna", "order", NOON, amount="1")
    shop.tick(NOON + HOUR)
    assert reached(shop) == {}
    shop.event("anna", "order", NOON + HOUR, amount="2")
    shop.tick(NOON + HOUR)
    assert [row[3:6] for row in shop.goals()] == [(NOON + HOUR, 200, "EUR"), (None, None, None)]


@pytest.mark.parametrize(
    ("said", "fields", "counts"),
    [
        ("where: {store: {is: north}}", {"properties": {"store": "north"}}, True),
        ("where: {store: {is: north}}", {"properties": {"store": "south"}}, False),
        ("where: {amount: {at_least: 10 EUR}}", {"amount": "9"}, False),
        ("items: {product: {is: beans}}", {"items": [{"product": "beans", "quantity": 1}]}, True),
        ("items: {product: {is: beans}}", {"items": [{"product": "tea", "quantity": 1}]}, False),
    ],
)
def test_filters_say_which_events_count(shop: Shop, said: str, fields: dict[str, Any], counts: bool) -> None:
    enter(shop, "anna", goal=f"{{event: order, {said}, within: 1 day}}")
    shop.event("anna", "order", NOON + HOUR, **fields)
    shop.tick(NOON + HOUR)
    assert (reached(shop) != {}) == counts


def test_same_is_the_triggers_own_property(shop: Shop) -> None:
    start(shop, NOON, **CART, goal="{event: order, same: cart_id, within: 1 day}")
    shop.customer("anna")
    for cart in ("a", "b"):
        shop.event("anna", "cart_updated", NOON, properties={"cart_id": cart})
    shop.event("anna", "order", NOON + HOUR, properties={"cart_id": "b"})
    shop.tick(NOON + HOUR)
    assert [(row[2], row[3]) for row in shop.goals()] == [("a", None), ("b", NOON + HOUR)]


def test_its_worth_may_be_a_property(shop: Shop) -> None:
    shop.write(
        {"config/vocabulary.yaml": VOCABULARY.replace("cart_id: text}}\ntopics", "cart_id: text, value: money}}\ntopics")}
    )
    enter(shop, "anna", goal="{event: cart_updated, within: 1 day, value: value}")
    shop.event("anna", "cart_updated", NOON + HOUR, properties={"cart_id": "a", "value": "7.25"})
    shop.tick(NOON + HOUR)
    assert reached(shop) == {"anna": (NOON + HOUR, 725, "EUR")}


def test_without_value_it_is_worth_nothing(shop: Shop) -> None:
    enter(shop, "anna", goal="{event: order, within: 1 day}")
    shop.event("anna", "order", NOON + HOUR, amount="5")
    shop.tick(NOON + HOUR)
    assert reached(shop) == {"anna": (NOON + HOUR, None, None)}


@pytest.mark.parametrize(("looked_at", "counts"), [(NOON + 5 * DAY + GRACE, True), (NOON + 6 * DAY + GRACE, False)])
def test_an_event_that_is_told_late_counts_while_somebody_looks(shop: Shop, looked_at: datetime, counts: bool) -> None:
    enter(shop, "anna")
    shop.tick(looked_at)
    shop.event("anna", "order", NOON + DAY, amount="1")
    shop.tick(looked_at)
    assert (reached(shop) != {}) == counts


def test_a_clock_that_stood_for_months_misses_no_goal(shop: Shop) -> None:
    enter(shop, "anna")
    shop.event("anna", "order", NOON + DAY, amount="1")
    shop.tick(NOON + 200 * DAY)
    assert reached(shop) == {"anna": (NOON + DAY, 100, "EUR")}


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ("{within: 1 day}", "'goal' needs 'event'"),
        ("{event: order}", "'goal' needs 'within'"),
        ("{event: order, within: 1 month}", "must be at least a second"),
        ("{event: order, within: 1 day, value: store}", "'store' is not money but a text"),
        ("{event: signed_up, within: 1 day, value: amount}", "event 'signed_up' has no amount"),
        ("{event: order, within: 1 day, same: cart_id}", "event 'signed_up' has no property 'cart_id'"),
        ("{event: order, within: 1 day, pays: x}", "'goal' has no 'pays'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, goal: str, said: str) -> None:
    assert said in said_of(tmp_path, goal=goal)
