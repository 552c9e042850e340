"""What runs is what was published, and an enrolment keeps the version it entered with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from crm_store.errors import StoreError
from crm_store.journeys.plan import plan_campaign
from crm_store.journeys.published import current
from crm_store.schema import definition, touch
from tests.journeys.files import journey, outcomes, sent, standings, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OLD = "[{send: hello}, {wait: 2 days}, {send: again}]"
NEW = "[{send: hello}, {wait: 5 days}, {send: hello, name: other}]"


def sign_up(shop: Shop, key: str, ago: timedelta = HOUR) -> None:
    shop.customer(key)
    shop.event(key, "signed_up", ago)


def test_changed_steps_change_nothing_for_those_under_way(shop: Shop) -> None:
    start(shop, steps=OLD)
    sign_up(shop, "alice")
    shop.tick()
    start(shop, NOON + HOUR, steps=NEW)
    sign_up(shop, "eve", -HOUR)
    shop.tick(NOON + HOUR)
    shop.tick(NOON + 2 * DAY)
    shop.tick(NOON + 5 * DAY + HOUR)
    assert sent(shop) == [("alice", "hello"), ("alice", "again"), ("eve", "hello"), ("eve", "other")]


def test_a_changed_file_changes_nothing_until_it_is_published(shop: Shop) -> None:
    start(shop)
    sign_up(shop, "alice")
    shop.campaign("c", journey(steps="[{send: again}]"))
    shop.tick()
    assert sent(shop) == [("alice", "hello")]


def test_conditions_under_way_are_those_of_the_version_entered_with(shop: Shop) -> None:
    start(shop, steps=OLD, exit_when="{event: order}")
    sign_up(shop, "alice")
    shop.tick()
    start(shop, NOON + HOUR, steps=OLD)
    sign_up(shop, "eve", -HOUR)
    for key in ("alice", "eve"):
        shop.event(key, "order", NOON + HOUR)
    shop.tick(NOON + 2 * HOUR)
    shop.tick(NOON + 3 * DAY)
    assert [row[:3] for row in standings(shop)] == [("alice", "left", "exit"), ("eve", "finished", None)]


def test_a_segment_under_way_is_as_it_was_published(shop: Shop) -> None:
    shop.segment("buyers", "{event: order}")
    start(shop, steps=OLD, exit_when="{segment: buyers}")
    sign_up(shop, "alice")
    shop.tick()
    shop.segment("buyers", "{event: cart_updated}")
    shop.publish()
    shop.event("alice", "cart_updated", NOON)
    shop.tick(NOON + HOUR)
    assert standings(shop)[0][1] == "in"


def test_the_status_is_the_one_published_last_whatever_version_somebody_follows(shop: Shop) -> None:
    start(shop, steps=OLD)
    sign_up(shop, "alice")
    shop.plan()
    start(shop, steps=NEW, status="paused")
    shop.deliver()
    assert outcomes(shop) == [("alice", "hello", "due", None)]


def test_every_touch_says_which_definitions_made_it(shop: Shop) -> None:
    start(shop)
    sign_up(shop, "alice")
    shop.plan()
    new_mail = {"templates/hello/subject.j2": "New", "templates/hello/body.html.j2": "<p>{{ links.unsubscribe }}</p>"}
    shop.write(new_mail)
    shop.publish()
    shop.deliver()
    of = definition.alias()
    chosen = select(definition.c.kind, of.c.kind, of.c.files).select_from(touch)
    chosen = chosen.join(definition, definition.c.id == touch.c.definition_id).join(of, of.c.id == touch.c.template_id)
    with shop.store.read() as conn:
        made_by, mail, files = conn.execute(chosen).one()
    assert (made_by, mail) == ("campaign", "template")
    assert new_mail.items() <= files.items()
    assert shop.mails()[0]["Subject"] == "New"


def test_publishing_the_same_again_makes_no_new_version(shop: Shop) -> None:
    start(shop)
    assert shop.publish(NOON + DAY) == []
    with shop.store.read() as conn:
        assert current(conn, "c").campaign.course.steps[0].name == "hello"


def test_a_campaign_that_was_never_published_is_named_with_what_to_do(shop: Shop) -> None:
    with pytest.raises(StoreError, match="campaign 'c' is not published; run `rapport apply`"):
        plan_campaign(shop.store, "c", NOON)
