"""`enter: {segment, existing}`: joining a followed segment enters; who was in it before is existing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from crm_store.journeys.tick import refresh_segments
from crm_store.schema import customer, segment_member
from crm_store.segmentation import membership
from tests.journeys.files import journey, occasions, right_at, sent, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GOLD = "{segment: gold}"


def gold(shop: Shop, *keys: str) -> None:
    """Whoever is named is in segment `gold` from now on."""
    for key in keys:
        shop.customer(key, attributes={"tier": "gold"})


def silver(shop: Shop, *keys: str) -> None:
    for key in keys:
        shop.customer(key, attributes={"tier": "silver"})


@pytest.fixture(autouse=True)
def gold_segment(shop: Shop) -> None:
    shop.segment("gold", "{attribute: tier, is: gold}")


def members(shop: Shop) -> list[tuple[str, int, bool, bool]]:
    """(customer, n, still in, at start) of every membership there was."""
    chosen = select(customer.c.key, segment_member.c.n, segment_member.c.left_at, segment_member.c.at_start)
    chosen = chosen.join(customer, customer.c.id == segment_member.c.customer_id)
    with shop.store.read() as conn:
        rows = conn.execute(chosen.order_by(customer.c.key, segment_member.c.n))
        return [(row.key, row.n, row.left_at is None, row.at_start) for row in rows]


def test_who_joins_enters_when_that_is_seen_and_who_was_in_it_does_not(shop: Shop) -> None:
    gold(shop, "alice")
    start(shop, enter=GOLD)
    shop.tick(NOON + HOUR)
    assert shop.enrolments() == []
    gold(shop, "eve")
    shop.tick(NOON + 2 * HOUR)
    assert right_at(shop) == {"eve": NOON + 2 * HOUR}
    assert members(shop) == [("alice", 1, True, True), ("eve", 1, True, False)]


def test_existing_enrol_takes_those_in_it_as_of_the_instant_it_went_live(shop: Shop) -> None:
    gold(shop, "alice", "eve")
    start(shop, enter="{segment: gold, existing: enrol}")
    shop.tick(NOON + HOUR)
    assert right_at(shop) == {"alice": NOON, "eve": NOON}


def test_leaving_and_joining_again_is_a_second_entry(shop: Shop) -> None:
    start(shop, enter=GOLD, again="after leaving")
    shop.tick()
    gold(shop, "alice")
    shop.tick(NOON + DAY)
    silver(shop, "alice")
    shop.tick(NOON + 2 * DAY)
    gold(shop, "alice")
    shop.tick(NOON + 3 * DAY)
    assert occasions(shop) == [("alice", "1"), ("alice", "2")]
    assert members(shop) == [("alice", 1, False, False), ("alice", 2, True, False)]


def test_an_existing_member_who_leaves_and_joins_enters_with_the_second_entry(shop: Shop) -> None:
    gold(shop, "alice")
    start(shop, enter=GOLD, again="after leaving")
    shop.tick()
    silver(shop, "alice")
    shop.tick(NOON + DAY)
    gold(shop, "alice")
    shop.tick(NOON + 2 * DAY)
    assert occasions(shop) == [("alice", "2")]


def test_once_is_once_however_often_somebody_joins(shop: Shop) -> None:
    start(shop, enter=GOLD)
    shop.tick()
    for day, change in enumerate((gold, silver, gold), start=1):
        change(shop, "alice")
        shop.tick(NOON + day * DAY)
    assert occasions(shop) == [("alice", "once")]


def test_a_draft_and_an_ended_campaign_follow_nothing(shop: Shop) -> None:
    gold(shop, "alice")
    for status in ("draft", "ended"):
        start(shop, enter=GOLD, status=status)
        shop.tick()
    assert members(shop) == []


def test_who_joined_while_nobody_followed_is_existing(shop: Shop) -> None:
    start(shop, enter=GOLD)
    shop.tick()
    start(shop, NOON + DAY, enter=GOLD, status="ended")
    gold(shop, "alice")
    start(shop, NOON + 9 * DAY, enter=GOLD)
    shop.tick(NOON + 9 * DAY + HOUR)
    gold(shop, "eve")
    shop.tick(NOON + 10 * DAY)
    assert sent(shop) == [("eve", "hello")]


def test_a_second_campaign_takes_what_is_followed_already_as_it_is(shop: Shop) -> None:
    start(shop, enter=GOLD)
    shop.tick()
    gold(shop, "alice")
    shop.tick(NOON + HOUR)
    shop.campaign("d", journey(enter=GOLD))
    shop.publish(NOON + 2 * HOUR)
    shop.tick(NOON + 3 * HOUR)
    gold(shop, "eve")
    shop.tick(NOON + 4 * HOUR)
    assert [row[:3] for row in shop.touches()] == [
        ("c", "alice", "hello"),
        ("c", "eve", "hello"),
        ("d", "eve", "hello"),
    ]


def test_a_first_look_that_is_cut_short_makes_nobody_a_joiner(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    gold(shop, "alice", "bob", "eve")
    start(shop, enter=GOLD)
    monkeypatch.setattr(membership, "SLICE", 1)
    writing = shop.store.write
    monkeypatch.setattr(shop.store, "write", _that_fails_the_second_time(writing))
    with pytest.raises(KeyboardInterrupt):
        refresh_segments(shop.store, NOON + HOUR)
    monkeypatch.setattr(shop.store, "write", writing)
    shop.tick(NOON + 2 * HOUR)
    assert [row[3] for row in members(shop)] == [True, True, True]
    assert shop.enrolments() == []


def _that_fails_the_second_time(write: object) -> object:
    calls = iter([False, True])

    def once(*args: object) -> object:
        if next(calls):
            raise KeyboardInterrupt
        return write(*args)  # type: ignore[operator]  # a stand-in for any write

    return once


def test_slices_enter_and_leave_everybody_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "SLICE", 2)
    keys = [f"c{n}" for n in range(7)]
    start(shop, enter=GOLD)
    shop.tick()
    gold(shop, *keys)
    shop.tick(NOON + HOUR)
    assert refresh_segments(shop.store, NOON + HOUR) == 0
    assert members(shop) == [(key, 1, True, False) for key in keys]
    silver(shop, *keys)
    assert refresh_segments(shop.store, NOON + DAY) == 7
    assert members(shop) == [(key, 1, False, False) for key in keys]


def test_the_audience_decides_at_the_entry_too(shop: Shop) -> None:
    start(shop, enter=GOLD, audience="{attribute: country, is: DE}")
    shop.tick()
    shop.customer("alice", attributes={"tier": "gold"}, country="DE")
    shop.customer("eve", attributes={"tier": "gold"}, country="FR")
    shop.tick(NOON + HOUR)
    assert occasions(shop) == [("alice", "once")]
