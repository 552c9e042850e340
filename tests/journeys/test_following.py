"""Segments are followed where somebody asks since when their members are in them, with a campaign or without."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from crm_store.errors import ContentError
from crm_store.journeys.tick import refresh_segments
from crm_store.schema import customer, followed_segment, offer
from tests.journeys.files import sent, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def segments(shop: Shop) -> None:
    shop.segment("gold", "{attribute: tier, is: gold}")
    shop.segment("new-gold", "{segment: gold, entered: {in_last: 2 days}}")
    shop.segment("old-gold", "{segment: gold, for: {at_least: 2 days}}")
    shop.segment("lost-gold", "{segment: gold, left: {in_last: 2 days}}")


def test_who_came_and_went_is_known_without_any_campaign(shop: Shop) -> None:
    shop.publish()
    shop.customer("alice", attributes={"tier": "gold"})
    refresh_segments(shop.store, NOON)
    shop.customer("eve", attributes={"tier": "gold"})
    refresh_segments(shop.store, NOON + DAY)
    shop.customer("alice", attributes={"tier": "silver"})
    refresh_segments(shop.store, NOON + 2 * DAY)
    now = NOON + 3 * DAY
    assert shop.members("new-gold", now) == ["eve"]
    assert shop.members("old-gold", now) == ["eve"]
    assert shop.members("lost-gold", now) == ["alice"]
    assert shop.members("old-gold", NOON + 2 * DAY) == []


def test_what_nobody_asks_for_is_not_followed(shop: Shop) -> None:
    shop.segment("silver", "{attribute: tier, is: silver}")
    shop.publish()
    refresh_segments(shop.store, NOON)
    with shop.store.read() as conn:
        assert conn.execute(select(followed_segment.c.name, followed_segment.c.refreshed_at)).all() == [("gold", NOON)]


def test_an_exit_can_ask_who_left(shop: Shop) -> None:
    shop.customer("alice", attributes={"tier": "gold"})
    shop.event("alice", "signed_up", NOON)
    start(
        shop, steps="[{send: hello}, {wait: 3 days}, {send: again}]", exit_when="{segment: gold, left: {since: 2020-01-01}}"
    )
    shop.tick(NOON)
    shop.customer("alice", attributes={"tier": "silver"})
    shop.tick(NOON + DAY)
    shop.tick(NOON + 4 * DAY)
    assert sent(shop) == [("alice", "hello")]


def test_an_offer_of_the_file_is_this_enrolments(shop: Shop) -> None:
    """Somebody with another enrolment's redeemed code stays; the code of the file's own offer counts once per enrolment."""
    for name in ("alice", "eve"):
        shop.customer(name)
        shop.event(name, "signed_up", NOON)
    start(
        shop,
        offers="{treat: {gift: a tea, code: unique}}",
        steps="[{send: gift, offer: treat}, {wait: 1 day}, {send: again}]",
        exit_when="{offer: treat, state: redeemed}",
    )
    shop.tick(NOON)
    shop.deliver(NOON)
    ids = select(customer.c.id).where(customer.c.key == "alice").scalar_subquery()
    shop.store.write(
        lambda conn: conn.execute(offer.update().where(offer.c.customer_id == ids).values(redeemed_at=NOON + HOUR))
    )
    shop.tick(NOON + DAY)
    shop.deliver(NOON + DAY)
    assert sorted(sent(shop)) == [("alice", "gift"), ("eve", "again"), ("eve", "gift")]


def test_a_renamed_segment_keeps_its_history(shop: Shop) -> None:
    shop.publish()
    shop.customer("alice", attributes={"tier": "gold"})
    refresh_segments(shop.store, NOON)
    for name, who in {
        "premium": "{attribute: tier, is: gold}",
        "new-gold": "{segment: premium, entered: {in_last: 2 days}}",
        "old-gold": "{segment: premium, for: {at_least: 2 days}}",
        "lost-gold": "{segment: premium, left: {in_last: 2 days}}",
    }.items():
        shop.segment(name, who)
    (shop.root / "segments/gold.yaml").unlink()
    shop.write({"segments/premium.yaml": "was: gold\nwho: {attribute: tier, is: gold}\n"})
    shop.publish(NOON + DAY)
    refresh_segments(shop.store, NOON + 3 * DAY)
    assert shop.members("old-gold", NOON + 3 * DAY) == ["alice"]
    assert shop.members("new-gold", NOON + 3 * DAY) == []


def test_a_name_that_is_still_there_is_no_earlier_name(shop: Shop) -> None:
    shop.write({"segments/premium.yaml": "was: gold\nwho: {attribute: tier, is: gold}\n"})
    with pytest.raises(ContentError, match=r"segments/premium.yaml:1: segment 'gold' is still there; remove its file"):
        shop.check()
