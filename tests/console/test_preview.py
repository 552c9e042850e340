"""A preview is made by the renderer that sends: of a sent mail it is that mail, of a future one a sample of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from console.preview import Shown, preview_mail
from crm_store.consent.keys import link_keys
from crm_store.errors import ContentError, RapportError, UsageError
from crm_store.schema import touch
from outreach.channels.gallery import part
from outreach.links import Signer
from outreach.rendering.samples import SAMPLE_CODE
from tests.world import NOON, Shop

WELCOME = """\
kind: nurture
status: live
topic: offers
enter: {event: order}
offers: {gift: {discount: 15 %, code: unique, valid: 3 days}}
steps:
  - {send: gift, offer: gift}
  - wait: 1 day
  - send: again
"""
BODY = """\
<html><head><style>p { color: red } @media (max-width: 1px) { p { color: blue } }</style></head><body>
<p>Dear {{ customer.first_name or 'you' }}, thanks for {{ (event.amount or 0) | money(event.currency) }}.</p>
{% if customer.tier %}<p>{{ customer.tier }}</p>{% endif %}
<p>{{ offer.code }} until {{ offer.valid_until | date }}</p><a href="{{ links.unsubscribe }}">leave</a>
</body></html>
"""


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """Alice has ordered and may be written to; the campaign is published."""
    shop.campaign("welcome", WELCOME)
    shop.write({"templates/gift/body.html.j2": BODY})
    shop.customer("alice", first_name="Zoë <b>& 李\r\nBcc: x", attributes={"tier": "gold"})
    shop.event("alice", "order", NOON - timedelta(hours=1), amount="49.90")
    shop.publish()
    return shop


def shown(shop: Shop, step: str | None = None, customer: str = "alice", campaign: str = "welcome") -> Shown:
    return preview_mail(shop.workspace, shop.store, NOON, campaign, step, customer)


def test_the_preview_of_a_sent_mail_is_that_mail_byte_for_byte(shop: Shop) -> None:
    shop.tick()
    (mail,) = shop.mails()
    seen = shown(shop, "gift")
    assert seen.html.encode() == part(mail, "html").encode()
    assert seen.text.encode() == part(mail, "plain").encode()
    assert (seen.headers["Subject"], seen.headers["Message-ID"]) == (mail["Subject"], mail["Message-ID"])
    assert seen.headers["Status"] == "this mail left as touch 1 (2026-06-15 12:00:00Z)"


def test_it_stays_so_after_the_template_the_settings_and_the_customer_have_changed(shop: Shop) -> None:
    shop.tick()
    before = shown(shop, "gift")
    shop.write({"templates/gift/body.html.j2": "<p>other</p>", "templates/gift/subject.j2": "other"})
    shop.write({"config/rapport.yaml": (shop.root / "config/rapport.yaml").read_text().replace("Test Shop", "New Shop")})
    shop.customer("alice", first_name="Other", attributes={"tier": "silver"})
    shop.publish()
    assert shown(shop, "gift") == before


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("dispatched", "touch 1: this mail is being sent; whether it has left is not known yet"),
        (
            "in_doubt",
            "touch 1 is in doubt (lease): nobody knows whether this mail has left; it is not sent again by itself",
        ),
    ],
)
def test_of_a_mail_that_may_have_left_it_says_what_is_known(shop: Shop, state: str, status: str) -> None:
    shop.tick()
    shop.store.write(lambda conn: conn.execute(update(touch).values(state=state, reason="lease", sent_at=None)))
    assert shown(shop, "gift").headers["Status"] == status


def test_of_a_customer_without_the_event_that_enters_that_is_said(shop: Shop) -> None:
    shop.customer("bob")
    shop.write({"templates/gift/body.html.j2": "<p>{{ event.at | date }}</p>"})
    with pytest.raises(RapportError, match="bob has no 'order' event, which is what enters this campaign"):
        shown(shop, "gift", "bob")


@pytest.mark.parametrize("state", ["due", "failed", "skipped"])
def test_a_mail_that_was_not_accepted_has_not_left(shop: Shop, state: str) -> None:
    shop.tick()
    shop.store.write(lambda conn: conn.execute(update(touch).values(state=state)))
    assert "SAMPLE" in shown(shop, "gift").headers["Status"]


def test_a_mail_that_is_not_sent_yet_is_a_marked_sample(shop: Shop) -> None:
    seen = shown(shop, "gift")
    assert seen.headers["Status"].startswith("SAMPLE: touch number, code, links, Date and Message-ID will be others")
    assert (seen.headers["From"], seen.headers["To"]) == ("Test Shop <hello@test-shop.example>", "alice@example.com")
    assert SAMPLE_CODE in seen.html
    assert "€49.90" in seen.html


def test_a_sample_is_the_later_mail_but_for_code_and_links(shop: Shop) -> None:
    sample = shown(shop, "gift")
    shop.tick()
    sent = shown(shop, "gift")
    code = sent.text.partition(" until")[0].rpartition("\n")[2]
    link, sent_link = (one.text.partition("https://")[2].partition(">")[0] for one in (sample, sent))
    assert sample.text.replace(SAMPLE_CODE, code).replace(link, sent_link) == sent.text
    assert sample.headers["Subject"] == sent.headers["Subject"]


def test_the_links_of_a_sample_opt_nobody_out(shop: Shop) -> None:
    token = shown(shop, "gift").text.partition("/u/")[2].partition(">")[0]
    with shop.store.read() as conn:
        assert Signer("", link_keys(conn)).read(token) is None


def test_a_preview_changes_nothing_in_the_store(shop: Shop) -> None:
    shown(shop, "gift")
    with shop.store.read() as conn:
        assert conn.execute(select(touch)).first() is None


def test_without_a_step_the_first_mail_is_shown(shop: Shop) -> None:
    assert shown(shop) == shown(shop, "gift")


def test_the_working_tree_is_shown_published_or_not(shop: Shop) -> None:
    shop.write({"templates/again/subject.j2": "Quite new"})
    assert shown(shop, "again").headers["Subject"] == "Quite new"


def test_another_mails_fault_is_in_nobodys_way(shop: Shop) -> None:
    shop.write({"templates/again/subject.j2": "{% if %}"})
    assert shown(shop, "gift").html
    with pytest.raises(ContentError, match=r"^templates/again/subject.j2:1: not Jinja: "):
        shown(shop, "again")


def test_a_customer_without_an_address_can_be_looked_at(shop: Shop) -> None:
    shop.customer("dave", email=...)
    assert shown(shop, "again", "dave").headers["To"] == "(no address)"


def test_what_is_missing_for_this_customer_is_said_with_its_line_and_without_her_data(shop: Shop) -> None:
    shop.customer("bob", first_name=..., last_name="Secret")
    shop.write({"templates/again/body.html.j2": "<p>\n{{ customer.first_name }}</p>"})
    with pytest.raises(RapportError) as raised:
        shown(shop, "again", "bob")
    assert str(raised.value) == (
        "templates/again/body.html.j2:2: can't be rendered for this customer: "
        "'customer.first_name' has no value here; write e.g. {{ customer.first_name or 'there' }}"
    )


def test_an_error_that_would_quote_a_value_is_named_only(shop: Shop) -> None:
    shop.write({"templates/again/body.html.j2": "{{ {}[customer.email] }}"})
    with pytest.raises(RapportError, match=r"^templates/again/body.html.j2:1: can't .*: UndefinedError$"):
        shown(shop, "again")


@pytest.mark.parametrize(
    ("campaign", "step", "customer", "said"),
    [
        ("welcom", None, "alice", "campaign 'welcom' is not in config/campaigns; did you mean 'welcome'?"),
        ("welcome", "gft", "alice", "campaign 'welcome' has no mail 'gft'; did you mean 'gift'?"),
        ("welcome", "wait before again", "alice", "campaign 'welcome' has no mail 'wait before again'"),
        ("welcome", None, "alicia", "customer 'alicia' is not in the store"),
        ("welcome", None, "", "whose mail? name a customer: --customer KEY"),
        ("waiting", None, "alice", "campaign 'waiting' has no step that sends a mail"),
    ],
)
def test_a_name_that_is_not_known_is_said(shop: Shop, campaign: str, step: str | None, customer: str, said: str) -> None:
    shop.campaign("waiting", "kind: nurture\ntopic: offers\nenter: {event: order}\nsteps: [{wait: 1 day}]\n")
    with pytest.raises(UsageError) as raised:
        shown(shop, step, customer, campaign)
    assert str(raised.value).startswith(said)
