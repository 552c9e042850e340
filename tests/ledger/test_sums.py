"""The sum law: eligible is counted without looking at touches, so that a touch that is lost or never written shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, delete, select

from crm_store.journeys import entering, speaking
from crm_store.ledger.states import STATES
from crm_store.ledger.write import write_touches
from crm_store.schema import campaign_run, touch, touch_values
from tests.journeys.files import sums_hold
from tests.ledger.channels import Told, fail_with, refuse, use
from tests.ledger.rows import by_customer, planned
from tests.world import NOON, Shop

DAY = timedelta(days=1)
TWO = "[{send: hello}, {wait: 1 day}, {send: again}]"


def lose_one_id(write: Callable[..., int]) -> Callable[..., int]:
    """Writing touches, but for the first enrolment."""

    def losing(conn: Connection, run_id: int, ids: list[int], *args: object) -> int:
        return write(conn, run_id, ids[1:], *args)

    return losing


def test_one_deleted_touch_turns_it_red(shop: Shop) -> None:
    planned(shop, "alice", "bob")
    shop.deliver()
    assert sums_hold(shop)

    def lose(conn: Connection) -> None:
        conn.execute(delete(touch_values))
        conn.execute(delete(touch).where(touch.c.id == select(touch.c.id).limit(1).scalar_subquery()))

    shop.store.write(lose)
    assert [one.holds for one in shop.sums()] == [False]


def test_a_first_step_that_is_not_written_turns_it_red(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaking, "write_touches", lose_one_id(write_touches))
    planned(shop, "alice", "bob")
    assert [(one.eligible, sum(one.states.values()), one.holds) for one in shop.sums()] == [(2, 1, False)]


def test_a_later_step_that_is_not_written_turns_it_red(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(shop, "alice", "bob", steps=TWO)
    shop.deliver()
    shop.plan()
    assert sums_hold(shop)
    monkeypatch.setattr(speaking, "write_touches", lose_one_id(write_touches))
    shop.plan(NOON + DAY)
    assert [one.holds for one in shop.sums()] == [False]


def test_a_customer_that_planning_drops_turns_it_red(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = entering.begin
    monkeypatch.setattr(entering, "begin", lambda turn, chosen: begin(turn, chosen.limit(1)))
    planned(shop, "alice", "bob", "eve")
    assert [one.holds for one in shop.sums()] == [False]


def test_it_counts_every_state_there_is(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(shop, "alice", "bob", exit_when="{event: order}")
    assert shop.sums()[0].states == {**dict.fromkeys(STATES, 0), "due": 2}
    shop.event("bob", "order", NOON)
    use(Told(refuse(permanent=True)), monkeypatch)
    shop.deliver()
    use(Told(fail_with(OSError())), monkeypatch)
    planned(shop, "eve", exit_when="{event: order}")
    shop.deliver()
    (one,) = shop.sums()
    assert one.states == {**dict.fromkeys(STATES, 0), "failed": 1, "cancelled": 1, "in_doubt": 1}
    assert (one.holds, one.eligible, one.runs) == (True, 3, 2)


def test_a_run_is_the_work_of_one_tick_and_a_tick_without_work_writes_none(shop: Shop) -> None:
    planned(shop, "alice", steps=TWO)
    shop.plan()
    shop.tick()
    shop.tick(NOON + timedelta(hours=5))
    shop.tick(NOON + DAY)
    with shop.store.read() as conn:
        runs = conn.execute(select(campaign_run.c.now, campaign_run.c.eligible).order_by(campaign_run.c.id)).all()
    assert [tuple(run) for run in runs] == [(NOON, 1), (NOON + DAY, 1)]
    assert len(set(by_customer(shop, "run_id").values())) == 1
