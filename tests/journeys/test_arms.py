"""`branch`, `wait_for`, `split`, `exit`: which way a customer takes, and where she comes out again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from crm_store.schema import assignment
from tests.journeys.files import right_at, said_of, sent, standings, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENT = "{within: 60 days}"


def enter(shop: Shop, steps: str, *keys: str, **fields: str) -> None:
    start(shop, steps=steps, late=PATIENT)
    for key in keys:
        shop.customer(key, **fields)
        shop.event(key, "signed_up", NOON)


BRANCH = """[
  {branch: [
    {when: {attribute: country, is: DE}, then: [{send: hello}]},
    {when: {attribute: country, is_set: true}, then: [{send: gift, offer: treat}, {exit: abroad}]}]},
  {wait: 1 day},
  {send: again}]"""
OFFERS = "{treat: {discount: 15 %, code: unique, valid: 3 days}}"


def test_a_branch_takes_the_first_way_that_holds(shop: Shop) -> None:
    start(shop, steps=BRANCH, offers=OFFERS, late=PATIENT)
    for key, country in (("anna", "DE"), ("bea", "FR"), ("cora", None)):
        shop.customer(key, country=country)
        shop.event(key, "signed_up", NOON)
    shop.tick()
    shop.tick(NOON + DAY)
    assert sorted(sent(shop)) == [("anna", "again"), ("anna", "hello"), ("bea", "gift"), ("cora", "again")]
    assert standings(shop) == [
        ("anna", "finished", None, None),
        ("bea", "left", "abroad", "exit before again"),
        ("cora", "finished", None, None),
    ]


WAIT_FOR = """[
  {wait_for: {event: order, since: entered}, at_most: 2 days,
   then: [{send: hello}], otherwise: [{send: hello, name: late}]},
  {send: again}]"""


def test_what_is_waited_for_comes_or_the_time_is_up(shop: Shop) -> None:
    enter(shop, WAIT_FOR, "anna", "bea")
    shop.tick()
    assert sent(shop) == []
    shop.event("anna", "order", NOON + 5 * HOUR)
    shop.tick(NOON + 6 * HOUR)
    assert sorted(sent(shop)) == [("anna", "again"), ("anna", "hello")]
    shop.tick(NOON + 2 * DAY + HOUR)
    assert right_at(shop, "hello") == {"anna": NOON + 6 * HOUR}
    assert right_at(shop, "late") == {"bea": NOON + 2 * DAY}
    assert right_at(shop, "again") == {"anna": NOON + 6 * HOUR, "bea": NOON + 2 * DAY}


SPLIT = """[
  {wait: 1 day},
  {split: {short: {share: 25 %, then: [{send: hello}]}, long: {share: 75 %, then: [{exit: long}]}}},
  {send: again}]"""


def test_a_split_is_drawn_at_entry_and_keeps_its_shares(shop: Shop) -> None:
    enter(shop, SPLIT, *(f"c{n}" for n in range(200)))
    shop.plan()
    with shop.store.read() as conn:
        drawn = [row.variant for row in conn.execute(select(assignment))]
    assert len(drawn) == 200
    assert 30 <= drawn.count("short") <= 70
    shop.tick(NOON + DAY)
    assert len([one for one in sent(shop) if one[1] == "hello"]) == drawn.count("short")
    assert len([one for one in standings(shop) if one[2] == "long"]) == drawn.count("long")


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("[{branch: [{otherwise: [{send: hello}]}]}]", "'branch' needs at least one"),
        ("[{branch: [{otherwise: [{send: hello}]}, {when: {event: order}, then: []}]}]", "'otherwise' is the last way"),
        ("[{branch: [{when: {event: order}}]}]", "a way of 'branch' needs 'then'"),
        ("[{wait_for: {event: order}}]", "step 'wait_for' needs 'at_most'"),
        ("[{wait_for: {event: order}, at_most: 1 month}]", "must be at least a second"),
        ("[{split: {a: {share: 100 %}}}]", "'split' needs at least two arms"),
        ("[{split: {a: {share: 50 %}, b: {share: 40 %}}}]", "the shares are 90 % together"),
        ("[{exit: ''}]", "is empty"),
        ("[{exit: x, on_error: stop}]", "step 'exit' has no 'on_error'"),
        ("[{branch: [{when: {event: order}, then: [{send: hello}]}]}, {send: hello}]", "two steps are called 'hello'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, steps: str, said: str) -> None:
    assert said in said_of(tmp_path, steps=steps)
