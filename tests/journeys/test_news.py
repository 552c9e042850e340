"""A tick that looks only at what is new does what one would that looks at everybody, and an idle one writes nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, func, select

from crm_store.journeys import entering
from crm_store.journeys.due import Look
from crm_store.journeys.news import News
from crm_store.schema import customer_changed, looked, pause
from crm_store.segmentation import passing
from tests.conftest import CASES
from tests.journeys.files import journey, outcomes, standings, start
from tests.journeys.test_order import Disorder, disorders, in_disorder, in_order, twins
from tests.journeys.worlds import World, worlds
from tests.world import NOON, Shop

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WAITING = "[{send: hello}, {wait: 5 days}, {send: again}]"
# Each of these steps is looked at for its own sake, wherever customers are.
ARMS = "a: {share: 50 %, then: [{send: again, name: a}]}, b: {share: 50 %, then: [{send: again, name: b}]}"
SPLIT = f"{{{ARMS}, winner: {{by: clicked, decide: {{after: 1 days, at_least: 9}}}}}}"
PAUSE = "{topic: news, until: {event: order}, at_most: 9 days}"
LOOKING = f"[{{pause: {PAUSE}}}, {{split: {SPLIT}}}, {{wait: {{until: 9 days after joined_on}}}}, {{send: hello}}]"
WATCHING = "[{wait_for: {event: order}, at_most: 5 days, then: [{send: hello}], otherwise: [{send: again}]}]"


@settings(max_examples=max(1, CASES // 20))
@given(world=worlds(), disorder=disorders)
def test_looking_at_what_is_new_gives_the_ledger_that_looking_at_everybody_gives(
    store_url: str, tmp_path: Path, world: World, disorder: Disorder
) -> None:
    with twins(store_url, tmp_path / "shops", world) as (first, second):
        with patch.object(News, "since", lambda self, version, part: None):
            expected = in_order(first, world)
        with patch.object(passing, "SHARE", 0.01):  # in a small world a few would be so many that everybody is looked at
            assert in_order(second, world) == expected


@settings(max_examples=max(1, CASES // 20))
@given(world=worlds(), disorder=disorders, share=st.sampled_from([0.01, 10]))
def test_so_it_does_in_disorder(store_url: str, tmp_path: Path, world: World, disorder: Disorder, share: float) -> None:
    with twins(store_url, tmp_path / "shops", world) as (first, second), patch.object(passing, "SHARE", share):
        expected = in_order(first, world)
        assert in_disorder(second, world, disorder) == expected


def begins(shop: Shop) -> list[bool]:
    """A list that grows with each write transaction."""
    found: list[bool] = []

    @event.listens_for(shop.store.engine, "begin")
    def on_begin(conn: Connection) -> None:
        if conn.get_execution_options().get("write"):
            found.append(True)

    return found


def test_an_idle_tick_writes_nothing(shop: Shop) -> None:
    shop.segment("gold", "{attribute: tier, is: gold}")
    shop.campaign("d", "kind: nurture\nstatus: live\ntopic: offers\nenter: {segment: gold}\nsteps: [{send: hello}]\n")
    shop.campaign("e", journey(steps=LOOKING))
    start(shop, steps=WAITING, exit_when="{event: order, since: entered}")
    shop.people()
    shop.customer("alice", joined_on="2026-06-14")
    shop.event("alice", "signed_up", HOUR)
    shop.tick(NOON)
    shop.customer("alice", joined_on="2026-06-15")
    shop.tick(NOON + HOUR)
    found = begins(shop)
    for now in (NOON + HOUR, NOON + 2 * HOUR, NOON + DAY):
        shop.plan(now)
    assert found == []
    shop.event("alice", "order", NOON + DAY)
    shop.plan(NOON + DAY)
    assert found
    assert ("alice", "left", "exit", "wait before again") in standings(shop)


ENTERED = {
    "leaving": {"enter": "{event: cart_updated}", "again": "after leaving"},
    "joining": {"enter": "{segment: gold}", "again": "after leaving"},
    "limited": {"enter": "{event: order}", "again": "per event", "limit": "1 per 2 days"},
    "asked": {"enter": "{by_hand: true}"},
    "dated": {"kind": "occasion", "enter": "{date: last order, at: '20:00'}"},
}


def test_entries_of_every_kind_look_at_what_is_new_only(shop: Shop) -> None:
    shop.segment("gold", "{attribute: tier, is: gold}")
    for name, keys in ENTERED.items():
        shop.campaign(name, journey(**keys))
    shop.publish()
    shop.people()
    shop.tick(NOON)
    shop.tick(NOON + MINUTE)
    asked: list[tuple[bool, bool]] = []
    whole = entering.candidates

    def recording(conn: Connection, version: Any, when: Any) -> Any:
        asked.append((when.span is not None, when.since > NOON - MINUTE))
        return whole(conn, version, when)

    with patch.object(entering, "candidates", recording):
        shop.plan(NOON + 2 * MINUTE)
    assert all(recent and not everybody for everybody, recent in asked)


def test_whoever_leaves_may_enter_again_though_nothing_else_is_written(shop: Shop) -> None:
    start(shop, enter="{event: cart_updated}", again="after leaving", steps="[{wait: 1 days}]", late="{within: 9 days}")
    shop.customer("alice")
    shop.event("alice", "cart_updated", HOUR)
    shop.event("alice", "cart_updated", NOON + 2 * DAY)
    shop.tick(NOON)
    shop.tick(NOON + HOUR)
    shop.tick(NOON + 3 * DAY)  # she has left a day before the second one
    assert [row[2] for row in shop.enrolments()] == ["0", "1"]


def test_pauses_are_looked_at_for_whom_something_was_written_about(shop: Shop) -> None:
    start(shop, steps=f"[{{pause: {PAUSE}}}, {{wait: 9 days}}]")
    for key in ("alice", "bob"):
        shop.customer(key)
        shop.event(key, "signed_up", HOUR)
    shop.tick(NOON)
    shop.plan(NOON + HOUR)
    assert looked_at(shop, NOON + HOUR) == []
    shop.event("bob", "order", NOON + HOUR)
    assert looked_at(shop, NOON + HOUR) == [1]
    with shop.store.read() as conn:
        assert conn.execute(select(func.count()).where(pause.c.lifted_at == NOON + HOUR)).scalar_one() == 1


def looked_at(shop: Shop, now: object) -> list[object]:
    """Of how many customers each look of a planning asked; None: everybody."""
    found: list[object] = []
    whole = Look.found

    def counting(self: Look, conn: Connection, version: object, now: object, customers: object) -> object:
        found.append(None if customers is None else len(customers))  # type: ignore[arg-type]
        return whole(self, conn, version, now, customers)  # type: ignore[arg-type]

    with patch.object(Look, "found", counting), patch.object(passing, "SHARE", 0.01):
        shop.plan(now)  # type: ignore[arg-type]
    return found


def test_only_those_whom_something_was_written_about_are_looked_at(shop: Shop) -> None:
    start(shop, steps=WATCHING, exit_when="{message: clicked}")
    for key in ("alice", "bob", "carol"):
        shop.customer(key)
        shop.event(key, "signed_up", HOUR)
    shop.tick(NOON)
    assert looked_at(shop, NOON + HOUR) == []
    shop.event("bob", "order", NOON + HOUR)
    assert looked_at(shop, NOON + HOUR) == [1, 1]
    assert [row[:2] for row in outcomes(shop)] == [("bob", "hello")]


def test_a_fact_that_lies_ahead_is_seen_when_its_time_comes(shop: Shop) -> None:
    start(shop, steps=WATCHING)
    shop.customer("alice")
    shop.event("alice", "signed_up", HOUR)
    shop.event("alice", "order", NOON + 2 * HOUR)
    shop.tick(NOON)
    shop.plan(NOON + HOUR)
    assert outcomes(shop) == []
    shop.plan(NOON + 2 * HOUR)
    assert [row[:2] for row in outcomes(shop)] == [("alice", "hello")]


def test_marks_stay_until_segments_and_campaigns_have_looked(shop: Shop) -> None:
    from crm_store.journeys.tick import plan_campaigns, refresh_segments

    def marked() -> int:
        with shop.store.read() as conn:
            return len(conn.execute(select(customer_changed)).all())

    start(shop)
    shop.customer("alice")
    plan_campaigns(shop.store, NOON)
    assert marked() == 1
    refresh_segments(shop.store, NOON)
    assert marked() == 1
    plan_campaigns(shop.store, NOON)
    assert marked() == 0


def test_what_a_tick_leaves_out_while_something_changes_is_looked_at_in_full(shop: Shop) -> None:
    start(shop, steps=WAITING, exit_when="{event: order}")
    shop.customer("alice")
    shop.event("alice", "signed_up", HOUR)
    shop.tick(NOON)
    start(shop, NOON, steps=WAITING, exit_when="{event: order}", status="draft")
    shop.event("alice", "order", NOON)
    shop.plan(NOON + HOUR)
    with shop.store.read() as conn:
        assert conn.execute(select(looked)).all() == []
    start(shop, NOON + HOUR, steps=WAITING, exit_when="{event: order}")
    shop.plan(NOON + 2 * HOUR)
    assert standings(shop)[0][1:3] == ("left", "exit")
