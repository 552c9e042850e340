"""Nothing is put off for ever, nobody starves in silence, what can't go blocks nobody: each way of waiting has an end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from crm_store.insight.losses import Loss, losses
from crm_store.insight.runs import report
from crm_store.ledger.control import pause_campaign
from crm_store.ledger.log import Order
from crm_store.ledger.pauses import pause_customer
from crm_store.schema import touch
from tests.restraint.test_caps import campaigns, company, hints, run, sign_up
from tests.world import NOON, SETTINGS, Shop

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ANN = Order("ann")
ONE_A_DAY, ONE_A_WEEK = "[{at_most: 1, per: 1 day}]", "[{at_most: 1, per: 7 days}]"
HIGH, LOW = {"priority": "60"}, {"priority": "40"}
EVERY_DAY = {**HIGH, "kind": "broadcast", "enter": "{every: day, at: '14:00'}"}
Keys = Mapping[str, str | None]


def of(shop: Shop, campaign: str) -> list[tuple[str, str | None, datetime]]:
    """State, reason and when due, of each of its touches."""
    columns = touch.c.state, touch.c.reason, touch.c.due_at
    chosen = select(*columns).where(touch.c.campaign == campaign).order_by(touch.c.right_at, touch.c.id)
    with shop.store.read() as conn:
        return [(row[0], row[1], row[2]) for row in conn.execute(chosen)]


def until_it_ends(shop: Shop, campaign: str, now: datetime = NOON) -> Iterator[tuple[str | None, datetime]]:
    """Run whenever the only touch of a campaign comes due, until it ends. Why it was put off, and to when."""
    for _ in range(30):
        run(shop, now)
        ((state, reason, due),) = of(shop, campaign)
        if state != "due":
            return
        assert due > now, "it was put off to what is past"
        yield reason, due
        now = due
    raise AssertionError("it is put off for ever")


# Starvation


@pytest.mark.parametrize("low", ["a", "z"])
def test_who_starves_beside_a_daily_mail_ends_at_its_expiry_and_is_told_of(shop: Shop, low: str) -> None:
    company(shop, ONE_A_DAY)
    campaigns(shop, **{low: {**LOW, "when_capped": "wait", "wait_at_most": "60 hours"}, "daily": EVERY_DAY})
    assert [one.split(":")[0] for one in hints(shop)] == [
        f"campaign '{low}' (priority 40) will wait for room, most often until its expiry"
    ]
    sign_up(shop, "alice")
    assert list(until_it_ends(shop, low)) == [("cap", NOON + DAY), ("cap", NOON + 2 * DAY)]
    assert of(shop, low) == [("skipped", "cap", NOON + 2 * DAY)]
    assert {one[0] for one in of(shop, "daily")} == {"sent"}
    with shop.store.read() as conn:
        assert losses(conn, NOON, NOON + 2 * DAY) == [Loss(low, "daily", 1)]
        reports = [report(conn, number) for number in range(1, 5)]
    of_low = [one for one in reports if one and one.run.campaign == low]
    assert [(end.state, end.reason, end.touches, end.samples) for one in of_low for end in one.reasons] == [
        ("skipped", "cap", 1, ["alice"])
    ]


def test_who_starves_goes_as_soon_as_the_daily_mail_leaves_a_day_out(shop: Shop) -> None:
    company(shop, ONE_A_DAY)
    campaigns(shop, a={**LOW, "when_capped": "wait"}, daily={**EVERY_DAY, "runs": "{until: 2026-06-17 12:00}"})
    sign_up(shop, "alice")
    assert list(until_it_ends(shop, "a")) == [("cap", NOON + DAY), ("cap", NOON + 2 * DAY)]
    assert of(shop, "a") == [("sent", None, NOON + 2 * DAY)]


# Deferral for ever


def test_what_one_restraint_after_the_other_puts_off_ends(shop: Shop) -> None:
    """In turn: hours, blackout days, a week-end, a holiday (1 January), a cap, a pause, and the hours again."""
    begin = datetime.fromisoformat("2026-12-29T12:00:00+00:00")
    rules = "hours: 09:00-11:00\ndays: [mon, tue, wed, thu, fri]\nblackout: [2026-12-30, 2027-01-05]\nholidays: true\n"
    shop.write({"config/rapport.yaml": f"{SETTINGS}{rules}caps: {ONE_A_DAY}\n"})
    campaigns(shop, a={**LOW, "when_capped": "wait", "wait_at_most": "9 days", "late": "{within: 30 days}"}, high=HIGH)
    shop.customer("alice", country="DE")
    shop.event("alice", "signed_up", begin)
    found, ends = [], until_it_ends(shop, "a", begin)
    for reason, due in ends:
        found.append((reason, f"{due:%m-%d %H:%M}"))
        if reason == "cap":
            shop.store.write(pause_customer, "alice", None, due, due + DAY, ANN)
    assert found == [
        ("hours", "12-31 08:00"),
        ("cap", "01-01 08:00"),
        ("paused", "01-02 08:00"),
        ("hours", "01-04 08:00"),
    ]
    assert [one[0] for one in of(shop, "a")] == ["sent"]


@pytest.mark.parametrize(
    ("keys", "step", "overtaking"),
    [
        ({"pace": "1 per 1 hour", "wait_at_most": "5 hours"}, HOUR, "c{}"),
        ({"caps": ONE_A_DAY, "when_capped": "wait", "wait_at_most": "5 days"}, DAY, "alice"),
    ],
)
def test_who_is_overtaken_again_and_again_ends_at_the_expiry(
    shop: Shop, keys: dict[str, str | None], step: timedelta, overtaking: str
) -> None:
    """By those who were due earlier but are told late, whenever there is a place."""
    campaigns(shop, a={**keys, "enter": "{event: order}", "again": "per event"})
    shop.customer("alice")
    shop.event("alice", "order", NOON - MINUTE, amount="5.00")
    for number in range(6):
        key, now = overtaking.format(number), NOON + number * step
        shop.customer(key)
        shop.event(key, "order", now - 2 * MINUTE, amount="1.00")
        run(shop, now)
    by_reason = Counter(one[:2] for one in of(shop, "a"))
    assert by_reason == {("sent", None): 6, ("skipped", "pace" if "pace" in keys else "cap"): 1}


def test_a_ramp_puts_off_day_by_day_and_no_further_than_the_expiry(shop: Shop) -> None:
    ramp = "channels: {email: {provider: outbox, ramp_up: {from: 2026-06-15, a_day: [1, 1, 1, 1]}}}\n"
    shop.write({"config/rapport.yaml": SETTINGS + ramp})
    campaigns(shop, a={"wait_at_most": "50 hours"})
    sign_up(shop, "alice", "bob", "carol", "dave", "erin")
    for day in range(4):
        run(shop, NOON + day * DAY)
    assert [one[:2] for one in of(shop, "a")] == [("sent", None)] * 3 + [("skipped", "ramp_up")] * 2


def test_who_is_paused_for_ever_is_skipped_at_the_expiry(shop: Shop) -> None:
    campaigns(shop, a={})
    sign_up(shop, "alice")
    shop.store.write(pause_customer, "alice", None, NOON, None, ANN)
    expires = NOON - HOUR + 7 * DAY
    assert list(until_it_ends(shop, "a")) == [("paused", expires)]
    assert of(shop, "a") == [("skipped", "paused", expires)]


# Priority inversion


def brake(shop: Shop) -> None:
    shop.store.write(pause_campaign, "high", ANN)


def pause_news(shop: Shop) -> None:
    shop.store.write(pause_customer, "alice", "news", NOON, None, ANN)


def lapse(shop: Shop) -> None:
    shop.customer("alice", attributes={"tier": "gold"})


HELD_BACK: Mapping[str, tuple[Keys, Callable[[Shop], None] | None]] = {
    "pace": ({"pace": "1 per 1 day"}, None),
    "hours": ({"hours": "20:00-21:00"}, None),
    "a paused campaign": ({}, brake),
    "a pause of its topic": ({}, pause_news),
    "a failing gate": ({"audience": "{not: {attribute: tier, is: gold}}"}, lapse),
    "a guard": ({"guard": "{recipients: {between: [5, 9]}}"}, None),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("low", ["a", "z"])
@pytest.mark.parametrize("by", HELD_BACK)
def test_the_lower_one_goes_only_when_the_higher_one_is_held_back(shop: Shop, by: str, low: str) -> None:
    """Though the lower one was due earlier, and whoever is looked at first."""
    keys, deed = HELD_BACK[by]
    company(shop, ONE_A_WEEK)
    order: Keys = {"enter": "{event: order}", "again": "per event"}
    campaigns(shop, **{low: {**order, **LOW}, "high": {**HIGH, "topic": "news", **keys}})
    sign_up(shop, *(["zoe"] if by == "pace" else []), ago=90 * MINUTE)
    sign_up(shop, "alice")
    shop.event("alice", "order", 2 * HOUR, amount="5.00")
    shop.plan()
    if deed is not None:
        deed(shop)
    shop.deliver()
    found = {row[0]: row[3] for row in shop.touches() if row[1] == "alice"}
    if by == "nothing":
        assert found == {low: "skipped", "high": "sent"}
    else:
        assert found[low] == "sent"
        assert found["high"] in ("due", "skipped")


def test_a_higher_one_whose_pause_is_over_goes_first_though_nobody_has_looked_since(shop: Shop) -> None:
    """Also where the lower one is delivered first."""
    company(shop, ONE_A_WEEK)
    campaigns(shop, a={**LOW, "topic": "news"}, high=HIGH)
    sign_up(shop, "alice", ago=3 * HOUR)
    shop.store.write(pause_customer, "alice", "offers", NOON - 4 * HOUR, NOON - HOUR, ANN)
    shop.plan()
    shop.deliver(campaign="a")
    shop.deliver()
    assert {row[0]: row[3] for row in shop.touches()} == {"a": "skipped", "high": "sent"}
