"""`enter: {event, where, items}`: which events enter, and when."""

from __future__ import annotations

from datetime import timedelta

from tests.journeys.files import occasions, right_at, sent, start
from tests.world import NOON, Shop

HOUR = timedelta(hours=1)


def test_an_event_enters_at_its_own_instant_however_late_that_is_noticed(shop: Shop) -> None:
    start(shop)
    shop.customer("alice")
    shop.event("alice", "signed_up", HOUR)
    shop.tick(NOON + 3 * HOUR)
    assert right_at(shop) == {"alice": NOON - HOUR}
    assert sent(shop) == [("alice", "hello")]


def test_events_of_other_kinds_and_of_the_future_enter_nobody(shop: Shop) -> None:
    start(shop)
    for key in ("alice", "eve"):
        shop.customer(key)
    shop.event("alice", "order", HOUR)
    shop.event("eve", "signed_up", NOON + HOUR)
    shop.tick()
    assert shop.enrolments() == []
    shop.tick(NOON + HOUR)
    assert sent(shop) == [("eve", "hello")]


def test_where_chooses_among_events(shop: Shop) -> None:
    start(shop, enter="{event: order, where: {amount: {at_least: 20 EUR}, store: {is: Ulm}}}")
    for key, amount, store in (("alice", "20.00", "Ulm"), ("bob", "19.99", "Ulm"), ("eve", "30.00", "Bonn")):
        shop.customer(key)
        shop.event(key, "order", HOUR, amount=amount, currency="EUR", properties={"store": store})
    shop.tick()
    assert sent(shop) == [("alice", "hello")]


def test_items_choose_among_events(shop: Shop) -> None:
    start(shop, enter="{event: order, items: {product: {is: beans}, quantity: {at_least: 2}}}")
    for key, product, quantity in (("alice", "beans", 2), ("bob", "beans", 1), ("eve", "tea", 2)):
        shop.customer(key)
        shop.event(key, "order", HOUR, items=[{"product": product, "quantity": quantity}])
    shop.tick()
    assert sent(shop) == [("alice", "hello")]


def test_of_two_events_that_share_a_key_the_earlier_one_enters(shop: Shop) -> None:
    start(shop, enter="{event: order}")
    shop.customer("alice")
    shop.event("alice", "order", HOUR)
    shop.event("alice", "order", 2 * HOUR)
    shop.tick()
    assert right_at(shop) == {"alice": NOON - 2 * HOUR}
    assert occasions(shop) == [("alice", "once")]


def test_an_erased_customer_does_not_enter(shop: Shop) -> None:
    from sqlalchemy import update

    from crm_store.schema import customer

    start(shop)
    shop.customer("alice")
    shop.event("alice", "signed_up", HOUR)
    shop.store.write(lambda conn: conn.execute(update(customer).values(erased_at=NOON)).rowcount)
    shop.tick()
    assert shop.enrolments() == []
