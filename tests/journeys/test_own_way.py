"""A send may have a sender and a channel of its own; a touch goes by its own channel all the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from crm_store.consent import standing
from crm_store.content import channels
from crm_store.schema import account, customer, request, touch
from tests.journeys.files import outcomes, said_of, sent, start
from tests.world import AGREED, NOON, SETTINGS, Shop

SENDERS = SETTINGS.replace("name: Test Shop}}", "name: Test Shop}, boss: {from: boss@test-shop.example, name: The Boss}}")


def test_a_mail_is_from_the_sender_that_its_step_names(shop: Shop) -> None:
    shop.write({"config/rapport.yaml": SENDERS})
    start(shop, steps="[{send: hello, sender: boss}, {send: again}]")
    shop.customer("alice")
    shop.event("alice", "signed_up", NOON)
    shop.tick()
    assert sorted(mail["From"] for mail in shop.mails()) == [
        "Test Shop <hello@test-shop.example>",
        "The Boss <boss@test-shop.example>",
    ]
    assert len({mail["Message-ID"] for mail in shop.mails()}) == 2


@pytest.fixture
def post(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop with a second channel, as there are none yet: it too writes to files."""
    monkeypatch.setattr(channels, "CHANNELS", ("email", "post"))
    monkeypatch.setitem(standing.ADDRESS_OF, "post", customer.c.phone)
    shop.write({"config/rapport.yaml": SETTINGS + "channels: {email: outbox, post: outbox}\n"})
    return shop


def test_a_touch_is_judged_claimed_and_sent_by_its_own_channel(post: Shop) -> None:
    start(post, steps="[{send: hello}, {send: again, channel: post}]")
    agreed = [*AGREED, {**AGREED[0], "channel": "post"}]
    post.customer("alice", phone="+49301234567", consents=agreed)
    post.customer("bea", phone="+49301234568")
    post.customer("cora", consents=agreed)
    for key in ("alice", "bea", "cora"):
        post.event(key, "signed_up", NOON)
    post.tick()
    assert sorted(sent(post)) == [("alice", "again"), ("alice", "hello"), ("bea", "hello"), ("cora", "hello")]
    assert ("bea", "again", "skipped", "no_consent") in outcomes(post)
    assert ("cora", "again", "skipped", "no_address") in outcomes(post)
    with post.store.read() as conn:
        used = select(touch.c.step, request.c.channel).join(request, request.c.id == touch.c.request_id)
        assert set(conn.execute(used.distinct()).all()) == {("hello", "email"), ("again", "post")}
        assert set(conn.execute(select(account.c.name)).scalars()) == {"email", "post"}


def test_the_channel_of_a_campaign_is_that_of_its_sends_and_an_update_says_whose_consent_it_is(post: Shop) -> None:
    start(post, channel="post", steps="[{update: {consent: {channel: post, topic: offers, state: given}}}, {send: hello}]")
    post.customer("alice", phone="+49301234567", consents=[])
    post.event("alice", "signed_up", NOON)
    post.tick()
    assert sent(post) == [("alice", "hello")]
    with post.store.read() as conn:
        assert conn.execute(select(request.c.channel)).scalar_one() == "post"


@pytest.mark.parametrize("what", ["sender", "channel"])
def test_it_must_be_one_of_the_settings(tmp_path: Path, what: str) -> None:
    assert f"{what} 'x' is not in config/rapport.yaml" in said_of(tmp_path, steps=f"[{{send: hello, {what}: x}}]")
