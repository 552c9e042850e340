"""`pause`: for some time a customer gets nothing of a topic, or no marketing at all; what was due then comes after it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from crm_store.insight.customer import overview
from crm_store.schema import enrolment, pause, touch
from tests.journeys.files import journey, outcomes, right_at, said_of, sent, standings, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OTHER = {"enter": "{event: order}", "steps": "[{send: again}]", "again": "per event"}


def other(shop: Shop, at: datetime, **keys: str) -> None:
    """Alice orders, and another campaign writes to her."""
    shop.campaign("other", journey(**{**OTHER, **keys}))
    shop.publish()
    shop.event("alice", "order", at)


def paused(shop: Shop, said: str, **keys: str) -> None:
    """Alice signs up at noon and is paused at once."""
    start(shop, steps=f"[{{pause: {said}}}]", **keys)
    shop.customer("alice", time_zone="Europe/Berlin")
    shop.event("alice", "signed_up", NOON)
    shop.tick()


def pauses(shop: Shop) -> list[tuple[Any, ...]]:
    with shop.store.read() as conn:
        columns = (pause.c[name] for name in ("topic", "since", "until", "lifted_at"))
        return [tuple(row) for row in conn.execute(select(*columns).order_by(pause.c.id))]


def shown(shop: Shop, now: datetime) -> object:
    """Her pauses as `rapport customer show` has them."""
    with shop.store.read() as conn:
        found = overview(conn, "alice", now)
    return found and found["pauses"]


def test_the_journey_goes_on_and_its_mails_wait_for_the_end(shop: Shop) -> None:
    start(shop, steps="[{pause: {purpose: marketing, for: 2 days}}, {send: hello}, {wait: 1 day}, {send: again}]")
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    shop.tick()
    assert outcomes(shop) == [("alice", "hello", "due", "paused")]
    shop.tick(NOON + DAY)
    assert sent(shop) == []
    shop.tick(NOON + 2 * DAY)
    shop.tick(NOON + 3 * DAY)
    assert sent(shop) == [("alice", "hello"), ("alice", "again")]
    assert [(row[0], row[4], row[5]) for row in shop._rows(_instants())] == [
        ("hello", NOON, NOON + 2 * DAY),
        ("again", NOON + 3 * DAY, NOON + 3 * DAY),
    ]


def _instants() -> Any:
    names = ("step", "state", "reason", "attempt", "right_at", "due_at")
    return select(*(touch.c[name] for name in names)).order_by(touch.c.id)


def test_a_pause_is_a_row_for_each_enrolment_and_step(shop: Shop) -> None:
    paused(shop, "{topic: news, for: 5 hours}")
    shop.plan()
    assert pauses(shop) == [("news", NOON, NOON + 5 * HOUR, None)]
    until, by = NOON + 5 * HOUR, "step 'pause at end' of c"
    lasts = {"of": "topic news", "since": NOON, "until": until, "may_end_sooner": False, "by": by}
    assert [shown(shop, NOON), shown(shop, NOON + 5 * HOUR), shown(shop, NOON - HOUR)] == [[lasts], [], []]
    assert standings(shop) == [("alice", "finished", None, None)]


def test_months_are_those_of_the_customers_calendar(shop: Shop) -> None:
    paused(shop, "{purpose: marketing, for: 5 months}")
    ((_, _, until, _),) = pauses(shop)
    assert until == datetime.fromisoformat("2026-11-15T13:00:00+00:00")  # the same local time, in winter


@pytest.mark.parametrize(
    ("said", "gets_it"),
    [
        ("{topic: offers, for: 2 days}", False),
        ("{topic: news, for: 2 days}", True),
        ("{purpose: marketing, for: 2 days}", False),
        ("{purpose: marketing, for: 30 minutes}", True),
    ],
)
def test_mails_of_other_campaigns_are_paused_too_if_it_is_about_them(shop: Shop, said: str, gets_it: bool) -> None:
    paused(shop, said)
    other(shop, NOON + HOUR)
    shop.tick(NOON + HOUR)
    assert ("alice", "again", "sent", None) in outcomes(shop) or not gets_it
    assert ("alice", "again", "due", "paused") in outcomes(shop) or gets_it


def test_somebody_elses_pause_is_none(shop: Shop) -> None:
    paused(shop, "{purpose: marketing, for: 2 days}")
    other(shop, NOON + HOUR)
    shop.customer("bea")
    shop.event("bea", "order", NOON + HOUR)
    shop.tick(NOON + HOUR)
    assert sent(shop) == [("bea", "again")]


def test_what_would_expire_before_is_skipped_at_once(shop: Shop) -> None:
    paused(shop, "{purpose: marketing, for: 30 days}")
    other(shop, NOON + HOUR)
    shop.tick(NOON + HOUR)
    assert outcomes(shop) == [("alice", "again", "skipped", "paused")]


def test_a_touch_that_was_due_when_the_pause_began_is_put_off_as_well(shop: Shop) -> None:
    start(shop, steps="[{wait: 1 hour}, {pause: {purpose: marketing, for: 1 day}}]")
    shop.campaign("other", journey(**OTHER))
    shop.publish()
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    shop.event("alice", "order", NOON + HOUR / 2)
    shop.tick()
    shop.tick(NOON + HOUR)
    assert outcomes(shop) == [("alice", "again", "due", "paused")]
    shop.tick(NOON + HOUR + DAY)
    assert sent(shop) == [("alice", "again")]


def test_nobody_looked_while_it_lasted_and_it_still_is_not_late_after_it(shop: Shop) -> None:
    start(shop, steps="[{pause: {purpose: marketing, for: 3 days}}, {send: hello}]")
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    shop.plan()
    shop.tick(NOON + 3 * DAY + HOUR)
    assert sent(shop) == [("alice", "hello")]


LIFTED = "{purpose: marketing, until: {event: order, since: entered}, at_most: %s}"


def test_it_ends_when_its_condition_holds_also_for_who_is_out(shop: Shop) -> None:
    paused(shop, LIFTED % "5 days")
    other(shop, NOON - 9 * DAY, enter="{event: cart_updated}", late="{within: 20 hours}")
    shop.event("alice", "cart_updated", NOON + HOUR)
    shop.tick(NOON + HOUR)
    assert outcomes(shop) == [("alice", "again", "due", "paused")]
    shop.event("alice", "order", NOON + 2 * DAY)
    shop.tick(NOON + 2 * DAY + HOUR)
    assert outcomes(shop) == [("alice", "again", "sent", None)]
    assert pauses(shop) == [(None, NOON, NOON + 5 * DAY, NOON + 2 * DAY + HOUR)]


def test_what_has_come_already_ends_it_as_of_the_same_instant(shop: Shop) -> None:
    start(shop, steps="[{pause: {topic: offers, until: {event: signed_up}, at_most: 2 days}}]")
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    shop.plan()
    assert [row[3] for row in pauses(shop)] == [NOON]


def test_it_ends_at_most_then(shop: Shop) -> None:
    paused(shop, LIFTED % "2 days")
    other(shop, NOON - 9 * DAY, enter="{event: cart_updated}")
    shop.event("alice", "cart_updated", NOON + HOUR)
    shop.tick(NOON + HOUR)
    shop.tick(NOON + 2 * DAY - HOUR)
    assert sent(shop) == []
    shop.tick(NOON + 2 * DAY)
    assert sent(shop) == [("alice", "again")]


def test_what_might_be_lifted_in_time_waits_until_it_expires(shop: Shop) -> None:
    paused(shop, LIFTED % "30 days")
    other(shop, NOON - 9 * DAY, enter="{event: cart_updated}")
    shop.event("alice", "cart_updated", NOON + HOUR)
    shop.tick(NOON + HOUR)
    assert outcomes(shop) == [("alice", "again", "due", "paused")]
    shop.tick(NOON + 7 * DAY + HOUR)
    assert outcomes(shop) == [("alice", "again", "skipped", "paused")]


@pytest.mark.parametrize("deliver_first", [False, True])
def test_it_does_not_matter_whether_it_was_lifted_before_or_after_the_claim(shop: Shop, deliver_first: bool) -> None:
    paused(shop, LIFTED % "5 days")
    other(shop, NOON - 9 * DAY, enter="{event: cart_updated}")
    shop.event("alice", "cart_updated", NOON + HOUR)
    shop.tick(NOON + HOUR)
    shop.event("alice", "order", NOON + 2 * HOUR)
    if deliver_first:
        shop.deliver(NOON + 3 * HOUR)
    shop.tick(NOON + 3 * HOUR)
    assert sent(shop) == [("alice", "again")]
    assert shop._rows(select(touch.c.right_at, touch.c.due_at)) == [(NOON + HOUR, NOON + 3 * HOUR)]


def test_of_two_pauses_the_longer_holds(shop: Shop) -> None:
    both = "{pause: {topic: offers, for: 3 days}}, {pause: {purpose: marketing, for: 1 day}, name: p}"
    start(shop, steps=f"[{both}, {{send: hello}}]")
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    for days in (0, 1, 2):
        shop.tick(NOON + days * DAY)
    assert sent(shop) == []
    shop.tick(NOON + 3 * DAY)
    assert sent(shop) == [("alice", "hello")]


def test_nobody_is_paused_who_is_held_out(shop: Shop) -> None:
    start(shop, steps="[{wait: 1 day}, {pause: {purpose: marketing, for: 3 days}}]")
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    shop.tick()
    shop.store.write(lambda conn: conn.execute(update(enrolment).values(held_out_at=NOON)))
    shop.tick(NOON + DAY)
    assert pauses(shop) == []
    assert right_at(shop) == {}


@pytest.mark.parametrize(
    ("said_by", "said"),
    [
        ("{for: 1 day}", "'pause' needs one of 'purpose', 'topic'"),
        ("{purpose: marketing}", "'pause' needs one of 'for', 'until'"),
        ("{purpose: service, for: 1 day}", "'service' is not one of marketing"),
        ("{topic: offers, purpose: marketing, for: 1 day}", "'purpose' and 'topic' exclude each other; keep one"),
        ("{topic: ofers, for: 1 day}", "topic 'ofers' is not known in config/vocabulary.yaml; did you mean 'offers'?"),
        ("{topic: offers, for: 1 day, until: {event: order}}", "'for' and 'until' exclude each other; keep one"),
        ("{topic: offers, until: {event: order}}", "'until' and 'at_most' of 'pause' go together"),
        ("{topic: offers, for: 1 day, at_most: 2 days}", "'until' and 'at_most' of 'pause' go together"),
        ("{topic: offers, till: 1 day}", "'pause' has no 'till'; did you mean 'until'?"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, said_by: str, said: str) -> None:
    assert said in said_of(tmp_path, steps=f"[{{pause: {said_by}}}, {{send: hello}}]")
