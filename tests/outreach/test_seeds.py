"""People of the company get marked copies, which nothing counts and which can opt nobody out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from crm_store.journeys.steps import Send
from crm_store.schema import campaign_run, request, touch
from outreach.channels.outbox import Outbox
from outreach.channels.sendgrid import Options, SendGrid
from outreach.rendering.mail import MailTemplate
from outreach.seeds import seed_copies, send_copies
from tests.content.test_settings_keys import WELCOME
from tests.fakes.sendgrid import FakeSendGrid
from tests.journeys.files import start
from tests.outreach.channels.benches import in_environment, soon
from tests.world import NOON, SETTINGS, Shop

STAFF = ["mia@shop.example", "tom@shop.example", "mia@shop.example"]


@pytest.fixture
def copies(shop: Shop) -> list[Any]:
    shop.campaign("welcome", WELCOME)
    version = shop.check().runnable("welcome")
    step = version.campaign.course.steps[0]
    assert isinstance(step, Send)
    return seed_copies(version, step, MailTemplate("hello", shop.workspace.sources), STAFF, NOON)


def test_everybody_gets_one_marked_copy_with_a_made_up_customers_values(copies: list[Any]) -> None:
    assert [copy.to_address for copy in copies] == ["mia@shop.example", "tom@shop.example"]
    assert {copy.subject for copy in copies} == {"[Copy] Hello Sample"}
    assert {copy.headers["X-Rapport-Copy"] for copy in copies} == {"welcome"}
    assert all("https://sample.example.com/" in copy.html for copy in copies)
    assert len({copy.message_id for copy in copies}) == 2


def test_a_copy_is_no_touch_and_counts_nowhere(shop: Shop, copies: list[Any]) -> None:
    assert send_copies(Outbox(shop.root / "outbox"), copies, soon()) == 2
    assert [mail["Subject"] for mail in shop.mails()] == ["[Copy] Hello Sample"] * 2
    assert shop.sums() == []
    with shop.store.read() as conn:
        for table in (touch, request, campaign_run):
            assert conn.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_events_about_a_copy_name_no_touch(copies: list[Any]) -> None:
    with FakeSendGrid() as fake, in_environment(RAPPORT_TEST_KEY=fake.key):
        channel = SendGrid(Options("RAPPORT_TEST_KEY", fake.url))
        assert send_copies(channel, [*copies, replace(copies[0], touch_id=-3, to_address="no-at")], soon()) == 2
        channel.drained()
        assert {mail.touch for mail in fake.mails} == {""}
        assert fake.refusals == []


def news(shop: Shop, seeds: str = "seeds: [mia@shop.example]\n", **keys: str) -> None:
    shop.write({"config/rapport.yaml": SETTINGS + "delivery: {batch: 1}\n" + seeds})
    keys = {"kind": "broadcast", "enter": "{every: day, at: '12:00'}", **keys}
    start(shop, NOON, **keys)


def copies_in(shop: Shop) -> list[str]:
    return [mail["To"] for mail in shop.mails() if mail["Subject"].startswith("[Copy]")]


def test_a_broadcast_is_copied_once_for_each_run(shop: Shop) -> None:
    news(shop)
    shop.customer("alice")
    shop.customer("bea")
    shop.tick(NOON)
    shop.tick(NOON)
    assert copies_in(shop) == ["mia@shop.example"]
    shop.tick(NOON.replace(day=16))
    assert copies_in(shop) == ["mia@shop.example"] * 2
    assert [row[3] for row in shop.touches()] == ["sent"] * 4


def test_nobody_gets_a_copy_of_what_is_sent_to_nobody_or_is_no_broadcast(shop: Shop) -> None:
    news(shop, audience="{attribute: country, is: DE}")
    shop.customer("alice")
    shop.tick(NOON)
    news(shop, kind="nurture", enter="{event: signed_up}")
    shop.event("alice", "signed_up", NOON)
    shop.tick(NOON)
    assert copies_in(shop) == []
    assert [row[3] for row in shop.touches()] == ["sent"]


def test_a_copy_that_fails_keeps_no_mail_from_leaving(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> int:
        raise RuntimeError("no")

    monkeypatch.setattr("outreach.seeds.send_copies", refuses)
    news(shop)
    shop.customer("alice")
    shop.tick(NOON)
    assert [mail["To"] for mail in shop.mails()] == ["Alice <alice@example.com>"]
