"""Caps: what a customer may get in all, which of several touches she gets, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from crm_store.errors import ContentError
from crm_store.insight.capped import barred_by
from crm_store.insight.losses import Loss, Waits, losses, waiting
from crm_store.insight.reasons import why
from crm_store.restraint.starving import starving_hints
from crm_store.schema import touch
from tests.journeys.files import journey, said_of
from tests.ledger.rows import by_customer, change
from tests.world import NOON, SETTINGS, Shop

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ONE_A_WEEK = "[{at_most: 1, per: 7 days}]"
SERVICE: dict[str, str | None] = {"purpose": "service", "basis": "x", "topic": None}
OF_ORDERS: dict[str, str | None] = {"enter": "{event: order}", "again": "per event", "late": "{within: 30 days}"}


def company(shop: Shop, caps: str) -> None:
    shop.write({"config/rapport.yaml": f"{SETTINGS}caps: {caps}\n"})


def campaigns(shop: Shop, **files: Mapping[str, str | None]) -> None:
    """Campaigns by name, published."""
    for name, keys in files.items():
        shop.campaign(name, journey(**keys))
    shop.publish(NOON - 30 * DAY)


def sign_up(shop: Shop, *keys: str, ago: timedelta = HOUR) -> None:
    for key in keys:
        shop.customer(key)
        shop.event(key, "signed_up", ago)


def outcomes(shop: Shop) -> set[tuple[str, str, str, str, str | None]]:
    return set(shop.touches())


def by_campaign(shop: Shop) -> dict[str, tuple[str, str | None, datetime]]:
    with shop.store.read() as conn:
        rows = conn.execute(select(touch.c.campaign, touch.c.state, touch.c.reason, touch.c.due_at)).all()
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def run(shop: Shop, now: datetime = NOON) -> None:
    shop.plan(now)
    shop.deliver(now)


def test_the_higher_priority_wins_and_the_other_is_skipped(shop: Shop) -> None:
    company(shop, ONE_A_WEEK)
    campaigns(shop, a={}, b={"priority": "60"})
    sign_up(shop, "alice", "bob")
    run(shop)
    assert outcomes(shop) == {
        ("b", "alice", "hello", "sent", None), ("a", "alice", "hello", "skipped", "cap"),
        ("b", "bob", "hello", "sent", None), ("a", "bob", "hello", "skipped", "cap"),
    }  # fmt: skip


@pytest.mark.parametrize("first", ["a", "b"])
def test_whoever_delivers_first_the_same_touches_win(shop: Shop, first: str) -> None:
    company(shop, ONE_A_WEEK)
    campaigns(shop, a={}, b={"priority": "60"})
    sign_up(shop, "alice")
    shop.plan()
    shop.deliver(campaign=first)
    shop.deliver()
    assert outcomes(shop) == {("b", "alice", "hello", "sent", None), ("a", "alice", "hello", "skipped", "cap")}


@pytest.mark.parametrize("first", ["a", "b", "c"])
def test_what_goes_without_a_cap_takes_no_place_from_what_stands_before_it(shop: Shop, first: str) -> None:
    campaigns(shop, a={}, b={"priority": "70", "caps": ONE_A_WEEK}, c={"priority": "60", "caps": ONE_A_WEEK})
    sign_up(shop, "alice")
    shop.plan()
    shop.deliver(campaign=first)
    shop.deliver()
    assert {(row[0], row[3]) for row in shop.touches()} == {("a", "sent"), ("b", "sent"), ("c", "skipped")}


def test_what_is_planned_later_at_the_same_now_breaks_no_cap_that_both_are_under(shop: Shop) -> None:
    company(shop, ONE_A_WEEK)
    campaigns(shop, a={}, b={**OF_ORDERS, "priority": "70"})
    sign_up(shop, "alice")
    run(shop)
    shop.event("alice", "order", NOON, amount="5.00")
    run(shop)
    assert {(row[0], row[3]) for row in shop.touches()} == {("a", "sent"), ("b", "skipped")}


def test_among_equals_what_was_due_earlier_wins(shop: Shop) -> None:
    company(shop, ONE_A_WEEK)
    campaigns(shop, a=OF_ORDERS, b={})
    sign_up(shop, "alice", ago=2 * HOUR)
    shop.event("alice", "order", NOON - HOUR, amount="5.00")
    run(shop)
    assert outcomes(shop) == {("b", "alice", "hello", "sent", None), ("a", "alice", "hello", "skipped", "cap")}


def test_who_does_not_pass_its_own_gates_takes_nobody_s_place(shop: Shop) -> None:
    company(shop, ONE_A_WEEK)
    campaigns(shop, a={}, b={"priority": "60", "audience": "{not: {attribute: tier, is: gold}}"})
    sign_up(shop, "alice")
    shop.plan()
    shop.customer("alice", attributes={"tier": "gold"})
    shop.deliver(campaign="a")
    shop.deliver()
    assert outcomes(shop) == {("a", "alice", "hello", "sent", None), ("b", "alice", "hello", "skipped", "audience")}


def test_who_is_capped_itself_takes_nobody_s_place(shop: Shop) -> None:
    campaigns(
        shop,
        a={**OF_ORDERS, "caps": "[{at_most: 2, per: 7 days}]"},
        b={"priority": "60", "caps": "[{at_most: 1, per: 7 days, topic: news}]", "topic": "news"},
        c={"priority": "70", "topic": "news"},
    )
    sign_up(shop, "alice")
    shop.event("alice", "order", NOON - HOUR, amount="5.00")
    run(shop)
    assert outcomes(shop) == {
        ("c", "alice", "hello", "sent", None), ("b", "alice", "hello", "skipped", "cap"),
        ("a", "alice", "hello", "sent", None),
    }  # fmt: skip


def test_a_cap_is_a_rolling_window(shop: Shop) -> None:
    company(shop, "[{at_most: 2, per: 3 days}]")
    campaigns(shop, a=OF_ORDERS)
    shop.customer("alice")
    for day in range(6):
        shop.event("alice", "order", NOON + day * DAY, amount="5.00")
        run(shop, NOON + day * DAY)
    states = [row[3] for row in shop.touches()]
    assert states == ["sent", "sent", "skipped", "sent", "sent", "skipped"]


def test_a_cap_of_a_topic_or_a_channel_is_about_those_only(shop: Shop) -> None:
    company(shop, "[{at_most: 1, per: 7 days, topic: offers}, {at_most: 2, per: 7 days, channel: email}]")
    campaigns(shop, a={"priority": "90"}, b={"priority": "80"}, c={"topic": "news"}, d={"topic": "news", "priority": "40"})
    sign_up(shop, "alice")
    run(shop)
    assert {(row[0], row[4]) for row in shop.touches()} == {("a", None), ("b", "cap"), ("c", None), ("d", "cap")}


def test_when_capped_wait_goes_as_soon_as_there_is_room(shop: Shop) -> None:
    company(shop, "[{at_most: 1, per: 2 days}]")
    campaigns(shop, a={"when_capped": "wait"}, b={"priority": "60"})
    sign_up(shop, "alice")
    run(shop)
    assert by_campaign(shop) == {"a": ("due", "cap", NOON + 2 * DAY), "b": ("sent", None, NOON - HOUR)}
    run(shop, NOON + 2 * DAY - HOUR)
    assert by_campaign(shop)["a"][0] == "due"
    run(shop, NOON + 2 * DAY)
    assert by_campaign(shop)["a"] == ("sent", None, NOON + 2 * DAY)


def test_nothing_waits_beyond_its_expiry(shop: Shop) -> None:
    company(shop, "[{at_most: 1, per: 10 days}]")
    campaigns(shop, a={"when_capped": "wait"}, b={"priority": "60"}, c={"when_capped": "wait", "wait_at_most": "20 days"})
    sign_up(shop, "alice")
    run(shop)
    assert by_campaign(shop)["a"][:2] == ("skipped", "cap")
    assert by_campaign(shop)["c"] == ("due", "cap", NOON + 10 * DAY)


def test_service_is_under_no_cap_and_takes_no_place(shop: Shop) -> None:
    company(shop, ONE_A_WEEK)
    service: dict[str, str | None] = {"purpose": "service", "basis": "the order", "topic": None}
    campaigns(shop, a={}, b={**service}, c={**service})
    sign_up(shop, "alice")
    run(shop)
    assert {(row[0], row[3]) for row in shop.touches()} == {("a", "sent"), ("b", "sent"), ("c", "sent")}


def test_what_was_held_out_or_failed_takes_no_place(shop: Shop) -> None:
    company(shop, ONE_A_WEEK)
    campaigns(shop, a={}, b={"priority": "60", "hold_out": "99.99 %"})
    sign_up(shop, "alice")
    run(shop)
    assert {(row[0], row[4]) for row in shop.touches()} == {("a", None), ("b", "hold_out")}


def test_what_is_in_doubt_counts_until_it_is_proved_not_accepted(shop: Shop) -> None:
    company(shop, ONE_A_WEEK)
    campaigns(shop, a={**OF_ORDERS})
    shop.customer("alice")
    shop.event("alice", "order", NOON, amount="5.00")
    run(shop)
    change(shop, touch, {"state": "in_doubt", "sent_at": None})
    shop.event("alice", "order", NOON + DAY, amount="5.00")
    run(shop, NOON + DAY)
    assert [row[4] for row in shop.touches()] == [None, "cap"]


def test_a_clock_that_goes_back_breaks_no_cap(shop: Shop) -> None:
    company(shop, ONE_A_WEEK)
    campaigns(shop, a=OF_ORDERS)
    shop.customer("alice")
    for at in (NOON, NOON - 3 * DAY):
        shop.event("alice", "order", at, amount="5.00")
        run(shop, at)
    assert [row[3] for row in shop.touches()] == ["skipped", "sent"]  # by their instants


def test_the_caps_of_today_hold_for_whoever_is_under_way(shop: Shop) -> None:
    campaigns(shop, a={"steps": "[{send: hello}, {wait: 1 day}, {send: again}]"})
    sign_up(shop, "alice")
    run(shop)
    company(shop, ONE_A_WEEK)
    shop.publish(NOON)
    run(shop, NOON + DAY)
    assert by_customer(shop, "reason") == {"alice": "cap"}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"caps": "[{at_most: 0, per: 7 days}]"}, "'0' must be a whole number from 1"),
        ({"caps": "[{at_most: 1, per: 1 month}]"}, "'1 month': months and years differ in length"),
        (
            {"caps": "[{at_most: 1, per: 7 days, topic: offer}]"},
            "a cap's topic 'offer' is not in config/vocabulary.yaml",
        ),
        ({"caps": "[{at_most: 1, per: 7 days, channel: sms}]"}, "a cap's channel 'sms' is not in config/rapport.yaml"),
        ({"caps": "[{at_most: 1, par: 7 days}]"}, "a cap has no 'par'; did you mean 'per'?"),
        ({"when_capped": "waits"}, "'waits' is not one of skip, wait"),
        ({"priority": "101"}, "'101' must be a whole number from 0 to 100"),
        ({"wait_at_most": "1 month"}, "'1 month' must be"),
        ({**SERVICE, "caps": "[{at_most: 1, per: 7 days}]"}, "a service campaign is under no cap; take 'caps' out"),
        ({**SERVICE, "priority": "60"}, "and a priority says who gets the room under caps; take 'priority' out"),
        ({**SERVICE, "one_per_address": "true"}, "goes to all who share an address; `service_per_address`"),
    ],
)
def test_what_is_written_wrongly_is_said(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str], said: str) -> None:
    assert said in said_of(tmp_path_factory.mktemp("shop"), **keys)


def test_a_campaign_may_only_be_stricter(shop: Shop) -> None:
    company(shop, "[{at_most: 2, per: 7 days}]")
    shop.campaign("c", journey(caps="[{at_most: 2, per: 7 days, topic: offers}]"))
    with pytest.raises(ContentError) as refused:
        shop.check()
    assert "caps nothing: config/rapport.yaml has 'at most 2 per 7 days' for all campaigns" in str(refused.value)
    shop.campaign("c", journey(caps="[{at_most: 1, per: 7 days}, {at_most: 2, per: 8 days}]"))
    shop.check()


def test_a_campaign_explains_the_room_there_is(shop: Shop) -> None:
    company(shop, ONE_A_WEEK)
    campaigns(shop, a={}, b=OF_ORDERS)
    sign_up(shop, "alice")
    run(shop)
    with shop.store.read() as conn:
        story = why(conn, "b", "alice", NOON + DAY)
        later = why(conn, "b", "alice", NOON + 7 * DAY)
    assert story is not None
    assert later is not None
    (said,) = (one for one in story.checks if one.name == "cap")
    had = "hello of a 2026-06-15 12:00Z"
    assert (said.passes, said.says) == (False, f"1 of at most 1 per 7 days ({had}); room from 2026-06-22 12:00:00Z")
    assert next(one.passes for one in later.checks if one.name == "cap")


def test_a_touch_that_lost_says_to_which_mails_under_which_cap_and_until_when(shop: Shop) -> None:
    company(shop, "[{at_most: 1, per: 7 days}, {at_most: 2, per: 1 day, topic: offers}]")
    campaigns(shop, a={}, b={"priority": "60"}, c={**OF_ORDERS, "when_capped": "wait"})
    sign_up(shop, "alice")
    run(shop)
    shop.event("alice", "order", NOON + DAY, amount="5.00")
    run(shop, NOON + DAY)
    run(shop, NOON + 7 * DAY)  # what waited goes, which is no reason for what lost before
    with shop.store.read() as conn:
        said = {row.campaign: [str(one) for one in barred_by(conn, row.id)] for row in conn.execute(select(touch))}
    until = "room from 2026-06-22 12:00:00Z"
    assert said == {"a": [f"1 of at most 1 per 7 days (hello of b 2026-06-15 12:00Z); {until}"], "b": [], "c": []}


def test_what_waits_for_room_is_counted_beside_what_was_lost(shop: Shop) -> None:
    company(shop, ONE_A_WEEK)
    campaigns(shop, a={"when_capped": "wait", "wait_at_most": "30 days"}, b={"priority": "60"})
    sign_up(shop, "alice", "bob")
    run(shop)
    with shop.store.read() as conn:
        assert losses(conn, NOON - DAY, NOON) == []
        assert waiting(conn) == [Waits("a", 2, NOON + 7 * DAY, NOON + 7 * DAY)]


def test_losses_name_the_winner(shop: Shop) -> None:
    company(shop, ONE_A_WEEK)
    campaigns(shop, a={}, b={"priority": "60"}, c=OF_ORDERS)
    sign_up(shop, "alice", "bob")
    run(shop)
    shop.event("alice", "order", NOON + DAY, amount="5.00")
    run(shop, NOON + DAY)
    with shop.store.read() as conn:
        found = losses(conn, NOON - DAY, NOON + DAY)
        assert losses(conn, NOON, NOON + DAY) == [Loss("c", "b", 1)]
    assert found == [Loss("a", "b", 2), Loss("c", "b", 1)]


@pytest.mark.parametrize(
    ("caps", "winner"),
    [
        ("[{at_most: 1, per: 1 day, topic: offers}]", "a"),
        ("[{at_most: 1, per: 1 day}]", "b"),
        ("[{at_most: 5, per: 7 days}, {at_most: 1, per: 1 day, topic: offers}]", "a"),
    ],
)
def test_the_winner_counts_under_a_cap_that_was_full(shop: Shop, caps: str, winner: str) -> None:
    company(shop, caps.replace("at_most: 1, per: 1 day}", "at_most: 2, per: 1 day}"))
    at: dict[str, str | None] = {"kind": "broadcast"}
    campaigns(
        shop,
        a={**at, "enter": "{time: 2026-06-15 12:00}"},
        b={**at, "enter": "{time: 2026-06-15 13:00}", "topic": "news"},
        c={**at, "enter": "{time: 2026-06-15 14:00}"},
    )
    shop.customer("alice")
    for hours in range(3):
        run(shop, NOON + hours * HOUR)
    with shop.store.read() as conn:
        assert losses(conn, NOON - DAY, NOON + DAY) == [Loss("c", winner, 1)]


def hints(shop: Shop) -> list[str]:
    content = shop.check()
    return starving_hints(content.campaigns, content.workspace.settings)


def test_check_tells_of_a_campaign_that_caps_itself(shop: Shop) -> None:
    company(shop, "[{at_most: 1, per: 7 days}]")
    shop.campaign("c", journey(steps="[{send: hello}, {wait: 3 days}, {send: again}]"))
    (said,) = hints(shop)
    assert said.startswith(
        "campaign 'c' may send one customer 2 mails per 7 days (hello, again), and she gets at most 1 per 7 days"
    )
    assert "the last are never sent" in said
    shop.campaign("c", journey(steps="[{send: hello}, {wait: 3 days}, {send: again}]", when_capped="wait"))
    assert "the last wait for room, until their expiry" in hints(shop)[0]
    shop.campaign("c", journey(steps="[{send: hello}, {wait: 7 days}, {send: again}]"))
    assert hints(shop) == []


def test_check_tells_of_a_campaign_that_another_leaves_no_room(shop: Shop) -> None:
    company(shop, "[{at_most: 2, per: 7 days}]")
    letter: dict[str, str | None] = {"kind": "broadcast", "enter": "{every: week, days: [mon, thu]}", "priority": "60"}
    shop.campaign("letter", journey(**letter))
    shop.campaign("c", journey())
    (said,) = hints(shop)
    assert said.startswith("campaign 'c' (priority 50) will hardly ever be sent: 'letter' (priority 60) takes 2 per 7 days")
    shop.campaign("c", journey(when_capped="wait"))
    assert "campaign 'c' (priority 50) will wait for room, most often until its expiry: 'letter'" in hints(shop)[0]
    for mended in (
        {"audience": "{attribute: tier, is: gold}"},
        {"priority": "40"},
        {"enter": "{every: week, days: [mon]}"},
        {"topic": "news"},
    ):
        shop.campaign("letter", journey(**{**letter, **mended}))
        if "topic" in mended:
            company(shop, "[{at_most: 2, per: 7 days, topic: offers}]")
        assert hints(shop) == []


@pytest.mark.parametrize(
    ("enter", "starves"),
    [
        ("{time: 2025-06-16 09:00}", False), ("{time: 2026-12-01 09:00}", False), ("{every: month, days: [1]}", False),
        ("{every: week, days: [mon]}", True), ("{cron: '0 9 * * 1'}", True),
    ],
)  # fmt: skip
def test_only_what_comes_again_before_there_is_room_leaves_none(shop: Shop, enter: str, starves: bool) -> None:
    company(shop, ONE_A_WEEK)
    shop.campaign("letter", journey(kind="broadcast", enter=enter, priority="60"))
    shop.campaign("c", journey())
    assert len(hints(shop)) == starves
