"""By which way out mails leave: that of the newest published settings, and what is lost is looked for where it went."""

from __future__ import annotations

from sqlalchemy import select

from crm_store.ledger.dispatch import Request, dispatch
from crm_store.schema import request
from outreach.channels.outbox import Outbox
from outreach.recovery import Recovered, recover
from outreach.rendering.samples import SAMPLE_SIGNER
from tests.fakes.webhook import FakeSystem
from tests.ledger.rows import by_customer, claim_all, planned, run_out_leases
from tests.outreach.channels.benches import in_environment
from tests.world import SETTINGS, Shop


def told(shop: Shop, more: str) -> None:
    """rapport.yaml says so from now on."""
    shop.write({"config/rapport.yaml": f"{SETTINGS}{more}\n"})
    shop.publish()


def test_another_provider_takes_what_was_planned_before_it_was_named(shop: Shop) -> None:
    planned(shop, "alice")
    with FakeSystem() as fake, in_environment(RAPPORT_TEST_WEBHOOK=fake.secret):
        told(shop, f"channels: {{email: {{provider: webhook, url: '{fake.url}', secret_env: RAPPORT_TEST_WEBHOOK}}}}")
        shop.deliver()
        assert [mail["to"]["email"] for mail in fake.mails] == ["alice@example.com"]
    assert by_customer(shop, "state") == {"alice": "sent"}
    assert shop.mails() == []
    with shop.store.read() as conn:
        assert conn.execute(select(request.c.provider)).scalars().all() == ["webhook"]


def test_a_lost_request_is_looked_for_where_it_went_whatever_is_said_before_and_after(shop: Shop) -> None:
    planned(shop, "alice", "bob")
    told(shop, "outbox: there")
    there = Outbox(shop.root / "there")
    for number in ("r1", "r2"):
        claimed = claim_all(shop, size=1)
        there.announce(number)
        (one,) = claimed.touch_ids
        shop.store.write(dispatch, claimed, Request(number, "email", "outbox", "hash", {one: b"values"}))
    told(shop, "outbox: elsewhere")
    run_out_leases(shop)
    assert recover(shop.store, shop.workspace, SAMPLE_SIGNER) == Recovered(due_again=2)
    shop.deliver()
    assert len(list((shop.root / "elsewhere").glob("*/*.eml"))) == 2
