"""One customer in one place, as of an instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from crm_store.consent.record import SuppressionFact, suppress
from crm_store.insight.customer import overview
from tests.world import NOON, Shop

CAMPAIGN = """\
kind: nurture
status: live
topic: offers
enter: {event: cart_updated}
again: per cart_id
limit: 9 per 1 day
steps: [send: hello]
"""
LATER = NOON + timedelta(days=30)
BEFORE = NOON - timedelta(days=30)


def look(shop: Shop, now: datetime, key: str = "alice") -> dict[str, Any]:
    with shop.store.read() as conn:
        found = overview(conn, key, now)
    assert found is not None
    return found


def test_nobody_is_nothing(shop: Shop) -> None:
    with shop.store.read() as conn:
        assert overview(conn, "nobody", NOON) is None


def test_details_are_those_that_are_stored(shop: Shop) -> None:
    shop.customer("alice", birthday="--02-29", attributes={"tier": "gold"}, time_zone="Asia/Tokyo", last_name="Lee")
    details = look(shop, NOON)["details"]
    wanted = {"key": "alice", "email": "alice@example.com", "last_name": "Lee", "birthday": "--02-29", "tier": "gold"}
    assert {name: details[name] for name in wanted} == wanted
    assert details["local time by"] == "Asia/Tokyo"
    shop.customer("bob")
    assert look(shop, NOON, "bob")["details"]["local time by"] == "the company's zone"


def test_events_after_now_do_not_show(shop: Shop) -> None:
    shop.customer("alice")
    for at, amount in ((BEFORE, "10.50"), (NOON, "1"), (LATER, "700")):
        shop.event("alice", "order", at, amount=amount)
    shop.event("alice", "order", BEFORE, amount="1200", currency="JPY")
    shop.event("alice", "signed_up", LATER)
    assert look(shop, NOON)["events"] == [
        {"kind": "order", "count": 2, "amount": Decimal("11.50"), "currency": "EUR", "first": BEFORE, "last": NOON},
        {"kind": "order", "count": 1, "amount": Decimal("1200"), "currency": "JPY", "first": BEFORE, "last": BEFORE},
    ]
    assert [row["kind"] for row in look(shop, LATER)["events"]] == ["order", "order", "signed_up"]
    assert look(shop, BEFORE - timedelta(microseconds=1))["events"] == []


def test_consents_after_now_do_not_show(shop: Shop) -> None:
    said = [("given", BEFORE), ("withdrawn", LATER)]
    consents = [{"channel": "email", "topic": "news", "state": state, "at": at.isoformat()} for state, at in said]
    shop.customer("alice", consents=consents)
    assert [row["state"] for row in look(shop, NOON)["consents"]] == ["given"]
    assert [row["state"] for row in look(shop, LATER)["consents"]] == ["given", "withdrawn"]


def test_a_suppression_after_now_does_not_show(shop: Shop) -> None:
    shop.customer("alice")
    shop.store.write(suppress, [SuppressionFact("email", "alice@example.com", "complaint", "test", NOON)])
    assert look(shop, NOON - timedelta(microseconds=1))["details"]["suppressed"] is None
    assert look(shop, NOON)["details"]["suppressed"] == "complaint"


@pytest.mark.parametrize("key", ["touches", "enrolments"])
def test_mails_and_journeys_after_now_do_not_show(shop: Shop, key: str) -> None:
    shop.campaign("carts", CAMPAIGN)
    shop.customer("alice")
    shop.publish(BEFORE)
    for at, cart in ((BEFORE, "a"), (LATER, "b")):
        _fill_cart(shop, at, cart)
        shop.tick(at)
    assert [row["occasion"] for row in look(shop, NOON)[key]] == ["a"]
    assert [row["occasion"] for row in look(shop, LATER)[key]] == ["b", "a"]


def test_where_she_is_in_each_campaign_is_told_with_what_the_step_does(shop: Shop) -> None:
    steps = "[{split: {x: {share: 100 %, then: [{wait: 3 days}]}, y: {share: 0 %, then: [{send: hello}]}}}]"
    shop.campaign("c", CAMPAIGN.replace("[send: hello]", steps) + "goal: {event: order, within: 1 day}\nhold_out: 99.9 %\n")
    shop.campaign("d", CAMPAIGN)
    shop.publish()
    shop.customer("alice")
    _fill_cart(shop, NOON, "a")
    shop.event("alice", "order", NOON)
    shop.tick()
    rows = {row["campaign"]: row for row in look(shop, NOON)["enrolments"]}
    assert {name: rows["c"][name] for name in ("step", "doing", "variant", "held_out", "goal_at")} == {
        "step": "wait before hello", "doing": "wait 3 days", "variant": "x", "held_out": True, "goal_at": NOON
    }  # fmt: skip
    assert {name: rows["d"][name] for name in ("state", "doing", "variant", "held_out", "goal_at")} == {
        "state": "finished", "doing": None, "variant": None, "held_out": False, "goal_at": None
    }  # fmt: skip


def _fill_cart(shop: Shop, at: datetime, cart: str) -> None:
    shop.event("alice", "cart_updated", at, properties={"cart_id": cart})


def test_only_the_latest_touches_show_but_those_before_now(shop: Shop) -> None:
    shop.campaign("carts", CAMPAIGN)
    shop.customer("alice")
    shop.publish(BEFORE)
    _fill_cart(shop, BEFORE, "first")
    shop.tick(BEFORE)
    for number in range(27):  # nine a day are let in
        day = LATER + timedelta(days=number // 9)
        _fill_cart(shop, day, f"cart {number}")
        shop.tick(day)
    assert [row["occasion"] for row in look(shop, NOON)["touches"]] == ["first"]
    assert len(look(shop, LATER + timedelta(days=2))["touches"]) == 20


def test_changes_show_what_was_before(shop: Shop) -> None:
    shop.customer("alice", city="Bonn")
    shop.customer("alice", city="Berlin")
    [change] = look(shop, NOON)["changes"]
    assert (change["name"], change["old"], change["new"], change["source"]) == ("city", "Bonn", "Berlin", "test")
    assert abs(change["at"] - datetime.now(UTC)) < timedelta(minutes=5)  # when a machine stored it
