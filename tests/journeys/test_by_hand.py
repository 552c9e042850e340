"""`enter: {by_hand: true}`: whom a person asks for enters once per request, whoever else asks again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from crm_store.errors import StoreError, UsageError
from crm_store.journeys import requests
from crm_store.journeys.requests import Asked, Entered, enrol
from crm_store.ledger.log import Order
from crm_store.schema import log
from tests.journeys.files import occasions, right_at, said_of, start
from tests.world import NOON, Shop

HOUR = timedelta(hours=1)
BY_HAND = "{by_hand: true}"


def ask(shop: Shop, key: str, how: str, which: str, campaign: str = "c") -> Entered:
    content = shop.check()
    zone = shop.workspace.settings.company.zone
    return enrol(shop.store, campaign, Asked(key, Order("mia@desk"), how, which), content.segments, zone, NOON)


def live(shop: Shop, **keys: str) -> None:
    shop.segment("germans", "{attribute: country, is: DE}")
    start(shop, **{"enter": BY_HAND, **keys})
    shop.customer("anna", country="DE")
    shop.customer("bea", country="FR")
    shop.customer("cora", country="DE")


def test_one_customer_enters_once_per_request(shop: Shop) -> None:
    live(shop)
    assert ask(shop, "r1", "customer", "anna") == Entered(1, 1)
    assert ask(shop, "r1", "customer", "anna") == Entered(1, 0)
    shop.tick(NOON + HOUR)
    assert ask(shop, "r2", "customer", "anna") == Entered(1, 1)
    shop.tick(NOON + HOUR)
    assert occasions(shop) == [("anna", "r1"), ("anna", "r2")]
    assert right_at(shop) == {"anna": NOON}


def test_a_segment_enters_in_slices(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "SLICE", 1)
    live(shop)
    assert ask(shop, "r1", "segment", "germans") == Entered(2, 2)
    shop.customer("dora", country="DE")
    assert ask(shop, "r1", "segment", "germans") == Entered(3, 1)
    shop.tick(NOON + HOUR)
    assert sorted(occasions(shop)) == [("anna", "r1"), ("cora", "r1"), ("dora", "r1")]


def test_an_empty_segment_is_asked_for_and_logged(shop: Shop) -> None:
    live(shop)
    shop.segment("germans", "{attribute: country, is: IT}")
    assert ask(shop, "r1", "segment", "germans") == Entered(0, 0)
    with shop.store.read() as conn:
        assert len(conn.execute(select(log).where(log.c.action == "enrol")).all()) == 1


def test_a_request_is_logged_with_who_and_how_many(shop: Shop) -> None:
    live(shop)
    ask(shop, "fair-2026", "segment", "germans")
    with shop.store.read() as conn:
        row = conn.execute(select(log).where(log.c.action == "enrol")).one()
    assert (row.who, row.action, row.subject) == ("mia@desk", "enrol", "campaign c")
    assert row.details == {"request": "fair-2026", "by": "segment", "customers": 2}


def test_who_is_not_there_or_may_not_enter_is_refused(shop: Shop) -> None:
    live(shop)
    with pytest.raises(UsageError, match=r"customer .nobody. is not in the store"):
        ask(shop, "r", "customer", "nobody")
    with pytest.raises(UsageError, match="list 'fair' is not in the store"):
        ask(shop, "r", "list", "fair")
    with pytest.raises(StoreError, match="campaign 'other' is not published"):
        ask(shop, "r", "customer", "anna", "other")
    start(shop, enter=BY_HAND, status="draft")
    with pytest.raises(UsageError, match="campaign 'c' is draft: nobody enters it"):
        ask(shop, "r", "customer", "anna")
    start(shop)
    with pytest.raises(UsageError, match="campaign 'c' is not entered by hand, but by the event 'signed up'"):
        ask(shop, "r", "customer", "anna")


def test_by_hand_is_true_and_needs_no_again(tmp_path: Path) -> None:
    assert "'by_hand' is true, or not there" in said_of(tmp_path, enter="{by_hand: false}")
    assert "by hand once per request; take `again` out" in said_of(tmp_path, enter=BY_HAND, again="per event")
    both = said_of(tmp_path, enter="{by_hand: true, event: order}")
    assert "needs 'event', 'segment' or 'by_hand', one of them only" in both
