"""Events: filters first, then one window, then one measure - on both databases, in both shapes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from crm_store.schema import product
from tests.segmentation.asking import Audience
from tests.world import NOON


def order(customer: str, days: float, **fields: Any) -> dict[str, Any]:
    """An order so many days before NOON (after it, if negative)."""
    return {"customer": customer, "event": "order", "at": (NOON - timedelta(days=days)).isoformat(), **fields}


def item(product: str, quantity: float = 1, amount: str | None = None, **more: Any) -> dict[str, Any]:
    return {"product": product, "quantity": quantity, "amount": amount, **more}


BEANS = {"category": "Coffee/Beans", "brand": "Alba"}
TEA = {"category": "Tea", "brand": "Alba"}
ORDERS = [
    order("once", 3, amount="10.00", properties={"store": "berlin", "size": 2, "gift": True}),
    order("twice", 3, amount="10.00", properties={"store": "berlin", "size": 3}),
    order("twice", 40, amount="15.50", properties={"store": "köln", "size": 1}),
    order("thrice", 1, amount="0.01"),
    order("thrice", 2, amount="-5.00"),
    order("thrice", 400, amount="20.00"),
    order("ahead", -1, amount="99.00", properties={"store": "berlin"}),
    order("mixed", 3, amount="10.00"),
    order("mixed", -3, amount="10.00"),
    order("free", 5),
    order("dollars", 3, amount="50.00", currency="USD"),
    order("dollars", 4, amount="1.00"),
    order("basket", 3, amount="9.00", items=[item("beans", 2, "6.00", **BEANS), item("tea", 1, "3.00", **TEA)]),
    order("teapot", 3, amount="3.00", items=[item("tea", 3, "3.00", **TEA)]),
    order("unknown", 3, amount="3.00", items=[item("mystery", 1)]),
    {"customer": "visitor", "event": "cart_updated", "at": NOON.isoformat(), "properties": {"cart_id": "c1"}},
    {"customer": "both", "event": "cart_updated", "at": NOON.isoformat(), "properties": {"cart_id": "c1"}},
    order("both", 0, properties={"cart_id": "c1"}),
]
BUYERS = {raw["customer"] for raw in ORDERS if raw["event"] == "order"} - {"ahead"}
EVERYBODY = {raw["customer"] for raw in ORDERS} | {"nobody"}


@pytest.fixture(scope="module")
def people(audience: Audience) -> Audience:
    """The customers of ORDERS, and nobody, who did nothing; beans cost 3 EUR, tea 1 USD."""
    audience.fill(({"key": key} for key in EVERYBODY), ORDERS)
    for key, price, currency in (("beans", 300, "EUR"), ("tea", 100, "USD")):
        priced = update(product).where(product.c.key == key).values(price=price, currency=currency)
        audience.shop.store.write(lambda conn, statement: conn.execute(statement), priced)
    return audience


WHERE = [
    ("where: {store: {is: berlin}}", {"once", "twice"}),
    ("where: {store: {is: köln}}", {"twice"}),
    ("where: {store: {in: [köln, nowhere]}}", {"twice"}),
    ("where: {store: {is_not: berlin}}", BUYERS - {"once"}),
    ("where: {store: {is_set: false}}", BUYERS - {"once", "twice"}),
    ("where: {size: {at_least: 2}}", {"once", "twice"}),
    ("where: {size: {between: [1, 2]}}", {"once", "twice"}),
    ("where: {size: {at_least: 2.5}}", {"twice"}),
    ("where: {gift: {is: true}}", {"once"}),
    ("where: {gift: {is_not: true}}", BUYERS - {"once"}),
    ("where: {store: {is: berlin}, size: {less_than: 3}}", {"once"}),  # both of the same event
    ("where: {store: {is: köln}, size: {at_least: 2}}", set()),
    ("where: {amount: {at_least: 10 EUR}}", {"once", "twice", "thrice", "mixed"}),
    ("where: {amount: {more_than: 15.50 EUR}}", {"thrice"}),
    ("where: {amount: {is: 0.01 EUR}}", {"thrice"}),
    ("where: {amount: {less_than: 0 EUR}}", {"thrice"}),
    ("where: {amount: {at_least: 40 EUR}}", set()),  # 50 dollars are no euros
    ("where: {amount: {is_set: false}}", {"free", "dollars", "both"}),
    ("where: {amount: {is_not: 10 EUR}}", BUYERS - {"once", "mixed"}),
]
ITEMS = [
    ("items: {product: {is: beans}}", {"basket"}),
    ("items: {category: {under: Coffee}}", {"basket"}),
    ("items: {category: {under: Tea}}", {"basket", "teapot"}),
    ("items: {brand: {is: Alba}}", {"basket", "teapot"}),
    ("items: {quantity: {at_least: 2}}", {"basket", "teapot"}),
    ("items: {amount: {at_least: 6 EUR}}", {"basket"}),
    ("items: {price: {at_least: 3 EUR}}", {"basket"}),
    ("items: {price: {at_least: 1 EUR}}", {"basket"}),  # tea is priced in dollars
    ("items: {price: {is_set: false}}", {"basket", "teapot", "unknown"}),
    ("items: {category: {is_set: false}}", {"unknown"}),
    ("items: {category: {is_not: Tea}}", {"basket", "unknown"}),
    ("items: {product: {is: beans}, quantity: {is: 2}}", {"basket"}),
    ("items: {product: {is: tea}, quantity: {is: 2}}", set()),  # two lines do not make one
    ("items: {category: {under: Tea}, quantity: {at_least: 3}}", {"teapot"}),
]


@pytest.mark.parametrize(("who", "expected"), [*WHERE, *ITEMS])
def test_filters_look_at_one_event_and_one_line_of_it(people: Audience, who: str, expected: set[str]) -> None:
    assert set(people.chosen(f"event: order, {who}")) == expected


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("event: order", BUYERS),
        ("event: signed_up", set()),
        ("event: cart_updated", {"visitor", "both"}),
        ("event: [order, cart_updated]", BUYERS | {"visitor"}),
        ("event: [order, order]", BUYERS),
        ("event: [order, cart_updated], where: {cart_id: {is: c1}}", {"visitor", "both"}),
        ("event: [order, cart_updated], where: {cart_id: {is: c1}}, count: {is: 2}", {"both"}),
        ("event: [order, cart_updated], count: {at_least: 2}", {"twice", "thrice", "dollars", "both"}),
        ("not: {event: order}", EVERYBODY - BUYERS),
    ],
)
def test_there_is_such_an_event_up_to_now(people: Audience, who: str, expected: set[str]) -> None:
    assert set(people.chosen(who)) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        ("at_least: 1", BUYERS),
        ("at_least: 2", {"twice", "thrice", "dollars"}),
        ("is: 1", BUYERS - {"twice", "thrice", "dollars"}),
        ("more_than: 2", {"thrice"}),
        ("between: [2, 3]", {"twice", "thrice", "dollars"}),
        ("in: [1, 3]", BUYERS - {"twice", "dollars"}),
        ("at_least: 1.5", {"twice", "thrice", "dollars"}),
        # these hold for zero too: for everybody without such an event
        ("at_least: 0", EVERYBODY),
        ("at_most: 1", EVERYBODY - {"twice", "thrice", "dollars"}),
        ("at_most: 1.5", EVERYBODY - {"twice", "thrice", "dollars"}),
        ("less_than: 1", EVERYBODY - BUYERS),
        ("less_than: 0.5", EVERYBODY - BUYERS),
        ("is: 0", EVERYBODY - BUYERS),
        ("is_not: 1", EVERYBODY - BUYERS | {"twice", "thrice", "dollars"}),
        ("not_in: [1, 2]", EVERYBODY - BUYERS | {"thrice"}),
        ("in: [0, 3]", EVERYBODY - BUYERS | {"thrice"}),
        ("between: [0, 1]", EVERYBODY - {"twice", "thrice", "dollars"}),
        ("between: [-1, 0]", EVERYBODY - BUYERS),
        ("is_not: 0", BUYERS),
        ("more_than: -1", EVERYBODY),
        ("is_set: true", EVERYBODY),
        ("is_set: false", set()),
    ],
)
@pytest.mark.parametrize("window", ["", "since: 2000-01-01, "])
def test_a_count_is_zero_where_there_is_none(people: Audience, window: str, count: str, expected: set[str]) -> None:
    """With and without a window: from the events, and from the tallies."""
    assert set(people.chosen(f"event: order, {window}count: {{{count}}}")) == expected


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        ("at_least: 10 EUR", {"once", "twice", "thrice", "mixed"}),
        ("is: 25.50 EUR", {"twice"}),
        ("is: 15.01 EUR", {"thrice"}),
        ("is: 1 EUR", {"dollars"}),  # her dollars are not added
        ("is: 0 EUR", EVERYBODY - {"once", "twice", "thrice", "mixed", "dollars", "basket", "teapot", "unknown"}),
        ("at_most: 1 EUR", EVERYBODY - {"once", "twice", "thrice", "mixed", "basket", "teapot", "unknown"}),
        ("less_than: 0 EUR", set()),
        ("is_not: 10 EUR", EVERYBODY - {"once", "mixed"}),
        ("between: [3 EUR, 9 EUR]", {"basket", "teapot", "unknown"}),
    ],
)
@pytest.mark.parametrize("window", ["", "since: 2000-01-01, "])
def test_a_sum_is_of_the_amounts_in_the_one_currency(people: Audience, window: str, total: str, expected: set[str]) -> None:
    assert set(people.chosen(f"event: order, {window}sum: {{of: amount, {total}}}")) == expected


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("first: {in_last: 30 days}", BUYERS - {"twice", "thrice"}),
        ("first: {before: 30 days ago}", {"twice", "thrice"}),
        ("last: {in_last: 2 days}", {"thrice", "both"}),
        ("last: {before: 4 days ago}", {"free"}),
        ("last: {since: 2000-01-01}", BUYERS),
        ("in_last: 30 days, first: {before: 3 days ago}", {"free", "dollars"}),
        ("in_last: 30 days, count: {at_least: 2}", {"thrice", "dollars"}),
        ("in_last: 30 days, sum: {of: amount, is: -4.99 EUR}", {"thrice"}),
        ("where: {store: {is: berlin}}, first: {in_last: 30 days}", {"once", "twice"}),
        ("where: {store: {is: köln}}, count: {is: 0}", EVERYBODY - {"twice"}),
        ("items: {category: {under: Coffee}}, sum: {of: amount, at_least: 9 EUR}", {"basket"}),
        ("where: {size: {at_least: 1}}, items: {product: {is: beans}}", set()),
    ],
)
def test_filters_come_first_and_the_measure_last(people: Audience, who: str, expected: set[str]) -> None:
    assert set(people.chosen(f"event: order, {who}")) == expected


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("count: {at_least: 1}", {"ahead", "mixed"}),
        ("count: {is: 2}", {"mixed"}),
        ("sum: {of: amount, is: 20 EUR}", {"mixed"}),
        ("first: {since: 2026-06-16}", {"ahead"}),
        ("last: {since: 2026-06-16}", {"ahead", "mixed"}),
    ],
)
def test_what_lies_ahead_counts_when_its_time_has_come(people: Audience, who: str, expected: set[str]) -> None:
    """The tallies know facts after `now`; asked as of a later `now` they count, asked as of this one they do not."""
    of_them = "{attribute: key, in: [ahead, mixed]}"
    later = NOON + timedelta(days=30)
    assert set(people.chosen(f"all: [{of_them}, {{event: order, {who}}}]", later)) == expected
    now = people.chosen(f"all: [{of_them}, {{event: order, {who}}}]")
    assert now == (["mixed"] if who == "count: {at_least: 1}" else [])


def test_at_the_very_instant_of_an_event_it_counts(people: Audience) -> None:
    at = NOON - timedelta(days=400)
    tick = timedelta(microseconds=1)
    assert people.chosen("event: order", at) == ["thrice"]
    assert people.chosen("event: order", at - tick) == []
    assert people.chosen("event: order, count: {at_least: 1}", at) == ["thrice"]
    assert people.chosen("event: order, count: {at_least: 1}", at - tick) == []
