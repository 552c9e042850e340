"""`status` and `when_ended`: who enters, who goes on, and what becomes of touches that nobody may claim."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.journeys.files import next_at, outcomes, sent, standings, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TWO_MAILS = "[{send: hello}, {wait: 1 day}, {send: again}]"
NO_WAIT = "[{send: hello}, {send: again}]"
PATIENT = "{within: 30 days}"


def sign_up(shop: Shop, key: str, ago: timedelta = HOUR) -> None:
    shop.customer(key)
    shop.event(key, "signed_up", ago)


def test_a_draft_plans_nothing_until_it_goes_live(shop: Shop) -> None:
    sign_up(shop, "alice")
    start(shop, status="draft")
    shop.tick()
    assert shop.enrolments() == []
    start(shop)
    shop.tick()
    assert sent(shop) == [("alice", "hello")]


def test_a_campaign_taken_back_to_draft_moves_nobody(shop: Shop) -> None:
    start(shop, steps=TWO_MAILS)
    sign_up(shop, "alice")
    shop.tick()
    start(shop, steps=TWO_MAILS, status="draft")
    shop.tick(NOON + DAY)
    assert standings(shop) == [("alice", "in", None, "wait before again")]
    assert sent(shop) == [("alice", "hello")]


def test_draft_is_what_a_file_without_status_is(shop: Shop) -> None:
    sign_up(shop, "alice")
    shop.campaign("c", "kind: nurture\ntopic: offers\nenter: {event: signed_up}\nsteps: [{send: hello}]\n")
    shop.publish()
    shop.tick()
    assert shop.enrolments() == []


def test_a_paused_campaign_plans_and_sends_nothing_until_it_is_live_again(shop: Shop) -> None:
    start(shop, late=PATIENT)
    start(shop, late=PATIENT, status="paused")
    sign_up(shop, "alice")
    shop.tick()
    assert outcomes(shop) == [("alice", "hello", "due", None)]
    start(shop, late=PATIENT)
    shop.tick(NOON + DAY)
    assert sent(shop) == [("alice", "hello")]


@pytest.mark.parametrize("status", ["paused", "draft"])
def test_what_is_due_in_a_paused_campaign_ends_skipped_at_its_expiry(shop: Shop, status: str) -> None:
    start(shop, late=PATIENT)
    sign_up(shop, "alice")
    shop.plan()
    start(shop, late=PATIENT, status=status)
    shop.tick(NOON - HOUR + 7 * DAY - timedelta(seconds=1))
    assert outcomes(shop) == [("alice", "hello", "due", None)]
    shop.tick(NOON - HOUR + 7 * DAY)
    assert outcomes(shop) == [("alice", "hello", "skipped", "paused")]


def test_a_campaign_paused_from_its_first_day_enters_nobody(shop: Shop) -> None:
    start(shop, status="paused")
    sign_up(shop, "alice")
    shop.tick()
    assert shop.enrolments() == []


def test_an_ended_campaign_enters_nobody_and_finishes_those_under_way(shop: Shop) -> None:
    start(shop, steps=TWO_MAILS)
    sign_up(shop, "alice")
    shop.tick()
    start(shop, steps=TWO_MAILS, status="ended")
    sign_up(shop, "eve")
    shop.tick()
    shop.tick(NOON + DAY)
    assert sent(shop) == [("alice", "hello"), ("alice", "again")]
    assert standings(shop) == [("alice", "finished", None, None)]


def test_ended_with_exit_takes_out_those_who_wait(shop: Shop) -> None:
    start(shop, steps=TWO_MAILS)
    sign_up(shop, "alice")
    shop.tick()
    start(shop, steps=TWO_MAILS, status="ended", when_ended="exit")
    shop.tick(NOON + HOUR)
    assert standings(shop) == [("alice", "left", "ended", "wait before again")]
    shop.tick(NOON + DAY)
    assert sent(shop) == [("alice", "hello")]


@pytest.mark.parametrize("deliver_first", [True, False])
def test_ended_with_exit_cancels_what_is_due_in_whatever_order(shop: Shop, deliver_first: bool) -> None:
    start(shop, steps=NO_WAIT)
    sign_up(shop, "alice")
    shop.plan()
    start(shop, steps=NO_WAIT, status="ended", when_ended="exit")
    if deliver_first:
        shop.deliver()
    shop.tick()
    assert outcomes(shop) == [("alice", "hello", "cancelled", "ended")]
    assert standings(shop) == [("alice", "left", "ended", "hello")]


def test_an_ended_campaign_that_goes_live_again_takes_nobody_of_the_time_between(shop: Shop) -> None:
    late = "{within: 1 hour, otherwise: send}"
    start(shop, late=late)
    start(shop, NOON + HOUR, late=late, status="ended")
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON + DAY)
    start(shop, NOON + 9 * DAY, late=late)
    shop.customer("eve")
    shop.event("eve", "signed_up", NOON + 10 * DAY)
    shop.tick(NOON + 11 * DAY)
    assert sent(shop) == [("eve", "hello")]


def test_a_pause_does_not_begin_the_campaign_anew(shop: Shop) -> None:
    late = "{within: 1 hour, otherwise: send}"
    start(shop, late=late)
    start(shop, NOON + HOUR, late=late, status="paused")
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON + DAY)
    start(shop, NOON + 2 * DAY, late=late)
    shop.tick(NOON + 2 * DAY)
    assert sent(shop) == [("alice", "hello")]


def test_nobody_waits_for_anything_once_all_is_done(shop: Shop) -> None:
    start(shop, steps=TWO_MAILS)
    sign_up(shop, "alice")
    shop.tick()
    assert next_at(shop) == {"alice": NOON - HOUR + DAY}
    shop.tick(NOON + DAY)
    assert next_at(shop) == {"alice": None}
