"""reachable: an address that is not suppressed and consent to the topic, as of now and as history has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from crm_store.clock import machine_instant
from crm_store.consent.record import ConsentFact, SuppressionFact, record_consents, suppress
from crm_store.schema import customer
from tests.segmentation.asking import Audience
from tests.world import NOON

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
# Days before NOON (after it, if negative) at which something was said about offers by e-mail.
HISTORIES: Mapping[str, list[tuple[str, float]]] = {
    "given": [("given", 10)],
    "never": [],
    "pending": [("pending", 10)],
    "confirmed": [("pending", 10), ("given", 9)],
    "withdrawn": [("given", 10), ("withdrawn", 5)],
    "lapsed": [("given", 10), ("lapsed", 5)],
    "given again": [("given", 10), ("withdrawn", 5), ("given", 1)],
    "will withdraw": [("given", 10), ("withdrawn", -5)],
    "will give": [("given", -5)],
    "will give again": [("given", 10), ("withdrawn", 5), ("given", -5)],
    "went and comes": [("withdrawn", 20), ("given", 10), ("withdrawn", -1), ("given", -2)],
    "at once": [("given", 5), ("withdrawn", 5)],
    "at once, then more": [("withdrawn", 5), ("given", 5), ("given", -5)],
    "now": [("given", 0)],
    "told late": [("withdrawn", 5), ("given", 10)],
}
GIVEN = {"given", "confirmed", "given again", "will withdraw", "went and comes", "now"}
OFFERS = "reachable: {channel: email, topic: offers}"


@pytest.fixture(scope="module")
def people(audience: Audience) -> Audience:
    """One for each history, told in the order given; and those whose address is missing or suppressed."""
    addresses = {"bounced": "x", "bounces later": "y", "shouting": "LOUD", "other channel": "z"}
    everybody: list[dict[str, Any]] = [{"key": name, "email": f"{n}@example.com"} for n, name in enumerate(HISTORIES)]
    everybody += [{"key": name, "email": f"{local}@example.com"} for name, local in addresses.items()]
    audience.fill([*everybody, {"key": "no address"}])
    for name, history in HISTORIES.items():
        for state, days in history:
            consent(audience, name, state, NOON - days * DAY)
    for name in (*addresses, "no address"):
        consent(audience, name, "given", NOON - 100 * DAY)
    facts = [
        SuppressionFact("email", "x@example.com", "hard_bounce", "test", NOON),
        SuppressionFact("email", "y@example.com", "hard_bounce", "test", NOON + TICK),
        SuppressionFact("email", "loud@example.com", "complaint", "test", NOON - DAY),
        SuppressionFact("sms", "z@example.com", "complaint", "test", NOON - DAY),
    ]
    audience.shop.store.write(suppress, facts)
    return audience


def consent(audience: Audience, key: str, state: str, at: datetime, topic: str = "offers") -> None:
    with audience.shop.store.read() as conn:
        number = conn.execute(customer.select().where(customer.c.key == key)).one().id
    fact = ConsentFact(number, "email", topic, state, at, "test")
    audience.shop.store.write(record_consents, [fact], machine_instant())


def test_consent_is_the_last_that_was_said_up_to_now(people: Audience) -> None:
    assert set(people.chosen(OFFERS)) & set(HISTORIES) == GIVEN


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("days", [30, 10, 9, 5, 1, 0, -1, -2, -5, -30])
def test_consent_is_as_of_any_now(people: Audience, name: str, days: int) -> None:
    """At the instant itself it counts, and of two at one instant the more restrictive."""
    now = NOON - days * DAY
    strict = {"given": 0, "pending": 1, "lapsed": 2, "withdrawn": 3}
    said = sorted(((-at, strict[state], state) for state, at in HISTORIES[name] if NOON - at * DAY <= now))
    assert (name in people.chosen(OFFERS, now)) == (bool(said) and said[-1][2] == "given")


def test_nobody_is_reached_without_an_address_or_on_a_suppressed_one(people: Audience) -> None:
    others = set(people.chosen(OFFERS)) - set(HISTORIES)
    assert others == {"bounces later", "other channel"}


def test_a_suppression_counts_from_its_instant_on(people: Audience) -> None:
    assert {"bounced", "shouting"} <= set(people.chosen(OFFERS, NOON - 2 * DAY))
    assert "bounced" in people.chosen(OFFERS, NOON - TICK)
    assert "bounces later" not in people.chosen(OFFERS, NOON + TICK)


def test_another_topic_is_another_consent(people: Audience) -> None:
    assert people.chosen("reachable: {channel: email, topic: news}") == []
    consent(people, "never", "given", NOON, topic="news")
    assert people.chosen("reachable: {channel: email, topic: news}") == ["never"]
    assert "never" not in people.chosen(OFFERS)


def test_who_is_not_reachable_is_everybody_else(people: Audience) -> None:
    everybody = set(people.chosen("attribute: key, is_set: true"))
    reachable = set(people.chosen(OFFERS))
    assert set(people.chosen(f"not: {{{OFFERS}}}")) == everybody - reachable
