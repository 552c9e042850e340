"""Going live: how many would enter today."""

from __future__ import annotations

from datetime import timedelta

from crm_store.journeys.golive import live, openings
from tests.journeys.files import start
from tests.world import NOON, Shop


def opened(shop: Shop, **keys: str) -> list[str]:
    with shop.store.read() as conn:
        before = live(conn)
    start(shop, **keys)
    with shop.store.read() as conn:
        return [str(one) for one in openings(conn, before, NOON)]


def people(shop: Shop) -> None:
    shop.segment("gold", "{attribute: tier, is: gold}")
    for key, country in (("anna", "DE"), ("bea", "FR"), ("cora", "DE")):
        shop.customer(key, country=country, attributes={"tier": "gold"}, birthday="--06-15", time_zone="Europe/Berlin")


def test_members_of_a_segment_are_counted_if_they_enter(shop: Shop) -> None:
    people(shop)
    gold = "{segment: gold, existing: enrol}"
    said = opened(shop, enter=gold, audience="{attribute: country, is: DE}")
    assert said == ["campaign c is live now; 2 customers would enter today"]
    assert opened(shop, enter=gold) == []


def test_members_of_a_segment_are_not_counted_if_they_are_skipped(shop: Shop) -> None:
    people(shop)
    assert opened(shop, enter="{segment: gold}") == ["campaign c is live now; 0 customers would enter today"]


def test_a_time_later_today_counts(shop: Shop) -> None:
    people(shop)
    (said,) = opened(shop, kind="occasion", enter="{date: birthday, at: '20:00'}")
    assert said == "campaign c is live now; 3 customers would enter today"


def test_a_broadcast_of_another_day_is_for_nobody_today(shop: Shop) -> None:
    people(shop)
    tomorrow = (NOON + timedelta(days=1)).date()
    (said,) = opened(shop, kind="broadcast", enter=f"{{time: {tomorrow} 10:00}}")
    assert said == "campaign c is live now; 0 customers would enter today"


def test_a_draft_opens_nothing(shop: Shop) -> None:
    people(shop)
    assert opened(shop, status="draft") == []
    assert opened(shop, status="live") == ["campaign c is live now; 0 customers would enter today"]
