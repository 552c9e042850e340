"""Finding a touch by whatever somebody knows of it, and everything that is known of one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from crm_store.ledger.find import Wanted, sent_mail_of, touches, whole_touch
from crm_store.ledger.gates import GATES
from crm_store.schema import campaign_run
from tests.journeys.files import journey
from tests.ledger.channels import Told, accept, use
from tests.ledger.rows import by_customer, planned
from tests.world import NOON, WITHDRAWN, Shop

HOUR = timedelta(hours=1)


def sent(shop: Shop) -> None:
    """Alice's was sent, Bob's skipped; Carol's is due later, in another run and campaign."""
    shop.campaign("d", journey(enter="{event: order}"))
    planned(shop, "alice", "bob")
    shop.customer("bob", consents=WITHDRAWN)
    shop.deliver()
    shop.customer("carol")
    shop.event("carol", "order", NOON + HOUR)
    shop.plan(NOON + HOUR)


def found(shop: Shop, **wanted: Any) -> list[str]:
    with shop.store.read() as conn:
        return sorted(row["customer"] for row in touches(conn, Wanted(**wanted)))


def message_of(shop: Shop) -> str:
    return str(by_customer(shop, "message_id")["alice"])


BY: dict[str, tuple[Callable[[Shop], dict[str, Any]], list[str]]] = {
    "key": (lambda _: {"customer": "alice"}, ["alice"]),
    "campaign": (lambda _: {"campaign": "d"}, ["carol"]),
    "state": (lambda _: {"state": "skipped"}, ["bob"]),
    "reason": (lambda _: {"reason": "no_consent"}, ["bob"]),
    "number": (lambda shop: {"touch": by_customer(shop, "id")["carol"]}, ["carol"]),
    "run": (lambda shop: {"run": by_customer(shop, "run_id")["alice"]}, ["alice", "bob"]),
    "message id": (lambda shop: {"message_id": message_of(shop)}, ["alice"]),
    "message id without brackets": (lambda shop: {"message_id": message_of(shop).strip("<>")}, ["alice"]),
    "another store's message id": (lambda shop: {"message_id": message_of(shop).replace(".", ".0", 1)}, []),
    "address": (lambda _: {"address": "Alice@Example.com"}, ["alice"]),
    "since": (lambda _: {"since": NOON}, ["carol"]),
    "until": (lambda _: {"until": NOON}, ["alice", "bob"]),
    "both": (lambda _: {"state": "sent", "reason": "no_consent"}, []),
}


@pytest.mark.parametrize("name", BY)
def test_touches_are_found_by_what_is_known_of_them(shop: Shop, name: str) -> None:
    sent(shop)
    wanted, expected = BY[name]
    assert found(shop, **wanted(shop)) == expected


def test_touches_are_found_by_an_address_that_was_given_up(shop: Shop) -> None:
    sent(shop)
    shop.customer("alice", email="new@example.com")
    assert found(shop, address="alice@example.com") == found(shop, address="new@example.com") == ["alice"]
    assert found(shop, address="nobody@example.com") == []


def test_touches_are_found_by_the_id_that_a_provider_has_given(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from crm_store.ledger.dispatch import Answer

    use(Told(lambda mails: Answer(accepted=dict.fromkeys((mail.touch_id for mail in mails), "sg-7"))), monkeypatch)
    planned(shop, "alice", "bob")
    shop.deliver()
    assert found(shop, message_id="sg-7") == ["alice", "bob"]


def test_of_one_touch_everything_is_said(shop: Shop) -> None:
    sent(shop)
    with shop.store.read() as conn:
        alice = by_customer(shop, "id")["alice"]
        whole, mail = whole_touch(conn, alice), sent_mail_of(conn, alice)
        assert whole_touch(conn, 4711) is None
        assert conn.execute(select(campaign_run.c.id)).scalars().all() == [1, 2]
    assert whole is not None
    assert mail is not None
    assert whole.verdicts == {**{gate.name: "pass" for gate in GATES}, "same_address": "pass", "cap": "pass"}
    assert [(one["kind"], one["name"]) for one in whole.definitions] == [("campaign", "c"), ("template", "hello")]
    assert (whole.facts["customer"], whole.facts["provider"]) == ("alice", "outbox")


def test_what_was_not_sent_has_no_mail_but_its_verdicts(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    use(Told(accept), monkeypatch)
    sent(shop)
    with shop.store.read() as conn:
        bob = by_customer(shop, "id")["bob"]
        whole = whole_touch(conn, bob)
        assert sent_mail_of(conn, bob) is None
    assert whole is not None
    assert whole.verdicts["consent"] == "bar"
