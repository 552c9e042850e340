"""`runs: {from, until}`: nobody enters right outside of it; who is in goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.journeys.files import occasions, said_of, sent, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENT = "{within: 60 days}"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def sign_up(shop: Shop, key: str, when: datetime) -> None:
    shop.customer(key)
    shop.event(key, "signed_up", when)


def test_only_what_is_right_inside_enters(shop: Shop) -> None:
    start(shop, runs="{from: 2026-06-16, until: 2026-06-17}", late=PATIENT)
    for key, when in {
        "before": "2026-06-15 21:59:59",
        "first": "2026-06-15 22:00",  # midnight in Berlin
        "last": "2026-06-17 21:59:59",
        "after": "2026-06-17 22:00",
    }.items():
        sign_up(shop, key, at(when))
    shop.tick(NOON + 5 * DAY)
    assert sorted(key for key, _ in occasions(shop)) == ["first", "last"]


def test_a_time_of_day_is_the_companys(shop: Shop) -> None:
    start(shop, runs="{until: 2026-06-16 10:00}", late=PATIENT)
    sign_up(shop, "in", at("2026-06-16 07:59"))
    sign_up(shop, "out", at("2026-06-16 08:00"))
    shop.tick(NOON + 5 * DAY)
    assert [key for key, _ in occasions(shop)] == ["in"]


def test_who_is_in_goes_on(shop: Shop) -> None:
    start(shop, runs="{until: 2026-06-15}", steps="[{send: hello}, {wait: 3 days}, {send: again}]", late=PATIENT)
    sign_up(shop, "anna", NOON)
    shop.tick(NOON)
    shop.tick(NOON + 4 * DAY)
    assert sent(shop) == [("anna", "hello"), ("anna", "again")]


def test_whoever_is_in_the_segment_when_it_begins_was_in_it_before(shop: Shop) -> None:
    shop.segment("gold", "{attribute: tier, is: gold}")
    start(shop, enter="{segment: gold, existing: enrol}", runs="{from: 2026-06-17}", late=PATIENT)
    shop.plan(NOON)
    shop.customer("anna", attributes={"tier": "gold"})
    shop.tick(NOON + DAY)
    assert occasions(shop) == []
    shop.tick(NOON + 3 * DAY)
    (entered,) = [row[6] for row in shop.enrolments()]
    assert entered == at("2026-06-16 22:00")


def test_an_earlier_fact_of_a_key_does_not_stand_before_one_inside(shop: Shop) -> None:
    start(shop, enter="{event: cart_updated}", again="per cart_id", runs="{from: 2026-06-16}", late=PATIENT)
    shop.customer("anna")
    for when in (NOON, NOON + DAY):
        shop.event("anna", "cart_updated", when, properties={"cart_id": "a"})
    shop.tick(NOON + 2 * DAY)
    assert [row[6] for row in shop.enrolments()] == [NOON + DAY]


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ("{}", "'runs' needs 'from', 'until' or both"),
        (
            "{from: 2026-06-16, until: 2026-06-15}",
            "'runs' from 2026-06-16 until 2026-06-15 is empty; the earlier comes first",
        ),
        ("{from: tomorrow}", "'tomorrow' is not a date; write e.g. 2026-12-01 or 2026-12-24 18:00"),
        ("{until: 2026-02-30}", "'2026-02-30' is not a day of the calendar"),
    ],
)
def test_a_time_that_is_none_is_refused(tmp_path: Path, runs: str, said: str) -> None:
    assert said in said_of(tmp_path, runs=runs)
