"""Where the simulator and the engine once differed: each as a journey that can be read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.journeys.files import outcomes, right_at, standings, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENT = "{within: 60 days}"


def sign_up(shop: Shop) -> None:
    shop.customer("anna")
    shop.event("anna", "signed_up", NOON)


@pytest.mark.parametrize("then", ["{wait: 6 hours}, {send: hello}", "{wait_for: {event: cart_updated}, at_most: 6 hours}"])
def test_what_follows_a_look_that_saw_counts_from_the_look(shop: Shop, then: str) -> None:
    steps = f"[{{wait_for: {{event: order}}, at_most: 9 days, name: order, then: [{then}]}}, {{send: again}}]"
    start(shop, steps=steps, late=PATIENT)
    sign_up(shop)
    shop.tick()
    shop.event("anna", "order", NOON + HOUR)
    shop.tick(NOON + 2 * HOUR)
    shop.tick(NOON + 9 * HOUR)
    assert right_at(shop, "again") == {"anna": NOON + 8 * HOUR}


@pytest.mark.parametrize(("status", "late"), [("live", "{within: 3 hours, otherwise: ask}"), ("paused", PATIENT)])
def test_what_is_over_when_it_is_written_ends_in_the_same_planning(shop: Shop, status: str, late: str) -> None:
    steps = "[{wait: 1 day}, {send: hello}, {wait: 1 day}, {send: again}]"
    start(shop, steps=steps, late=late)
    sign_up(shop)
    shop.plan()
    start(shop, steps=steps, late=late, status=status)
    shop.plan(NOON + 30 * DAY)
    reason = "paused" if status == "paused" else "held"
    assert outcomes(shop) == [("anna", step, "skipped", reason) for step in ("hello", "again")]
    assert standings(shop) == [("anna", "finished", None, None)]


def test_a_moment_that_had_passed_skips_nothing_behind_the_next_wait_for(shop: Shop) -> None:
    skipped = "{wait: {until: 2026-06-10}, name: over}, {send: hello}"
    start(shop, steps=f"[{skipped}, {{wait_for: {{event: order}}, at_most: 1 day}}, {{send: again}}]", late=PATIENT)
    sign_up(shop)
    shop.tick()
    shop.tick(NOON + DAY)
    assert outcomes(shop) == [("anna", "hello", "skipped", "past"), ("anna", "again", "sent", None)]
