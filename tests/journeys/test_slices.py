"""Planning by slices: everybody is entered, moved and settled exactly once, whatever the slice, whoever plans beside."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from crm_store import store
from crm_store.journeys import slices
from crm_store.journeys.plan import plan_campaign
from crm_store.journeys.tick import plan_campaigns, refresh_segments
from tests.journeys.files import outcomes, start, sums_hold
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS = "[{send: hello}, {wait: 1 day}, {send: again}]"
MANY = 13


def sign_ups(shop: Shop, key: str) -> None:
    shop.event(key, "signed_up", HOUR)


def orders_long_ago(shop: Shop, key: str) -> None:
    shop.event(key, "order", 30 * DAY)


def nothing(shop: Shop, key: str) -> None:
    """Their birthday or their segment enters them."""


TRIGGERS: dict[str, tuple[dict[str, str], Callable[[Shop, str], None]]] = {
    "event": ({}, sign_ups),
    "segment": ({"enter": "{segment: gold, existing: enrol}"}, nothing),
    "date": ({"kind": "occasion", "enter": "{date: birthday, at: '13:00'}"}, nothing),
    "lapse": ({"kind": "winback", "enter": "{lapse: order, after: 30 days}"}, orders_long_ago),
}


def crowd(shop: Shop, name: str) -> None:
    """Many who enter at noon by that trigger, in no order of their keys."""
    keys, happens = TRIGGERS[name]
    shop.segment("gold", "{attribute: tier, is: gold}")
    start(shop, steps=STEPS, **keys)
    for n in range(MANY):
        key = f"c{n * 7 % MANY:02}"
        shop.customer(key, birthday="--06-15", time_zone="UTC", attributes={"tier": "gold"})
        happens(shop, key)


def everybody(state: str, step: str = "hello") -> list[tuple[str, str, str, None]]:
    return [(f"c{n:02}", step, state, None) for n in range(MANY)]


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_slices_of_three_enter_and_advance_everybody_once(
    shop: Shop, trigger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE", 3)
    crowd(shop, trigger)
    shop.tick(NOON + HOUR)
    assert outcomes(shop) == everybody("sent")
    shop.plan(NOON + HOUR + DAY)
    assert sorted(outcomes(shop)) == sorted(everybody("sent") + everybody("due", "again"))
    shop.deliver(NOON + HOUR + DAY)
    shop.plan(NOON + HOUR + DAY)
    assert sorted(outcomes(shop)) == sorted(everybody("sent") + everybody("sent", "again"))
    assert {row[3] for row in shop.enrolments()} == {"finished"}


def test_several_occasions_of_one_customer_may_fill_more_than_a_slice(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 3)
    start(shop, enter="{event: cart_updated}", again="per event")
    for key in ("alice", "bob"):
        shop.customer(key)
        for n in range(5):
            shop.event(key, "cart_updated", HOUR + n * timedelta(seconds=1))
    shop.plan()
    assert Counter(row[1] for row in shop.touches()) == {"alice": 5, "bob": 5}


def test_a_planning_that_is_stopped_between_slices_is_finished_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE", 3)
    crowd(shop, "event")
    original = shop.store.write_snapshot
    done = iter(range(100))

    def stopping(*args: object) -> object:
        if next(done) == 4:
            raise KeyboardInterrupt
        return original(*args)  # type: ignore[arg-type]  # a stand-in for any write

    monkeypatch.setattr(shop.store, "write_snapshot", stopping)
    with pytest.raises(KeyboardInterrupt):
        shop.plan()
    monkeypatch.setattr(shop.store, "write_snapshot", original)
    assert 0 < len(shop.touches()) < MANY
    assert sums_hold(shop)
    shop.plan()
    assert outcomes(shop) == everybody("due")


@pytest.mark.parametrize("trigger", ["event", "segment"])
def test_planners_at_the_same_time_enter_everybody_once(shop: Shop, trigger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 1)
    crowd(shop, trigger)
    errors = at_once(3, lambda: plan_everything(shop))
    assert errors == []
    assert outcomes(shop) == everybody("due")
    assert sums_hold(shop)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_planners_wait_for_their_turn_and_never_start_anew(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 1)
    monkeypatch.setattr(store, "RETRIES", 1)
    crowd(shop, "event")
    assert at_once(3, lambda: plan_campaign(shop.store, "c", NOON)) == []
    assert outcomes(shop) == everybody("due")


def plan_everything(shop: Shop) -> None:
    refresh_segments(shop.store, NOON + HOUR)
    plan_campaigns(shop.store, NOON + HOUR)


def test_planners_at_the_same_time_move_everybody_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 2)
    crowd(shop, "event")
    shop.tick()
    errors = at_once(3, lambda: plan_campaign(shop.store, "c", NOON + DAY))
    assert errors == []
    assert sorted(outcomes(shop)) == sorted(everybody("sent") + everybody("due", "again"))


def at_once(many: int, work: Callable[[], object]) -> list[BaseException]:
    """Run it in that many threads, all set off together; returns what they raised."""
    together, errors = threading.Barrier(many), list[BaseException]()

    def run() -> None:
        together.wait()
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors
