"""`hold_out`: drawn at entry, planned like everybody, touched by nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from crm_store.ledger.log import Order
from crm_store.ledger.restoring import begin_new_life
from crm_store.schema import follow_up, offer
from tests.journeys.files import journey, outcomes, said_of, sent, standings, start
from tests.world import NOON, SETTINGS, VOCABULARY, Shop

KEYS = [f"c{n:03}" for n in range(200)]
OFFERS = "{treat: {discount: 15 %, code: unique, valid: 3 days}}"
HELD = ("skipped", "hold_out")


def enter(shop: Shop, *keys: str) -> None:
    for key in keys:
        shop.customer(key)
        shop.event(key, "signed_up", NOON)


def held_out(shop: Shop, campaign: str = "c") -> set[str]:
    return {row[1] for row in shop.goals() if row[0] == campaign and row[6] is not None}


def test_a_share_is_planned_like_everybody_and_gets_nothing(shop: Shop) -> None:
    shop.write({"config/vocabulary.yaml": f"{VOCABULARY}follow_ups: {{call: {{title: Call}}}}\n"})
    steps = "[{send: gift, offer: treat}, {follow_up: call}, {wait: 1 day}, {send: hello}]"
    start(shop, hold_out="25 %", steps=steps, offers=OFFERS)
    enter(shop, *KEYS)
    shop.tick()
    held = held_out(shop)
    assert 30 <= len(held) <= 70
    assert {row[:2] for row in outcomes(shop) if row[2:] == HELD} == {
        (key, step) for key in held for step in ("gift", "follow_up before hello")
    }
    assert {key for key, _ in sent(shop)} == set(KEYS) - held
    assert {row[0]: row[3] for row in standings(shop)} == dict.fromkeys(KEYS, "wait before hello")
    with shop.store.read() as conn:
        for table in (offer, follow_up):
            assert conn.execute(select(func.count()).select_from(table)).scalar_one() == len(KEYS) - len(held)


def test_nobody_is_held_out_unless_said(shop: Shop) -> None:
    start(shop)
    enter(shop, *KEYS)
    shop.plan()
    assert held_out(shop) == set()


def test_each_campaign_draws_its_own(shop: Shop) -> None:
    for name in ("c", "d"):
        shop.campaign(name, journey(hold_out="50 %"))
    shop.publish()
    enter(shop, *KEYS)
    shop.plan()
    both = held_out(shop) & held_out(shop, "d")
    assert 30 <= len(both) <= 70


def test_the_companys_hold_out_is_the_same_in_all_campaigns_but_service(shop: Shop) -> None:
    shop.write({"config/rapport.yaml": f"{SETTINGS}hold_out: 30 %\n"})
    for name in ("c", "d"):
        shop.campaign(name, journey())
    shop.campaign("s", journey(purpose="service", basis="contract", topic=None))
    shop.publish()
    enter(shop, *KEYS)
    shop.plan()
    assert 40 <= len(held_out(shop)) <= 80
    assert held_out(shop) == held_out(shop, "d")
    assert held_out(shop, "s") == set()


def test_an_exit_takes_them_out_like_everybody(shop: Shop) -> None:
    start(shop, hold_out="99.99 %", exit_when="{event: order}")
    enter(shop, "anna")
    shop.plan()
    shop.event("anna", "order", NOON)
    shop.tick()
    assert outcomes(shop) == [("anna", "hello", "cancelled", "exit")]
    assert standings(shop)[0][1:3] == ("left", "exit")


def test_a_restored_store_does_not_doubt_that_they_were_sent_nothing(shop: Shop) -> None:
    start(shop, hold_out="99.99 %")
    enter(shop, "anna")
    shop.plan()
    begin_new_life(shop.store, NOON, Order("ann"))
    enter(shop, "bea")  # planned after, right before
    shop.tick()
    assert outcomes(shop) == [("anna", "hello", *HELD), ("bea", "hello", *HELD)]


@pytest.mark.parametrize(("share", "said"), [("5", "is not a percentage"), ("100 %", "would hold everybody out")])
def test_what_is_wrong_is_said(tmp_path: Path, share: str, said: str) -> None:
    assert said in said_of(tmp_path, hold_out=share)
