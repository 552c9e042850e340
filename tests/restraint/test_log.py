"""The log: whoever orders anything is in it, with the reason, and nothing of it is ever changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from crm_store.ledger.control import pause_campaign, resume_campaign, stop_campaign
from crm_store.ledger.doubts import Chosen, give_up
from crm_store.ledger.log import Order, entries
from crm_store.ledger.pauses import pause_customer, resume_customer
from crm_store.ledger.runs import accept
from crm_store.schema import log
from tests.ledger.rows import planned
from tests.world import NOON, Shop

ANN = Order("ann@desk", "wrong prices")


def told(shop: Shop, **asked: str) -> list[tuple[str, str, str, str | None]]:
    with shop.store.read() as conn:
        found = entries(conn, **asked)  # type: ignore[arg-type]
    return [(one.who, one.action, one.subject, one.reason) for one in reversed(found)]


def give(shop: Shop, order: Any, *words: Any) -> None:
    shop.store.write(lambda conn: order(conn, *words, ANN))


def test_every_order_is_in_it(shop: Shop) -> None:
    planned(shop, "alice", guard="{recipients: {between: [2, 3]}}")
    orders: list[tuple[Any, tuple[Any, ...], str, str]] = [
        (accept, ("c", NOON), "accept", "campaign c"),
        (pause_customer, ("alice", "offers", NOON, None), "pause", "customer alice, topic offers"),
        (resume_customer, ("alice", None, NOON), "resume", "customer alice"),
        (pause_campaign, ("c",), "pause", "campaign c"),
        (resume_campaign, ("c",), "resume", "campaign c"),
        (pause_campaign, (None,), "pause", "all campaigns"),
        (give_up, (Chosen(campaign="c"),), "give up", "campaign c"),
    ]
    for order, words, *_ in orders:
        give(shop, order, *words)
    stop_campaign(shop.store, "c", 1, ANN, NOON)
    expected = [(action, subject) for *_, action, subject in orders]
    found = told(shop, who="ann")
    assert [one[1:3] for one in found] == [*expected, ("stop", "campaign c, run 1")]
    assert {(one[0], one[3]) for one in found} == {("ann@desk", "wrong prices")}
    assert [one[1] for one in told(shop, subject="alice")] == ["pause", "resume"]


def test_publishing_is_in_it_with_what_has_changed(shop: Shop) -> None:
    planned(shop)
    with shop.store.read() as conn:
        (entry,) = entries(conn)
    assert (entry.action, entry.subject) == ("publish", "workspace")
    assert "campaign c" in entry.details["changed"]
    shop.publish()
    assert len(told(shop)) == 1
    with shop.store.read() as conn:
        assert entries(conn, since=entry.at) == [entry]
        assert entries(conn, since=entry.at + timedelta(microseconds=1)) == []


@pytest.mark.parametrize("change", [update(log).values(who="eve"), delete(log)])
def test_the_store_refuses_to_change_it(shop: Shop, change: object) -> None:
    planned(shop)
    with pytest.raises(DBAPIError, match="the log is only added to"):
        shop.store.write(lambda conn: conn.execute(change))  # type: ignore[call-overload]
    assert len(told(shop)) == 1
