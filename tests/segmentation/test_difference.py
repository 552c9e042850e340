"""Two readings of a segment on one store: who enters, who leaves, by what they say alone."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from crm_store.clock import machine_instant
from crm_store.schema import customer
from crm_store.segmentation.compile import scope_of
from crm_store.segmentation.difference import Difference, Reading, difference, says_the_same
from outreach.publishing import read
from tests.world import NOON, Shop

EVERYBODY = "not: {attribute: key, is_set: false}"
# name: what it says, and who is in it.
SEGMENTS = {
    "everybody": (EVERYBODY, "abcde"),
    "nobody": (f"not: {{{EVERYBODY}}}", ""),
    "buyers": ("event: order", "abc"),
    "buyers-again": ("event: order\ncount: {at_least: 1}", "abc"),
    "often": ("event: order\ncount: {at_least: 2}", "ab"),
    "germans": ("attribute: country\nis: DE", "bd"),
    "german-buyers": ("all: [{segment: buyers}, {segment: germans}]", "b"),
    "others": ("not: {segment: buyers}", "de"),
}


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """Five customers and one who is erased."""
    for key in "abcdex":
        shop.customer(key, country="DE" if key in "bdx" else "FR")
    for key, count in {"a": 2, "b": 3, "c": 1, "x": 1}.items():
        for number in range(count):
            shop.event(key, "order", timedelta(days=number + 1))
    shop.store.write(
        lambda conn: conn.execute(update(customer).where(customer.c.key == "x").values(erased_at=machine_instant()))
    )
    for name, (who, _) in SEGMENTS.items():
        shop.segment(name, who)
    return shop


def readings(shop: Shop, zone: str = "Europe/Berlin") -> dict[str, Reading]:
    segments = read(shop.workspace).segments
    with shop.store.read() as conn:
        scope = scope_of(conn, NOON, ZoneInfo(zone), segments)
    return {name: Reading(segment.who, scope) for name, segment in segments.items()}


def expected(before: str, after: str, sample: int) -> Difference:
    entering, leaving = sorted({*after} - {*before}), sorted({*before} - {*after})
    counts = len(before), len(after), len(entering), len(leaving)
    return Difference(*counts, tuple(entering[:sample]), tuple(leaving[:sample]))


@pytest.mark.parametrize("sample", [0, 1, 10])
def test_every_pair_of_segments_differs_by_exactly_these_customers(shop: Shop, sample: int) -> None:
    known = readings(shop)
    with shop.store.read() as conn:
        for one, other in product(SEGMENTS, SEGMENTS):
            found = difference(conn, known[one], known[other], sample)
            assert found == expected(SEGMENTS[one][1], SEGMENTS[other][1], sample), (one, other)


@pytest.mark.parametrize("name", SEGMENTS)
def test_into_a_new_segment_all_enter_and_out_of_a_deleted_one_all_leave(shop: Shop, name: str) -> None:
    reading, members = readings(shop)[name], SEGMENTS[name][1]
    with shop.store.read() as conn:
        assert difference(conn, None, reading, 10) == expected("", members, 10)
        assert difference(conn, reading, None, 10) == expected(members, "", 10)


def test_keys_are_in_the_order_of_bytes(shop: Shop) -> None:
    for key in ("ä", "Z", "10", "9"):
        shop.customer(key)
    known = readings(shop)
    with shop.store.read() as conn:
        assert difference(conn, known["nobody"], known["others"], 4).entering == ("10", "9", "Z", "d")


def test_only_what_is_written_alike_says_the_same(shop: Shop) -> None:
    known, again = readings(shop), readings(shop)
    with shop.store.read() as conn:
        for one, other in product(SEGMENTS, SEGMENTS):
            assert says_the_same(conn, known[one], again[other]) == (one == other), (one, other)


def test_another_number_another_zone_and_another_segment_below_say_something_else(shop: Shop) -> None:
    shop.segment("today", "event: order\nduring: today")
    before = readings(shop)
    shop.segment("often", "event: order\ncount: {at_least: 3}")
    shop.segment("germans", "attribute: country\nis: FR")
    after, elsewhere = readings(shop), readings(shop, "Asia/Tokyo")
    with shop.store.read() as conn:
        for name in ("often", "germans", "german-buyers"):
            assert not says_the_same(conn, before[name], after[name]), name
        assert says_the_same(conn, before["buyers"], after["buyers"])
        assert not says_the_same(conn, after["today"], elsewhere["today"])


@pytest.mark.parametrize("name", SEGMENTS)
def test_these_are_their_members(shop: Shop, name: str) -> None:
    assert "".join(shop.members(name)) == SEGMENTS[name][1]
