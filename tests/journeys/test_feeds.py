"""A campaign whose feed is stale is held before it is planned: nobody knows who has ordered meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from console.alerts import alerts
from crm_store.journeys.published import standing
from crm_store.schema import campaign, campaign_run
from tests.journeys.files import occasions, outcomes, sent, start
from tests.world import NOON, VOCABULARY, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FRESH = VOCABULARY.replace("order: {happens: repeatedly,", "order: {happens: repeatedly, fresh: 26 hours,")


def held(shop: Shop) -> str | None:
    with shop.store.read() as conn:
        return standing(conn, "c").held


def runs(shop: Shop) -> int:
    with shop.store.read() as conn:
        return conn.execute(select(func.count()).select_from(campaign_run)).scalar_one()


def live(shop: Shop, **keys: str) -> None:
    shop.write({"config/vocabulary.yaml": FRESH})
    shop.segment("buyers", "{event: order}")
    start(shop, **keys)
    shop.customer("anna")
    shop.customer("other")
    shop.event("anna", "signed_up", NOON)


# Each depends on orders, by one of its parts.
PARTS = {
    "exit": {"exit_when": "{event: order, since: entered}"},
    "audience": {"audience": "{not: {event: order}}"},
    "segment": {"audience": "{not: {segment: buyers}}"},
    "step": {"steps": "[{branch: [{when: {event: order}, then: [{send: again}]}, {otherwise: [{send: hello}]}]}]"},
    "goal": {"goal": "{event: order, within: 3 days}"},
    "sequence": {"audience": "{not: {sequence: [{event: signed_up}, {event: order}]}}"},
}


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_planned_while_the_feed_is_stale(shop: Shop, part: str) -> None:
    live(shop, **PARTS[part])
    shop.tick()
    assert (held(shop), runs(shop), occasions(shop)) == ("stale feed: order", 0, [])
    shop.event("other", "order", NOON + HOUR)
    shop.tick(NOON + 2 * HOUR)
    assert held(shop) is None
    assert sent(shop) == [("anna", "hello")]


def test_what_was_missed_goes_by_late(shop: Shop) -> None:
    live(shop, exit_when="{event: order, since: entered}")
    shop.tick()
    shop.event("other", "order", NOON + DAY)
    shop.tick(NOON + DAY)
    assert occasions(shop) == []


def test_a_lapse_is_of_the_feed_that_is_missing(shop: Shop) -> None:
    live(shop, kind="winback", enter="{lapse: order, after: 1 day}")
    shop.event("anna", "order", NOON)
    shop.tick(NOON + 27 * HOUR)
    assert (held(shop), occasions(shop)) == ("stale feed: order", [])


def test_so_is_the_day_of_a_last_order(shop: Shop) -> None:
    live(shop, kind="occasion", enter="{date: 2 days after last order}")
    shop.event("anna", "order", NOON - 2 * DAY)
    shop.tick()
    assert held(shop) == "stale feed: order"


def test_an_event_is_fresh_for_so_long_and_no_longer(shop: Shop) -> None:
    live(shop, exit_when="{event: order, since: entered}")
    shop.event("other", "order", NOON - 26 * HOUR + timedelta(seconds=1))
    shop.plan()
    assert held(shop) is None
    shop.plan(NOON + timedelta(seconds=1))
    assert held(shop) == "stale feed: order"


def test_touches_of_a_held_campaign_wait_and_end_at_their_expiry(shop: Shop) -> None:
    live(
        shop, exit_when="{event: order, since: entered}", steps="[{wait: 2 days}, {send: hello}]", late="{within: 30 days}"
    )
    shop.event("other", "order", NOON)
    shop.tick()
    shop.event("other", "order", NOON + 2 * DAY)
    shop.plan(NOON + 2 * DAY)
    assert outcomes(shop) == [("anna", "hello", "due", None)]
    shop.deliver(NOON + 4 * DAY)  # whether planned as held yet or not
    shop.tick(NOON + 4 * DAY)
    assert outcomes(shop) == [("anna", "hello", "due", None)]
    shop.tick(NOON + 10 * DAY)
    assert outcomes(shop) == [("anna", "hello", "skipped", "held")]


def test_it_is_known_since_when(shop: Shop) -> None:
    live(shop, exit_when="{event: order, since: entered}")
    for now in (NOON, NOON + HOUR):
        shop.plan(now)
    with shop.store.read() as conn:
        assert conn.execute(select(campaign.c.held_since)).scalar_one() == NOON


def test_a_stale_feed_is_one_alert_with_its_age_who_waits_and_the_way_out(shop: Shop) -> None:
    live(shop, exit_when="{event: order, since: entered}")
    for name in ("second", "plan"):
        text = (shop.root / "config/campaigns/c.yaml").read_text(encoding="utf-8")
        shop.campaign(name, text.replace("status: live", "status: draft") if name == "plan" else text)
    shop.publish()
    shop.plan()
    (alert,) = alerts(shop.store, NOON)
    waits = "nothing of c, second is planned or sent. `rapport import events FILE` brings newer ones"
    assert str(alert).startswith(f"feed 'order' is stale: none has come in, fresh is up to 26 hours; {waits}")
    shop.event("other", "order", NOON)
    (alert,) = alerts(shop.store, NOON + 3 * DAY + HOUR)
    assert "the newest is 3 days old (2026-06-15 12:00 UTC)" in str(alert)
    assert alerts(shop.store, NOON) == []  # as of then it is fresh, whatever the last planning found


def test_drafts_are_not_held(shop: Shop) -> None:
    live(shop, exit_when="{event: order, since: entered}", status="draft")
    shop.plan()
    assert held(shop) is None


def test_who_depends_on_no_such_event_goes_on(shop: Shop) -> None:
    live(shop)
    shop.tick()
    assert (held(shop), sent(shop)) == (None, [("anna", "hello")])
