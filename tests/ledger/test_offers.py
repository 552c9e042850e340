"""Offers: one code an enrolment and name, issued once the gates have passed, worth and valid as the file says."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crm_store.schema import customer, offer, touch
from tests.journeys.files import said_of, start
from tests.ledger.channels import Told, accept, refuse, use
from tests.ledger.rows import LONG_GONE, change, planned
from tests.world import NOON, WITHDRAWN, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TWICE = "[{send: gift, offer: treat}, {wait: 1 day}, {send: gift, offer: treat, name: reminder}]"


def offers(terms: str) -> dict[str, str]:
    return {"offers": f"{{treat: {{{terms}}}}}", "steps": "[{send: gift, offer: treat}]"}


def codes(shop: Shop) -> list[tuple[Any, ...]]:
    """(customer, name, code, unique, issued at, valid until) of every code."""
    columns = (offer.c.name, offer.c.code, offer.c.is_unique, offer.c.issued_at, offer.c.valid_until)
    chosen = select(customer.c.key, *columns).join(customer, customer.c.id == offer.c.customer_id)
    with shop.store.read() as conn:
        return [tuple(row) for row in conn.execute(chosen.order_by(customer.c.key, offer.c.id))]


def test_each_enrolment_gets_a_code_of_its_own_and_the_reminder_repeats_it(shop: Shop) -> None:
    planned(shop, "alice", "bob", **{**offers("discount: 15 %, code: unique"), "steps": TWICE})
    shop.tick()
    shop.tick(NOON + DAY)
    found = codes(shop)
    assert [row[0] for row in found] == ["alice", "bob"]
    assert len({row[2] for row in found}) == 2
    texts = [mail.get_body(("plain",)).get_content() for mail in shop.mails()]
    assert [sum(row[2] in text for text in texts) for row in found] == [2, 2]


def test_who_may_not_be_written_to_gets_no_code(shop: Shop) -> None:
    planned(shop, "alice", "bob", **offers("discount: 15 %, code: unique"))
    shop.customer("alice", consents=WITHDRAWN)
    shop.deliver()
    assert [row[0] for row in codes(shop)] == ["bob"]


def test_a_second_try_keeps_the_code(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    first = use(Told(refuse(permanent=False)), monkeypatch)
    planned(shop, "alice", **offers("discount: 15 %, code: unique"))
    shop.deliver()
    second = use(Told(accept), monkeypatch)
    change(shop, touch, {"retry_at": LONG_GONE})
    shop.deliver(NOON + HOUR)
    assert first.mails[0].text == second.mails[0].text
    assert [row[4] for row in codes(shop)] == [NOON]


def test_a_shared_code_is_the_same_for_all(shop: Shop) -> None:
    planned(shop, "alice", "bob", **offers("discount: 15 %, code: SUMMER"))
    shop.deliver()
    assert [row[:4] for row in codes(shop)] == [("alice", "treat", "SUMMER", False), ("bob", "treat", "SUMMER", False)]


def test_another_occasion_gets_another_code(shop: Shop) -> None:
    start(shop, enter="{event: cart_updated}", again="per event", **offers("discount: 15 %, code: unique"))
    shop.customer("alice")
    for ago in (HOUR, 2 * HOUR):
        shop.event("alice", "cart_updated", ago)
    shop.tick()
    assert len({row[2] for row in codes(shop)}) == 2


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ("discount: 15 %", "15%"),
        ("discount: 12.5 %", "12.5%"),
        ("discount: 5 EUR", "€5.00"),
        ("item: shipping", "shipping"),
        ("item: beans", "beans"),
        ("gift: A warm scarf", "A warm scarf"),
        ("gift: A cup", "A cup"),
    ],
)
def test_a_code_is_worth_what_the_file_says(shop: Shop, terms: str, said: str) -> None:
    planned(shop, "alice", **offers(f"{terms}, code: unique"))
    shop.deliver()
    assert shop.mails()[0]["Subject"] == f"{said} for you"


VALID = {
    "3 days": "2026-06-18 12:00",
    "1 month": "2026-07-15 12:00",
    "until 2026-06-30": "2026-06-30 15:00",  # the end of that day in Tokyo
    "until 2026-06-30 18:00": "2026-06-30 16:00",  # that moment, of the company in Berlin
    "until 10 days after entered": "2026-06-25 15:00",
    "until trigger": "2026-06-15 15:00",
}


def test_a_code_is_valid_for_so_long_or_until_the_end_of_that_day_where_the_customer_lives(shop: Shop) -> None:
    named = {f"o{number}": text for number, text in enumerate(VALID)}
    terms = ", ".join(f"{name}: {{discount: 5 %, code: unique, valid: {text}}}" for name, text in named.items())
    steps = ", ".join(f"{{send: gift, offer: {name}, name: {name}}}" for name in named)
    start(shop, offers=f"{{{terms}}}", steps=f"[{steps}]")
    shop.customer("alice", time_zone="Asia/Tokyo")
    shop.event("alice", "signed_up", HOUR)
    shop.tick()
    ends = {named[row[1]]: row[5] for row in codes(shop)}
    assert ends == {text: datetime.fromisoformat(f"{end}+00:00") for text, end in VALID.items()}


def test_a_code_without_valid_never_ends(shop: Shop) -> None:
    planned(shop, "alice", **offers("discount: 15 %, code: unique"))
    shop.deliver()
    assert codes(shop)[0][5] is None


def test_a_birthdays_code_is_valid_until_a_day_of_that_birthday(shop: Shop) -> None:
    terms = offers("discount: 15 %, code: unique, valid: until 14 days after birthday")
    start(shop, kind="occasion", enter="{date: 3 days before birthday, at: '09:00'}", **terms)
    shop.customer("alice", birthday="--06-18", time_zone="UTC")
    shop.tick()
    assert codes(shop)[0][5] == datetime.fromisoformat("2026-07-03T00:00:00+00:00")


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ("discount: 15 %", "needs 'code'"),
        ("code: unique", "needs exactly one of discount, item, gift"),
        ("discount: 15 %, gift: scarf, code: unique", "needs exactly one of discount, item, gift"),
        ("discount: 115 %, code: unique", "is not a percentage"),
        ("discount: 15 %, code: unique, valid: until birthday", "not known here"),
        ("discount: 15 %, code: unique, budget: 10", "'budget' is not built yet"),
    ],
)
def test_an_offer_that_can_mean_nothing_is_refused(tmp_path: Path, terms: str, said: str) -> None:
    assert said in said_of(tmp_path, **offers(terms))


def test_a_step_can_only_give_an_offer_of_its_file(tmp_path: Path) -> None:
    assert "did you mean 'treat'" in said_of(
        tmp_path, **{**offers("gift: x, code: unique"), "steps": "[{send: gift, offer: treet}]"}
    )


@pytest.mark.parametrize(
    ("valid", "said"),
    [
        ("until 14 days after birthday", "until July 2, 2026."),
        ("until 2026-06-30", "until June 30, 2026."),
        ("until 2026-06-30 18:00", "until June 30, 2026, 12:00\u202fPM."),
        ("3 days", "until June 18, 2026, 8:00\u202fAM."),
    ],
)
def test_a_mail_says_the_last_day_on_which_its_code_works(shop: Shop, valid: str, said: str) -> None:
    terms = offers(f"discount: 15 %, code: unique, valid: {valid}")
    start(shop, kind="occasion", enter="{date: 3 days before birthday, at: '08:00'}", **terms)
    shop.write({"templates/gift/body.html.j2": "<p>until {{ offer.valid_until | moment }}.</p> {{ links.unsubscribe }}"})
    shop.customer("alice", birthday="--06-18", time_zone="America/New_York")
    shop.publish()
    shop.tick()
    assert said in shop.mails()[0].get_body(("plain",)).get_content()
