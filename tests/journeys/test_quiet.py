"""`quiet_for`: an event enters so long after it, if nothing like it has come by then."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from crm_store.schema import enrolment
from tests.journeys.files import occasions, right_at, said_of, start
from tests.world import NOON, Shop

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def cart(shop: Shop, at: datetime, cart_id: str = "a", **fields: str) -> None:
    shop.event("anna", "cart_updated", at, properties={"cart_id": cart_id}, **fields)


def live(shop: Shop, enter: str = "{event: cart_updated, quiet_for: 1 hour}", **keys: str) -> None:
    start(shop, enter=enter, **keys)
    shop.customer("anna")


def test_it_enters_once_it_has_been_quiet(shop: Shop) -> None:
    live(shop)
    cart(shop, NOON)
    cart(shop, NOON + 30 * MINUTE)
    shop.tick(NOON + 89 * MINUTE)
    assert occasions(shop) == []
    shop.tick(NOON + 90 * MINUTE)
    assert right_at(shop) == {"anna": NOON + 90 * MINUTE}
    with shop.store.read() as conn:
        assert conn.execute(enrolment.select()).one().trigger_at == NOON + 30 * MINUTE


def test_the_right_instant_is_the_same_however_late_somebody_looks(shop: Shop) -> None:
    live(shop)
    cart(shop, NOON)
    cart(shop, NOON + 3 * HOUR)
    shop.tick(NOON + 8 * HOUR)
    assert right_at(shop) == {"anna": NOON + HOUR}


def test_another_event_at_the_end_of_the_time_is_still_one(shop: Shop) -> None:
    live(shop)
    cart(shop, NOON)
    cart(shop, NOON + HOUR)
    shop.tick(NOON + HOUR)
    assert occasions(shop) == []


def test_per_property_another_value_breaks_no_silence(shop: Shop) -> None:
    live(shop, again="per cart_id")
    cart(shop, NOON)
    cart(shop, NOON + 10 * MINUTE, "b")
    shop.tick(NOON + 70 * MINUTE)
    assert occasions(shop) == [("anna", "a"), ("anna", "b")]


def test_what_is_filtered_out_breaks_no_silence(shop: Shop) -> None:
    live(shop, "{event: cart_updated, where: {cart_id: {is: a}}, quiet_for: 1 hour}")
    cart(shop, NOON)
    cart(shop, NOON + 10 * MINUTE, "b")
    shop.tick(NOON + HOUR)
    assert right_at(shop) == {"anna": NOON + HOUR}


def test_late_counts_from_the_end_of_the_silence(shop: Shop) -> None:
    live(shop, "{event: cart_updated, quiet_for: 20 hours}", late="{within: 2 hours}")
    cart(shop, NOON)
    shop.tick(NOON + 21 * HOUR)
    assert right_at(shop) == {"anna": NOON + 20 * HOUR}


@pytest.mark.parametrize("quiet_for", ["0 hours", "1 month"])
def test_a_silence_that_can_not_be_measured_is_refused(tmp_path: Path, quiet_for: str) -> None:
    said = said_of(tmp_path, enter=f"{{event: cart_updated, quiet_for: {quiet_for}}}")
    assert "must be longer than nothing, in weeks, days, hours, minutes or seconds" in said
