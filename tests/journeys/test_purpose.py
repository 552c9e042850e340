"""`purpose: service`: what a customer is owed reaches her without consent, but never without an address that takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_store.consent.record import SuppressionFact, suppress
from crm_store.journeys.purpose import service_lines
from tests.content.checking import checked
from tests.journeys.files import journey, outcomes, said_of, start
from tests.world import MAIL, NOON, WITHDRAWN, Shop

SERVICE: dict[str, str | None] = {"purpose": "service", "basis": "the contract", "topic": None}


def enter(shop: Shop, **fields: object) -> None:
    shop.customer("anna", **fields)
    shop.event("anna", "signed_up", NOON)


@pytest.mark.parametrize(
    ("keys", "outcome"),
    [
        (SERVICE, ("anna", "hello", "sent", None)),
        ({"purpose": "marketing"}, ("anna", "hello", "skipped", "no_consent")),
    ],
)
def test_service_asks_for_no_consent(shop: Shop, keys: dict[str, str | None], outcome: tuple[str, ...]) -> None:
    start(shop, NOON, **keys)
    enter(shop, consents=WITHDRAWN)
    shop.tick()
    assert outcomes(shop) == [outcome]


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [("hard_bounce", ("skipped", "suppressed")), ("complaint", ("sent", None)), ("unsubscribed", ("sent", None))],
)
def test_only_an_address_that_takes_nothing_stops_service(shop: Shop, reason: str, outcome: tuple[str, ...]) -> None:
    start(shop, NOON, **SERVICE)
    enter(shop)
    shop.store.write(suppress, [SuppressionFact("email", "anna@example.com", reason, "test", NOON)])
    shop.tick()
    assert outcomes(shop) == [("anna", "hello", *outcome)]


def test_nobody_is_served_without_an_address(shop: Shop) -> None:
    start(shop, NOON, **SERVICE)
    enter(shop, email=...)
    shop.tick()
    assert outcomes(shop) == [("anna", "hello", "skipped", "no_address")]


@pytest.mark.parametrize(("keys", "has"), [(SERVICE, False), ({}, True)])
def test_of_service_nobody_can_unsubscribe(shop: Shop, keys: dict[str, str | None], has: bool) -> None:
    start(shop, NOON, **keys)
    enter(shop)
    shop.tick()
    (mail,) = shop.mails()
    assert (mail["List-Unsubscribe"] is not None) == has


def test_a_mail_of_service_needs_no_link_to_unsubscribe(tmp_path: Path) -> None:
    plain = {
        "templates/hello/body.html.j2": "<p>{{ company.address }}</p>",
        "templates/hello/subject.j2": MAIL["subject.j2"],
    }
    of_service = {"config/campaigns/c.yaml": journey(**SERVICE), **plain}
    assert [hint.what for hint in checked(tmp_path / "s", of_service).hints] == []
    of_marketing = {"config/campaigns/c.yaml": journey(), **plain}
    assert "no link to unsubscribe" in checked(tmp_path / "m", of_marketing).hints[0].what


def test_check_lists_what_is_service(tmp_path: Path) -> None:
    files = {"config/campaigns/c.yaml": journey(**SERVICE), "config/campaigns/d.yaml": journey()}
    assert service_lines(checked(tmp_path, files).campaigns) == [
        "service: campaign 'c' asks for no consent (basis: the contract)"
    ]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"purpose": "servce"}, "'servce' is not one of marketing, service; did you mean 'service'?"),
        ({"topic": None}, "a campaign needs 'topic'"),
        ({"basis": "contract"}, "'basis' goes with `purpose: service`"),
        ({**SERVICE, "basis": None}, "a campaign needs 'basis'"),
        ({**SERVICE, "topic": "offers"}, "a service campaign asks for no consent; take 'topic' out"),
        ({**SERVICE, "offers": "{t: {gift: tea, code: X}}"}, "a service campaign promotes nothing"),
        ({**SERVICE, "hold_out": "5 %"}, "a service campaign is owed to everybody"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, keys: dict[str, str | None], said: str) -> None:
    assert said in said_of(tmp_path, **keys)
