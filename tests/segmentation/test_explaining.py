"""Why somebody is in a segment or not: what each of its conditions comes to, and the values that it looks at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from crm_store.clock import machine_instant
from crm_store.schema import customer
from crm_store.segmentation.compile import scope_of
from crm_store.segmentation.explaining import Explained, Judged, judge
from outreach.publishing import read
from tests.world import NOON, Shop

SEGMENTS = {
    "everybody": "not: {attribute: key, is_set: false}",
    "buyers": "event: order",
    "often": "event: order\ncount: {at_least: 2}",
    "germans": "attribute: country\nis: DE",
    "german-buyers": "all: [{segment: buyers}, {segment: germans}]",
    "either": "any: [{segment: german-buyers}, {attribute: points, at_least: 5}]",
    "strangers": "not: {any: [{event: order}, {attribute: country, is_set: true}]}",
    "written-to": "reachable: {channel: email, topic: offers}",
    "this-week": "attribute: birthday\nanniversary: {in_next: 7 days}",
    "spenders": "event: order\nsum: {of: amount, at_least: 50 EUR}",
}
PEOPLE = ("alice", "bob", "carol", "dave")


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.people()
    shop.customer("alice", country="DE", time_zone="America/New_York", birthday="1990-06-20", attributes={"points": 3})
    shop.customer("bob", country="FR", time_zone="Nowhere/Else", attributes={"points": 7})
    for days, amount in ((2, "49.90"), (30, "20")):
        shop.event("alice", "order", timedelta(days=days), amount=amount)
    shop.event("dave", "order", timedelta(days=400), amount="5")
    for name, who in SEGMENTS.items():
        shop.segment(name, who)
    return shop


def judged(shop: Shop, name: str, key: str) -> Judged:
    content = read(shop.workspace)
    with shop.store.read() as conn:
        scope = scope_of(conn, NOON, content.workspace.settings.company.zone, content.segments, "among")
        found = judge(conn, content.segments[name].who, scope, key)
    assert found is not None
    return found


def explained(shop: Shop, name: str, key: str) -> Explained:
    found = judged(shop, name, key).found
    assert found is not None
    return found


def every(one: Explained) -> Iterator[Explained]:
    yield one
    for part in one.parts:
        yield from every(part)


@pytest.mark.parametrize("name", SEGMENTS)
def test_it_holds_for_exactly_the_members(shop: Shop, name: str) -> None:
    members = shop.members(name)
    assert {key for key in PEOPLE if explained(shop, name, key).holds} == {*members} & {*PEOPLE}


@pytest.mark.parametrize("name", SEGMENTS)
def test_the_parts_make_the_whole(shop: Shop, name: str) -> None:
    laws: dict[str, Any] = {
        "all": all, "any": any, "not": lambda parts: not parts[0], "segment": lambda parts: parts[0]
    }  # fmt: skip
    for key in PEOPLE:
        for one in every(explained(shop, name, key)):
            assert (one.condition.kind in laws) == bool(one.parts)
            assert not one.parts or one.holds == laws[one.condition.kind]([part.holds for part in one.parts])


def test_the_tree_is_that_of_the_file_and_of_the_segments_it_names(shop: Shop) -> None:
    kinds = [one.condition.kind for one in every(explained(shop, "either", "alice"))]
    assert kinds == ["any", "segment", "all", "segment", "event", "segment", "attribute", "attribute"]


def test_the_values_are_the_customers_own(shop: Shop) -> None:
    assert explained(shop, "germans", "alice").values == {"country": "DE"}
    assert explained(shop, "germans", "bob").values == {"country": "FR"}
    assert explained(shop, "germans", "dave").values == {"country": None}
    found = explained(shop, "often", "alice").values
    assert (found["matching"], found["last"]) == (2, NOON - timedelta(days=2))
    assert explained(shop, "often", "carol").values["matching"] == 0
    assert explained(shop, "written-to", "bob").values["is suppressed"] in (True, 1)
    assert explained(shop, "either", "bob").parts[1].values == {"points": 7}


def test_money_is_said_in_major_units_with_and_without_rates(shop: Shop) -> None:
    assert explained(shop, "spenders", "alice").values["sum in EUR"] == pytest.approx(69.90)
    words = (shop.root / "config/vocabulary.yaml").read_text(encoding="utf-8")
    rates = words.replace("currencies: [EUR]", "currencies: {EUR: , JPY: {2020-01-01: 0.006 EUR}}")
    shop.write({"config/vocabulary.yaml": rates})
    shop.event("alice", "order", timedelta(days=1), amount="1000", currency="JPY")
    assert explained(shop, "spenders", "alice").values["sum in EUR"] == pytest.approx(75.90)


def test_a_missing_value_makes_a_condition_false_and_not_unknown(shop: Shop) -> None:
    assert explained(shop, "germans", "dave").holds is False
    assert explained(shop, "this-week", "bob").holds is False


def test_the_zone_is_that_of_the_customers_dates(shop: Shop) -> None:
    assert judged(shop, "buyers", "alice").zone == "America/New_York"
    assert judged(shop, "buyers", "bob").zone == "Europe/Paris"  # the only one of her country
    assert judged(shop, "buyers", "carol").zone is None


def test_nobody_is_found_under_a_key_that_is_not_there(shop: Shop) -> None:
    content = read(shop.workspace)
    with shop.store.read() as conn:
        scope = scope_of(conn, NOON, content.workspace.settings.company.zone, content.segments, "among")
        for key in ("eve", "", "Alice", "%"):
            assert judge(conn, content.segments["buyers"].who, scope, key) is None


def test_who_is_erased_is_in_no_segment(shop: Shop) -> None:
    at = machine_instant()
    shop.store.write(lambda conn: conn.execute(update(customer).where(customer.c.key == "alice").values(erased_at=at)))
    assert judged(shop, "everybody", "alice") == Judged("America/New_York", at, None)


def test_many_conditions_are_asked_about_in_several_statements(shop: Shop) -> None:
    lines = [f"{{event: order, in_last: {number + 1} days}}" for number in range(150)]
    shop.segment("many", f"any: [{', '.join(lines)}]")
    found = explained(shop, "many", "alice")
    assert [part.holds for part in found.parts] == [number >= 1 for number in range(150)]
    assert [part.values["matching"] for part in found.parts] == [0] + [1] * 28 + [2] * 121


def test_a_scope_for_all_customers_gives_the_same(shop: Shop) -> None:
    """The shape is a matter of cost."""
    content = read(shop.workspace)
    with shop.store.read() as conn:
        scope = scope_of(conn, NOON, content.workspace.settings.company.zone, content.segments, "among")
        for name in SEGMENTS:
            who = content.segments[name].who
            few, all_ = (judge(conn, who, replace(scope, shape=shape), "alice") for shape in ("among", "all"))
            assert few == all_
