"""Every key of config/rapport.yaml does something: each test fails when its key is ignored.

Elsewhere: `seeds` (tests/outreach/test_seeds.py), `mails_a_day`, `hold_out`, `working_hours` (tests/journeys: test_limit,
test_hold_out, test_follow_up), `delivery.keep_mails` (tests/outreach/test_writing.py), what providers read.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import func, select

from console.cli.session import STORE_VARIABLE, Session
from crm_store.errors import ContentError
from crm_store.ledger import accounts
from crm_store.ledger.claim import Claim, Worker, claim, due_groups
from crm_store.schema import event, request, touch
from tests.content.checking import SETTINGS_FILE, loaded
from tests.world import NOON, Shop

COMPANY = {"name": "Test Shop", "address": "1 Road", "zone": "Europe/Berlin", "locale": "en_US", "currency": "EUR"}
SENDER = {"from": "hello@test-shop.example", "name": "Test Shop"}
WELCOME = "kind: nurture\nstatus: live\ntopic: offers\nenter: {event: signed_up}\nsteps: [{send: hello}]\n"


def flow(values: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}: '{value}'" for name, value in values.items()) + "}"


def settings(company: dict[str, str] | None = None, sender: dict[str, str] | None = None, **more: str) -> str:
    """rapport.yaml: the usual company and sender with these changes, and further keys."""
    lines = {
        "company": flow({**COMPANY, **(company or {})}),
        "public_url": "https://mail.test-shop.example",
        "senders": f"{{default: {flow({**SENDER, **(sender or {})})}}}",
        **more,
    }
    return "".join(f"{name}: {value}\n" for name, value in lines.items())


def mail(shop: Shop, text: str, body: str = "hello", keys: tuple[str, ...] = ("alice",)) -> EmailMessage:
    """The first mail of a welcome under these settings."""
    shop.write({SETTINGS_FILE: text, "templates/hello/body.html.j2": f"<p>{body} {{{{ links.unsubscribe }}}}</p>"})
    shop.campaign("welcome", WELCOME)
    for key in keys:
        shop.customer(key)
        shop.event(key, "signed_up", timedelta(hours=1))
    shop.publish()
    shop.tick()
    found: EmailMessage = shop.mails()[0]
    return found


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize("key", ["name", "address", "currency"])
def test_what_the_company_is_called_stands_in_its_mails(shop: Shop, key: str) -> None:
    value = {"name": "Riverside", "address": "12 Mill Lane", "currency": "USD"}[key]
    assert value in text_of(mail(shop, settings({key: value}), f"{{{{ company.{key} }}}}"))


def test_the_companys_currency_is_that_of_amounts_without_one(shop: Shop) -> None:
    shop.write({SETTINGS_FILE: settings({"currency": "JPY"})})
    shop.customer("alice")
    shop.event("alice", "order", timedelta(0), amount="500")
    with shop.store.read() as conn:
        assert conn.execute(select(event.c.amount, event.c.currency)).one() == (500, "JPY")


@pytest.mark.parametrize(("zone", "members"), [("Europe/Berlin", ["alice"]), ("America/New_York", [])])
def test_the_companys_zone_is_that_of_days(shop: Shop, zone: str, members: list[str]) -> None:
    shop.write({SETTINGS_FILE: settings({"zone": zone})})
    shop.customer("alice")
    shop.event("alice", "order", datetime.fromisoformat("2026-06-14T23:00:00+00:00"))
    shop.segment("today", "{event: order, during: today}")
    assert shop.members("today") == members


def test_the_companys_locale_is_how_mails_write_dates(shop: Shop) -> None:
    assert "15.06.26" in text_of(mail(shop, settings({"locale": "de_DE"}), "{{ '2026-06-15' | date('short') }}"))


def test_the_public_url_is_where_links_lead(shop: Shop) -> None:
    assert "https://other.example/base/" in text_of(mail(shop, settings(public_url="https://other.example/base/")))


def test_the_sender_stands_in_from_and_reply_to(shop: Shop) -> None:
    sent = mail(shop, settings(sender={"from": "a@b.example", "name": "Anna", "reply_to": "service@b.example"}))
    assert (sent["From"], sent["Reply-To"]) == ("Anna <a@b.example>", "service@b.example")


def test_without_reply_to_answers_go_to_the_sender(shop: Shop) -> None:
    assert mail(shop, settings())["Reply-To"] is None


def test_a_sender_may_have_a_postal_address_of_its_own(shop: Shop) -> None:
    sender = {"from": "a@b.example", "name": "Anna", "address": "2 Side Street"}
    assert "2 Side Street" in text_of(mail(shop, settings(sender=sender), "{{ company.address }}"))


def test_a_campaign_chooses_among_the_senders(shop: Shop) -> None:
    text = settings().replace("{default:", "{news: {from: n@b.example, name: News}, default:")
    shop.campaign("news", WELCOME.replace("topic: offers", "topic: offers\nsender: news"))
    mail(shop, text)
    assert {str(sent["From"]) for sent in shop.mails()} == {"News <n@b.example>", "Test Shop <hello@test-shop.example>"}


def test_the_outbox_is_the_folder_mails_are_written_to(shop: Shop) -> None:
    shop.write({SETTINGS_FILE: settings(outbox="sent/here")})
    with pytest.raises(IndexError):
        mail(shop, settings(outbox="sent/here"))
    assert len(list((shop.root / "sent/here").glob("*/*.eml"))) == 1


@pytest.mark.parametrize("form", ["{email: outbx}", "{email: {provider: outbx}}"])
def test_channels_name_the_provider(tmp_path: Path, form: str) -> None:
    assert loaded(tmp_path, {SETTINGS_FILE: settings(channels=form)}).settings.channels["email"].provider == "outbx"
    assert loaded(tmp_path, {SETTINGS_FILE: settings()}).settings.channels["email"].provider == "outbox"


@pytest.mark.parametrize(("batch", "requests"), [("1", 3), ("2", 2), ("500", 1)])
def test_a_batch_is_so_many_touches(shop: Shop, batch: str, requests: int) -> None:
    mail(shop, settings(delivery=f"{{batch: {batch}}}"), keys=("a", "b", "c"))
    with shop.store.read() as conn:
        assert conn.execute(select(func.count()).select_from(request)).scalar_one() == requests


@pytest.mark.parametrize(("wait", "days"), [("2 days", 2), ("7 days", 7)])
def test_a_touch_waits_at_most_so_long(shop: Shop, wait: str, days: int) -> None:
    mail(shop, settings(delivery=f"{{wait_at_most: {wait}}}"))
    with shop.store.read() as conn:
        row = conn.execute(select(touch.c.right_at, touch.c.expires_at)).one()
    assert row.expires_at - row.right_at == timedelta(days=days)


def test_a_lease_lasts_so_long(shop: Shop) -> None:
    leases = [_lease(shop, f"{{lease: {lease}}}", key) for lease, key in (("1 hour", "alice"), ("1000 hours", "bob"))]
    assert leases[1] - leases[0] > timedelta(hours=990)


def _claimed(shop: Shop, worker: Worker) -> Claim:
    """What a worker claims of a campaign that has just been published."""
    shop.publish()
    shop.plan()
    with shop.store.read() as conn:
        (group,) = due_groups(conn, NOON, None)
    return shop.store.write(claim, worker, group, NOON, 10, iter(["code"]))


def _lease(shop: Shop, delivery: str, key: str) -> datetime:
    """Until when a touch of this customer, claimed now, is leased."""
    shop.write({SETTINGS_FILE: settings(delivery=delivery)})
    shop.campaign("welcome", WELCOME)
    shop.customer(key)
    shop.event(key, "signed_up", timedelta(hours=1))
    claimed = _claimed(shop, Worker("test", {}))
    with shop.store.read() as conn:
        until: datetime = conn.execute(select(touch.c.lease_until).where(touch.c.id.in_(claimed.touch_ids))).scalar_one()
    return until


def test_the_store_is_where_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORE_VARIABLE, "")
    workspace = loaded(tmp_path / "shop", {SETTINGS_FILE: settings(store="sqlite:///elsewhere.db")})
    here = Session(workspace_option=workspace.root)
    assert here.store.dialect == "sqlite"
    here.close()
    assert (workspace.root / "elsewhere.db").exists()


def test_the_clock_ticks_every_so_often(tmp_path: Path) -> None:
    assert loaded(tmp_path, {SETTINGS_FILE: settings(clock="{every: 2 hours}")}).settings.clock.every == timedelta(hours=2)
    assert loaded(tmp_path, {SETTINGS_FILE: settings()}).settings.clock.every == timedelta(minutes=5)


def test_texts_are_as_they_are_written(tmp_path: Path) -> None:
    text = settings().replace("'Test Shop'", "NO").replace("'1 Road'", "01067")
    company = loaded(tmp_path, {SETTINGS_FILE: text}).settings.company
    assert (company.name, company.address) == ("NO", "01067")


@pytest.mark.parametrize(("channels", "claimed"), [("{email: outbox}", 3), ("{email: {provider: outbox, rate: 2/s}}", 2)])
def test_a_channel_s_rate_bounds_what_is_claimed(shop: Shop, channels: str, claimed: int) -> None:
    shop.write({SETTINGS_FILE: settings(channels=channels)})
    shop.campaign("welcome", WELCOME)
    for key in ("alice", "bob", "eve"):
        shop.customer(key)
        shop.event(key, "signed_up", timedelta(hours=1))
    assert len(_claimed(shop, Worker("test", shop.workspace.settings.limits)).touch_ids) == claimed


@pytest.mark.parametrize(("channels", "size"), [("{email: outbox}", 1), ("{email: {provider: outbox, connections: 1}}", 0)])
def test_a_channel_s_connections_bound_who_claims(shop: Shop, channels: str, size: int) -> None:
    shop.write({SETTINGS_FILE: settings(channels=channels)})
    limits = shop.workspace.settings.limits["email"]
    shop.store.write(accounts.ensure_account, "email")
    shop.store.write(accounts.hold, "email", "another", NOON + timedelta(hours=1))
    permit = shop.store.write(accounts.permit, "email", limits, "me", timedelta(minutes=1), 1, NOON)
    assert permit.size == size


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("{provider: outbox, rate: fast}", "rate: 'fast' is not a rate of mails"),
        ("{provider: outbox, connections: 0}", "connections: '0' must be a whole number from 1 to 999"),
        ("{rate: 1/s}", "a channel needs 'provider'"),
    ],
)
def test_a_wrong_channel_is_said_with_its_line(tmp_path: Path, channel: str, said: str) -> None:
    with pytest.raises(ContentError, match=rf"rapport.yaml:\d+: {said}"):
        _ = loaded(tmp_path / "shop", {SETTINGS_FILE: settings(channels=f"{{email: {channel}}}")}).settings
