"""What the vocabulary lacks, as lines to paste - which are then accepted, and complete."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from crm_store.insight.words import suggestions
from tests.world import NOON, VOCABULARY, Shop

EMPTY = "topics: {}\n"
ATTRIBUTES: dict[str, Any] = {
    "tier": "gold",
    "points": 12,
    "share": 0.5,
    "vip": True,
    "since": "2026-01-31",
    "seen": "2026-01-31T09:00:00Z",
    "no_day": "2026-02-31",
    "mixed": 1,
    "address": {"street": "1 Road", "geo": {"floor": 2}},
    "list": [1, 2],
    "no": "no",
    "1st choice": "x",
    "it's: odd, {really} #1": "x",
    "größe": "XL",
    'quo"ted': "x",
    "back\\slash": "x",
}
PROPERTIES = {"store": "12", "size": 5, "deep": {"er": True}, "when": "2026-01-31", "no": "x", "a, b}": 1}


def suggested(shop: Shop) -> list[str]:
    with shop.store.read() as conn:
        return suggestions(conn, shop.workspace.vocabulary)


def fill(shop: Shop) -> None:
    """A store full of words that no vocabulary names."""
    given = {"channel": "email", "state": "given", "at": "2026-01-01"}
    consents = [{**given, "topic": topic} for topic in ("offers", "wine & food")]
    shop.customer("alice", attributes=ATTRIBUTES, consents=consents)
    shop.customer("bob", attributes={"mixed": "much", "points": 3.5}, consents=[])
    shop.event("alice", "order", NOON, amount="5", properties=PROPERTIES)
    shop.event("alice", "order", NOON, amount="700", currency="JPY")
    shop.event("bob", "came: back", NOON)
    shop.event("bob", "no", NOON, properties={"why": "x"})


@pytest.mark.parametrize("vocabulary", [EMPTY, VOCABULARY])
def test_nothing_is_suggested_for_an_empty_store(shop: Shop, vocabulary: str) -> None:
    shop.write({"config/vocabulary.yaml": vocabulary})
    assert suggested(shop) == []


def test_every_word_is_suggested_with_its_type(shop: Shop) -> None:
    shop.write({"config/vocabulary.yaml": EMPTY})
    fill(shop)
    said = yaml.load("\n".join(suggested(shop)), Loader=yaml.BaseLoader)
    assert {name: one["type"] for name, one in said["attributes"].items()} == {
        "tier": "text",
        "points": "number",
        "share": "number",
        "vip": "yes-no",
        "since": "date",
        "seen": "instant",
        "no_day": "text",
        "mixed": "text",
        "address.street": "text",
        "address.geo.floor": "number",
        "no": "text",
        "1st choice": "text",
        "it's: odd, {really} #1": "text",
        "größe": "text",
    }
    types = {"store": "text", "size": "number", "deep.er": "yes-no", "when": "date", "no": "text", "a, b}": "number"}
    assert said["events"] == {
        "order": {"happens": "repeatedly", "amount": "yes", "properties": types},
        "came: back": {"happens": "repeatedly"},
        "no": {"happens": "repeatedly", "properties": {"why": "text"}},
    }
    assert said["topics"] == {"offers": {}, "wine & food": {}}
    assert said["currencies"] == ["EUR", "JPY"]


def test_pasted_into_a_vocabulary_it_is_accepted_and_complete(shop: Shop) -> None:
    shop.write({"config/vocabulary.yaml": ""})
    fill(shop)
    lines = suggested(shop)
    assert lines != []
    shop.write({"config/vocabulary.yaml": "\n".join(lines) + "\n"})
    assert suggested(shop) == []
    assert {"address.street", "it's: odd, {really} #1"} <= shop.workspace.vocabulary.attributes.keys()


def test_what_is_there_already_stays_as_it_is(shop: Shop) -> None:
    """Lines under the headings that are there, a line of a known event in place of the old one."""
    before = shop.workspace.vocabulary
    fill(shop)
    here = yaml.load(VOCABULARY, Loader=yaml.BaseLoader)
    more = yaml.load("\n".join(suggested(shop)), Loader=yaml.BaseLoader)
    merged = {name: here[name] | more.get(name, {}) for name in ("attributes", "events", "topics")}
    shop.write({"config/vocabulary.yaml": yaml.safe_dump({**merged, "currencies": more["currencies"]})})
    assert suggested(shop) == []
    after = shop.workspace.vocabulary
    assert before.attributes.items() <= after.attributes.items()
    assert before.events["order"].properties.items() <= after.events["order"].properties.items()
    assert (after.events["order"].happens, after.events["order"].amount) == ("repeatedly", True)
    assert after.events["cart_updated"] == before.events["cart_updated"]


def test_a_known_event_keeps_its_title_and_how_it_happens(shop: Shop) -> None:
    known = "visit: {title: A visit to the shop, happens: per place, properties: {place: text}}"
    shop.write({"config/vocabulary.yaml": f"events: {{{known}}}\ntopics: {{offers: {{}}, news: {{}}}}\n"})
    shop.customer("alice")
    shop.event("alice", "visit", NOON, properties={"place": "Bonn", "hours": 2})
    assert suggested(shop) == [
        "events:",
        "  visit: {title: 'A visit to the shop', happens: 'per place', properties: {place: text, hours: number}}"
        "  # instead of the line there",
    ]


def test_what_is_named_once_is_not_suggested_again_by_parts(shop: Shop) -> None:
    shop.customer("alice", attributes={"tier": "gold", "address": {"street": "1 Road"}})
    assert suggested(shop) == []
