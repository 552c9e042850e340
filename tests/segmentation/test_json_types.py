"""Attributes are JSON: a value that is not of the declared type is missing, and hurts nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from crm_store.schema import customer, event
from tests.segmentation.asking import Audience

FILES = {
    "config/vocabulary.yaml": """\
attributes:
  t: {type: text}
  n: {type: number}
  y: {type: yes-no}
  d: {type: date}
  i: {type: instant}
  p: {type: text path}
  in.side: {type: text}
  in.deep.er: {type: number}
  "it's 100% %(odd)s :name ?": {type: text}
events: {order: {properties: {t: text, n: number, y: yes-no, in.side: text}}}
"""
}
# Values as a store holds them that were imported before the vocabulary said what they are, by who has them.
ODD: dict[str, Any] = {
    "text": "7",
    "number": 7,
    "float": 7.5,
    "yes": True,
    "no": False,
    "null": None,
    "list": [7, "7", True],
    "object": {"7": 7},
    "empty": "",
    "date": "2026-06-15",
    "no date": "2026-6-15",
    "longer": "2026-06-15T10:00:00Z",
    "instant": "2026-06-15T10:00:00.000000Z",
    "huge": 10**30,
    "tiny": 1e-30,
}
TEXTS = {"text", "empty", "date", "no date", "longer", "instant"}
NAMES = ("t", "n", "y", "d", "i", "p", "it's 100% %(odd)s :name ?")


@pytest.fixture(scope="module")
def people(audience: Audience) -> Audience:
    """For each value somebody whose every attribute it is, and who has an event whose every property it is."""
    audience.fill(({"key": key} for key in ODD), ({"customer": key, "event": "order", "at": "2026-06-01"} for key in ODD))
    with audience.shop.store.engine.begin() as conn:
        for key, value in ODD.items():
            found = {**dict.fromkeys(NAMES, value), "in": {"side": value, "deep": {"er": value}}}
            changed = update(customer).where(customer.c.key == key).values(attributes=found).returning(customer.c.id)
            number = conn.execute(changed).scalar_one()
            conn.execute(update(event).where(event.c.customer_id == number).values(properties=found))
    return audience


def of_odd(people: Audience, who: str) -> set[str]:
    return set(people.chosen(who)) & set(ODD)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("t, is_set: true", TEXTS),
        ("t, is: '7'", {"text"}),
        ("t, is_not: '7'", {*ODD} - {"text"}),
        ("t, not_contains: '7'", {*ODD} - {"text"}),
        ("n, is_set: true", {"number", "float", "huge", "tiny"}),
        ("n, at_least: 7", {"number", "float", "huge"}),
        ("n, less_than: 0.5", {"tiny"}),
        ("n, is: 1000000000000000000000000000000", {"huge"}),
        ("n, is_not: 7", {*ODD} - {"number"}),
        ("y, is_set: true", {"yes", "no"}),
        ("y, is: true", {"yes"}),
        ("y, is_not: true", {*ODD} - {"yes"}),
        ("d, is_set: true", {"date"}),
        ("d, since: 2000-01-01", {"date"}),
        ("d, during: this year", {"date"}),
        ("d, anniversary: {is: 2030-06-15}", {"date"}),
        ("i, is_set: true", {"instant"}),
        ("i, since: 2000-01-01", {"instant"}),
        ("i, before: 2030-01-01", {"instant"}),
        ("p, under: '7'", {"text"}),
        ("in.side, is: '7'", {"text"}),
        ("in.side, is_set: true", TEXTS),
        ("in.deep.er, at_least: 7", {"number", "float", "huge"}),
        ("\"it's 100% %(odd)s :name ?\", is: '7'", {"text"}),
    ],
)
def test_a_value_of_another_type_than_declared_is_missing(people: Audience, who: str, expected: set[str]) -> None:
    assert of_odd(people, f"attribute: {who}") == expected
    assert of_odd(people, f"not: {{attribute: {who}}}") == {*ODD} - expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("t: {is: '7'}", {"text"}),
        ("t: {is_not: '7'}", {*ODD} - {"text"}),
        ("n: {at_least: 7}", {"number", "float", "huge"}),
        ("y: {is: false}", {"no"}),
        ("y: {is_set: false}", {*ODD} - {"yes", "no"}),
        ("in.side: {is: '7'}", {"text"}),
    ],
)
def test_so_is_a_property_of_an_event(people: Audience, where: str, expected: set[str]) -> None:
    assert of_odd(people, f"event: order, where: {{{where}}}") == expected


def test_a_path_through_something_else_leads_nowhere(audience: Audience) -> None:
    ways = {"way text": "side", "way list": ["side"], "way number": 1, "way null": None, "way empty": {}}
    audience.fill({"key": key} for key in ways)
    with audience.shop.store.engine.begin() as conn:
        for key, value in ways.items():
            conn.execute(update(customer).where(customer.c.key == key).values(attributes={"in": value, "in.side": "flat"}))
    assert set(audience.chosen("attribute: in.side, is_set: true")) & set(ways) == set()
    assert set(ways) <= set(audience.chosen("attribute: in.side, is_not: x"))
