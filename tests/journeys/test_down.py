"""A scheduler that was down for an hour, a day, a month: what each kind of entry and step makes of it, as `late` says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_store.journeys.plan import plan_campaign
from tests.journeys.files import journey, right_at, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DOWN = {"an hour": HOUR, "a day": DAY, "a month": 30 * DAY}
LATES = {"skip": "{within: 2 days}", "send": "{within: 2 days, otherwise: send}", "ask": "{within: 2 days, otherwise: ask}"}
# What became of the mail of noon, after each span of DOWN; `-`: nobody entered, so that nothing is written.
CAME = {
    ("an event", "skip"): "sent sent -",
    ("a date", "skip"): "sent sent -",
    ("a lapse", "skip"): "sent sent -",
    ("a broadcast", "skip"): "sent sent -",
    ("a step", "skip"): "sent sent expired",  # 7 days are over, which is asked before `late`
    ("an event", "send"): "sent sent expired",
    ("a date", "send"): "sent sent expired",
    ("a lapse", "send"): "sent sent expired",
    ("a broadcast", "send"): "sent sent expired",
    ("a step", "send"): "sent sent expired",
    ("an event", "ask"): "sent sent held",
    ("a date", "ask"): "sent sent held",
    ("a lapse", "ask"): "sent sent held",
    ("a broadcast", "ask"): "sent sent held",
    ("a step", "ask"): "sent sent held",
}
KEYS = {
    "an event": {},
    "a date": {"kind": "occasion", "enter": "{date: birthday, at: '12:00'}"},
    "a lapse": {"kind": "winback", "enter": "{lapse: order, after: 10 days}"},
    "a broadcast": {"kind": "broadcast", "enter": "{time: 2026-06-15 14:00}"},  # 12:00 UTC
    "a step": {"enter": "{event: cart_updated}", "steps": "[{wait: 1 day}, {send: hello}]"},
}


def happened(shop: Shop) -> None:
    """All that makes a mail right at noon."""
    shop.customer("anna", birthday="--06-15", time_zone="UTC")
    shop.event("anna", "signed_up", NOON)
    shop.event("anna", "order", NOON - 10 * DAY)
    shop.event("anna", "cart_updated", NOON - DAY)


@pytest.mark.parametrize(("kind", "late"), CAME, ids=" ".join)
def test_what_comes_of_a_mail_of_noon(shop: Shop, kind: str, late: str) -> None:
    happened(shop)
    for number in range(len(DOWN)):
        shop.campaign(f"c{number}", journey(**{**KEYS[kind], "late": LATES[late]}))
    shop.publish(NOON - 3 * DAY)
    for number, down in enumerate(DOWN.values()):
        plan_campaign(shop.store, f"c{number}", NOON - HOUR)
        plan_campaign(shop.store, f"c{number}", NOON + down)
        shop.deliver(NOON + down, f"c{number}")
    said = {row[0]: row[4] or row[3] for row in shop.touches()}
    assert " ".join(said.get(f"c{number}", "-") for number in range(len(DOWN))) == CAME[kind, late]


@pytest.mark.parametrize("down", DOWN.values(), ids=DOWN)
def test_however_long_it_was_down_nothing_moves(shop: Shop, down: timedelta) -> None:
    """Waits count from when the step before was due; what was waited for is seen when somebody looks."""
    steps = "[{wait: 1 hour}, {send: hello}, {wait: 2 hours}, {send: again}]"
    start(shop, steps=steps, late="{within: 60 days}")
    shop.customer("anna")
    shop.event("anna", "signed_up", NOON)
    shop.tick(NOON + down + 3 * HOUR)
    assert right_at(shop, "hello") == {"anna": NOON + HOUR}
    assert right_at(shop, "again") == {"anna": NOON + 3 * HOUR}


@pytest.mark.parametrize("down", DOWN.values(), ids=DOWN)
def test_what_was_waited_for_counts_from_the_look_that_saw_it_or_from_the_end_of_the_wait(
    shop: Shop, down: timedelta
) -> None:
    steps = "[{wait_for: {event: order}, at_most: 2 days, then: [{send: hello}], otherwise: [{send: again}]}]"
    start(shop, steps=steps, late="{within: 60 days}")
    shop.customer("anna")
    shop.event("anna", "signed_up", NOON)
    shop.tick(NOON)
    shop.event("anna", "order", NOON + HOUR)
    shop.tick(NOON + HOUR + down)
    assert right_at(shop, "hello") == {"anna": min(NOON + HOUR + down, NOON + 2 * DAY)}
