"""`split` with a `winner`: one look, at the time and size that the file says; later customers take the better arm."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from crm_store.journeys.deciding import Tried, differ, winner_of
from crm_store.schema import assignment, customer, enrolment, split_decision, touch, touch_event
from tests.journeys.files import said_of, sent, standings, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENT = "{within: 60 days}"
WINNER = "{by: clicked, decide: {after: 2 days, at_least: 40}}"
STEPS = "[{split: {a: {share: 50 %%, then: [{send: hello}]}, b: {share: 50 %%, then: [{send: again}]}, winner: %s}}]"


def tried(shop: Shop, count: int = 60, winner: str = WINNER, **keys: str) -> None:
    """So many sign up at noon; those who get `again` click, in the next hour."""
    start(shop, steps=STEPS % winner, late=PATIENT, **keys)
    for number in range(count):
        shop.customer(f"c{number}")
        shop.event(f"c{number}", "signed_up", NOON)
    shop.tick()


def click(shop: Shop, step: str = "again", actor: str = "human", at: timedelta = HOUR) -> None:
    def write(conn: Connection) -> None:
        rows = conn.execute(select(touch.c.id, touch.c.customer_id).where(touch.c.step == step)).all()
        told = {"kind": "clicked", "at": NOON + at, "actor": actor, "provider": "test"}
        ours = [{**told, "touch_id": row.id, "customer_id": row.customer_id} for row in rows]
        conn.execute(insert(touch_event), [{**one, "provider_event_id": f"{actor}{one['touch_id']}"} for one in ours])

    shop.store.write(write)


def more(shop: Shop, count: int, at: timedelta) -> list[str]:
    """So many others sign up then. Returns the steps that they get."""
    for number in range(count):
        shop.customer(f"d{number}")
        shop.event(f"d{number}", "signed_up", NOON + at)
    shop.tick(NOON + at + HOUR)
    return [step for key, step in sent(shop) if key.startswith("d")]


def decisions(shop: Shop) -> list[tuple[Any, ...]]:
    with shop.store.read() as conn:
        columns = split_decision.c.step, split_decision.c.decided_at, split_decision.c.winner
        return [tuple(row) for row in conn.execute(select(*columns))]


def figures(shop: Shop) -> dict[str, dict[str, int]]:
    with shop.store.read() as conn:
        found: dict[str, dict[str, int]] = conn.execute(select(split_decision.c.figures)).scalar_one()
        return found


def test_who_comes_after_the_look_takes_the_better_arm(shop: Shop) -> None:
    tried(shop)
    click(shop)
    assert set(more(shop, 20, 3 * DAY)) == {"again"}
    assert decisions(shop) == [("split before hello", NOON + 2 * DAY, "b")]
    assert figures(shop)["a"]["reached"] == 0
    assert figures(shop)["b"]["reached"] == figures(shop)["b"]["taken"] > 10
    with shop.store.read() as conn:
        named = select(enrolment.c.variant).join(customer).where(customer.c.key.like("d%"))
        assert set(conn.execute(named).scalars()) == {"b"}
        assert set(conn.execute(select(assignment.c.taken_at)).scalars()) == {NOON, NOON + 3 * DAY}


@pytest.mark.parametrize(("after", "at_least", "decided"), [(1, 2, [1]), (2, 2, [2]), (2, 5, [])])
def test_the_look_is_when_and_of_as_many_as_it_says(shop: Shop, after: int, at_least: int, decided: list[int]) -> None:
    tried(shop, 4, f"{{by: clicked, decide: {{after: {after} days, at_least: {at_least}}}}}")
    more(shop, 1, 3 * DAY)
    assert [at for _, at, _ in decisions(shop)] == [NOON + days * DAY for days in decided]


def test_who_came_before_the_look_keeps_her_draw_however_late_it_is(shop: Shop) -> None:
    tried(shop)
    click(shop)
    for number in range(20):
        shop.customer(f"e{number}")
        shop.event(f"e{number}", "signed_up", NOON + 2 * DAY)
    shop.tick(NOON + 5 * DAY)
    assert {step for key, step in sent(shop) if key.startswith("e")} == {"hello", "again"}


def test_planning_again_as_of_the_same_instant_decides_nothing(shop: Shop) -> None:
    """A planning that is stopped half-way, and done again, would decide by those whom the first one had come to."""
    start(shop, steps=STEPS % WINNER, late=PATIENT)
    for number in range(60):
        shop.customer(f"c{number}")
        shop.event(f"c{number}", "signed_up", NOON)
    for _ in range(2):
        shop.tick(NOON + 5 * DAY)
        assert decisions(shop) == []
    more(shop, 1, 5 * DAY)
    assert decisions(shop) == [("split before hello", NOON + 2 * DAY, None)]


@pytest.mark.parametrize(
    ("count", "after", "why"),
    [(60, 2 * DAY - 2 * HOUR, "too early"), (39, 3 * DAY, "too few")],
)
def test_before_its_time_or_size_nothing_is_decided(shop: Shop, count: int, after: timedelta, why: str) -> None:
    tried(shop, count)
    click(shop)
    assert set(more(shop, 20, after)) == {"hello", "again"}, why


def test_of_rates_that_do_not_differ_the_split_stays_and_is_not_looked_at_again(shop: Shop) -> None:
    tried(shop)
    shop.tick(NOON + 2 * DAY)
    more(shop, 1, 2 * DAY + HOUR)
    assert decisions(shop) == [("split before hello", NOON + 2 * DAY, None)]
    click(shop)
    more(shop, 20, 3 * DAY)
    assert {step for key, step in sent(shop) if key.startswith("d")} == {"hello", "again"}
    assert [winner for *_, winner in decisions(shop)] == [None]


@pytest.mark.parametrize(("actor", "at"), [("machine", HOUR), ("human", 2 * DAY + HOUR)])
def test_neither_machines_nor_clicks_after_the_look_count(shop: Shop, actor: str, at: timedelta) -> None:
    tried(shop)
    click(shop, actor=actor, at=at)
    more(shop, 1, 3 * DAY)
    assert [winner for *_, winner in decisions(shop)] == [None]


def test_customers_who_are_held_out_do_not_count(shop: Shop) -> None:
    tried(shop)
    held_out = update(enrolment).where(enrolment.c.variant == "b").values(held_out_at=NOON)
    shop.store.write(lambda conn: conn.execute(held_out))
    more(shop, 1, 3 * DAY)
    assert decisions(shop) == []  # too few


def test_goals_count_where_the_file_says_so(shop: Shop) -> None:
    tried(shop, winner=WINNER.replace("clicked", "goal"), goal="{event: order, within: 9 days}")
    click(shop)
    reached = update(enrolment).where(enrolment.c.variant == "a").values(goal_at=NOON + DAY)
    shop.store.write(lambda conn: conn.execute(reached))
    more(shop, 1, 3 * DAY)
    assert decisions(shop) == [("split before hello", NOON + 2 * DAY, "a")]


def test_the_formula_of_two_proportions() -> None:
    # 40 of 400 against 62 of 400: z = 2.33; against 55 of 400: z = 1.64
    assert differ(Tried(400, 40), Tried(400, 62))
    assert not differ(Tried(400, 40), Tried(400, 55))
    assert not differ(Tried(400, 0), Tried(400, 0))
    assert not differ(Tried(0, 0), Tried(400, 62))


def test_the_winner_differs_from_every_other_arm() -> None:
    assert winner_of({"a": Tried(400, 40), "b": Tried(400, 62), "c": Tried(400, 90)}) == "c"
    assert winner_of({"a": Tried(400, 40), "b": Tried(400, 85), "c": Tried(400, 90)}) is None


@pytest.mark.parametrize(
    ("winner", "said"),
    [
        ("{by: opened, decide: {after: 2 days, at_least: 40}}", "'opened' is not one of goal, clicked"),
        ("{by: goal, decide: {after: 2 days, at_least: 40}}", "'by: goal' needs the campaign's `goal`"),
        ("{by: clicked}", "'winner' needs 'decide'"),
        ("{by: clicked, decide: {after: 2 days}}", "'decide' needs 'at_least'"),
        ("{by: clicked, decide: {after: 2 months, at_least: 5}}", "must be at least a second"),
        ("{by: clicked, decide: {after: 2 days, at_least: 0}}", "'0' must be a whole number, 1 or more"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, winner: str, said: str) -> None:
    assert said in said_of(tmp_path, steps=STEPS % winner)


def test_everybody_finishes(shop: Shop) -> None:
    tried(shop)
    assert {row[1] for row in standings(shop)} == {"finished"}
