"""The values a mail may use: plain JSON, everything declared is there, and samples have the shape of the real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Send
from crm_store.ledger.material import Material, customer_values, latest_event, of_customer
from outreach.links import Link, Purpose, Signer
from outreach.rendering.context import NAMES, Saying, context, locale_for, with_nothing
from outreach.rendering.samples import SAMPLE_CODE, sample_contexts, sample_offer
from tests.world import NOON, Shop

CAMPAIGN = """\
kind: nurture
topic: offers
title: Welcome, you
enter: {event: order}
offers: {gift: {discount: 15 %, code: unique, valid: 3 days}}
steps: [{send: gift, offer: gift}, {send: hello}]
"""
SIGNER = Signer("https://mail.example.com", {1: b"secret"})


@pytest.fixture
def version(plain_shop: Shop) -> Runnable:
    plain_shop.campaign("welcome", CAMPAIGN)
    return plain_shop.check().runnable("welcome")


def send(version: Runnable, name: str = "gift") -> Send:
    step = version.campaign.course.step(name)
    assert isinstance(step, Send)
    return step


def values(shop: Shop, version: Runnable, key: str) -> dict[str, Any]:
    """The context of a mail to a real customer who has ordered."""
    with shop.store.read() as conn:
        row = of_customer(conn, key)
        event = latest_event(conn, row.id, "order", NOON)
    offer = {"name": "gift", "code": "7Q4ZK-M2XHD", "valid_until": NOON.isoformat()}
    material = Material(7, row.id, row.email, customer_values(row), event, offer)
    return context(Saying(version, send(version), SIGNER), material)


def shape(tree: Any, path: str = "") -> set[str]:
    """The dotted names of a tree."""
    if not isinstance(tree, Mapping):
        return {path}
    return {name for key, inner in tree.items() for name in shape(inner, f"{path}.{key}".lstrip("."))}


def test_what_is_declared_is_there_and_none_if_nobody_knows_it(plain_shop: Shop, version: Runnable) -> None:
    plain_shop.customer("alice", attributes={"tier": "gold"})
    plain_shop.event("alice", "order", NOON, amount="12.50", properties={"store": "north"})
    found = values(plain_shop, version, "alice")
    assert tuple(found) == NAMES
    customer, event = found["customer"], found["event"]
    assert (customer["tier"], customer["points"], customer["address"]) == ("gold", None, {"street": None})
    assert (customer["first_name"], customer["birthday"], customer["city"]) == ("Alice", None, None)
    assert (event["store"], event["size"], event["amount"], event["currency"]) == ("north", None, "12.50", "EUR")


def test_samples_have_exactly_the_names_of_a_real_mail(plain_shop: Shop, version: Runnable) -> None:
    plain_shop.customer("alice")
    plain_shop.event("alice", "order", NOON)
    real = shape(values(plain_shop, version, "alice"))
    for title, sample in sample_contexts(version, send(version)):
        assert shape(sample) == real, title


def test_a_full_sample_has_every_value_and_a_bare_one_an_address_alone(version: Runnable) -> None:
    (_, full), (_, bare) = sample_contexts(version, send(version))
    assert None not in {value for name, value in full["customer"].items() if name != "address"}
    assert [name for name, value in bare["customer"].items() if value not in (None, {"street": None})] == ["email"]


def test_a_step_without_an_offer_has_none(version: Runnable) -> None:
    assert [sample["offer"] for _, sample in sample_contexts(version, send(version, "hello"))] == [None, None]


def test_a_sample_offer_is_marked_and_counts_from_now(version: Runnable) -> None:
    offer = sample_offer(version, send(version), NOON)
    assert offer is not None
    assert (offer["code"], offer["valid_until"]) == (SAMPLE_CODE, "2026-06-18T12:00:00+00:00")
    assert "SAMPL" in SAMPLE_CODE


@pytest.mark.parametrize(
    ("zone", "end", "said"),
    [
        ("UTC", "2018-01-18T00:00:00+00:00", "2018-01-17"),
        ("America/New_York", "2018-01-18T05:00:00+00:00", "2018-01-17"),
        ("America/New_York", "2018-01-18T00:00:00+00:00", "2018-01-18T00:00:00+00:00"),
        ("UTC", "2018-01-18T09:30:00+00:00", "2018-01-18T09:30:00+00:00"),
        ("America/Asuncion", "2020-10-04T04:00:00+00:00", "2020-10-03"),  # that day began at one o'clock
    ],
)
def test_a_code_that_ends_with_a_day_is_said_to_work_until_that_day(
    plain_shop: Shop, version: Runnable, zone: str, end: str, said: str
) -> None:
    customer = {"email": "a@example.com", "time_zone": zone}
    offer = {"name": "gift", "code": "7Q4ZK-M2XHD", "valid_until": end}
    material = Material(7, 1, "a@example.com", customer, None, offer)
    assert context(Saying(version, send(version), SIGNER), material)["offer"]["valid_until"] == said


def test_a_code_for_all_is_shown_as_it_is(plain_shop: Shop) -> None:
    text = CAMPAIGN.replace("code: unique", "code: SUMMER-26").replace("valid: 3 days", "valid: until 2026-06-30")
    plain_shop.campaign("welcome", text)
    version = plain_shop.check().runnable("welcome")
    offer = sample_offer(version, send(version), NOON)
    assert offer == {"name": "gift", "code": "SUMMER-26", "valid_until": "2026-06-30T22:00:00+00:00"}


@pytest.mark.parametrize(
    ("declared", "given", "result"),
    [
        (["a"], {}, {"a": None}),
        (["a"], {"a": 1, "b": 2}, {"a": 1, "b": 2}),
        (["a.b.c", "a.d"], {}, {"a": {"b": {"c": None}, "d": None}}),
        (["a.b"], {"a": {"c": 1}}, {"a": {"c": 1, "b": None}}),
        (["a.b"], {"a": None}, {"a": {"b": None}}),
        (["a.b"], {"a": "a text"}, {"a": "a text"}),
    ],
)
def test_missing_names_are_added_in_depth(declared: list[str], given: dict[str, Any], result: dict[str, Any]) -> None:
    kept = json.dumps(given)
    assert with_nothing(frozenset(declared), given) == result
    assert json.dumps(given) == kept


def test_links_are_of_this_customer_and_this_touch(plain_shop: Shop, version: Runnable) -> None:
    plain_shop.customer("alice")
    plain_shop.event("alice", "order", NOON)
    links = values(plain_shop, version, "alice")["links"]
    read = {name: SIGNER.read(url.rpartition("/")[2]) for name, url in links.items()}
    assert read == {"unsubscribe": Link(Purpose.UNSUBSCRIBE, 1, 7), "preferences": Link(Purpose.PREFERENCES, 1, 7)}
    assert "alice" not in str(links)


def test_the_campaign_the_company_and_the_benefit_are_said(plain_shop: Shop, version: Runnable) -> None:
    plain_shop.customer("alice", locale="en_GB", time_zone="Asia/Tokyo")
    plain_shop.event("alice", "order", NOON)
    found = values(plain_shop, version, "alice")
    assert found["campaign"] == {"name": "welcome", "title": "Welcome, you", "topic": "offers"}
    assert found["company"] == {"name": "Test Shop", "address": "1 Road", "currency": "EUR"}
    assert (found["offer"]["benefit"], found["locale"], found["zone"]) == ("15%", "en_GB", "Asia/Tokyo")


@pytest.mark.parametrize(
    ("customer", "zone"),
    [
        ({"time_zone": "Asia/Tokyo"}, "Asia/Tokyo"),
        ({"time_zone": "Mars/Base"}, "Europe/Berlin"),
        ({"time_zone": "Mars/Base", "country": "JP"}, "Asia/Tokyo"),
        ({"country": "FR"}, "Europe/Paris"),
        ({"country": "US"}, "Europe/Berlin"),
        ({}, "Europe/Berlin"),
    ],
)
def test_days_are_those_of_the_customers_zone_else_of_the_countrys_else_of_the_companys(
    version: Runnable, customer: dict[str, Any], zone: str
) -> None:
    material = Material(1, 1, "a@example.com", customer, None, None)
    assert context(Saying(version, send(version), SIGNER), material)["zone"] == zone


@pytest.mark.parametrize(
    ("customers", "companys", "taken"),
    [
        ("en_GB", "en_US", "en_GB"),
        ("en", "en_US", "en"),
        ("es_ES", "en_US", "en_US"),
        ("de_AT", "de_DE", "de_AT"),
        (None, "de_DE", "de_DE"),
        ("xx_YY", "en_US", "en_US"),
        ("not a locale", "en_US", "en_US"),
        ("en-GB", "en_US", "en_US"),
    ],
)
def test_a_locale_counts_where_it_is_of_the_mails_language(customers: str | None, companys: str, taken: str) -> None:
    assert locale_for(customers, companys) == taken
