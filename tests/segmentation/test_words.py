"""The words beyond plain comparisons, each by a case that a person can check: texts, lists, ranks, chains, scores."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, select

from crm_store.schema import customer, follow_up, score
from tests.segmentation.asking import Audience
from tests.world import NOON

DAY = timedelta(days=1)
FILES = {
    "config/vocabulary.yaml": """\
attributes:
  nick: {type: text}
  tags: {type: list, values: [tea, coffee, milk]}
  points: {type: number}
events:
  order: {amount: yes, properties: {cart: text}, usual_gap: {at_least: 2 days, otherwise: 90 days}}
  cart_updated: {properties: {cart: text}}
topics: {offers: {}}
currencies: [EUR]
follow_ups: {call: {outcomes: [reached, missed]}}
scores: {churn: {title: risk of leaving}}
"""
}


@pytest.fixture(scope="module")
def people(audience: Audience) -> Audience:
    audience.fill(
        [
            {"key": "ann", "attributes": {"nick": "Straße 12", "tags": ["tea", "coffee"], "points": 10}},
            {"key": "bob", "attributes": {"nick": "STRAẞE 7", "tags": [], "points": 10}},
            {"key": "cem", "attributes": {"nick": "kelvin K", "points": 3}},
            {"key": "dot"},
        ],
        [
            {"customer": "ann", "event": "cart_updated", "at": _ago(5), "id": "1", "properties": {"cart": "a"}},
            {"customer": "ann", "event": "order", "at": _ago(4), "id": "2", "amount": 5, "properties": {"cart": "a"}},
            {"customer": "bob", "event": "order", "at": _ago(6), "id": "3", "amount": 9, "properties": {"cart": "b"}},
            {"customer": "bob", "event": "cart_updated", "at": _ago(5), "id": "4", "properties": {"cart": "b"}},
            *({"customer": "cem", "event": "order", "at": _ago(n), "id": f"c{n}", "amount": n} for n in (12, 9, 6)),
        ],
    )
    audience.shop.store.write(_facts)
    return audience


def _ago(days: int) -> str:
    return (NOON - days * DAY).isoformat()


def _facts(conn: Connection) -> None:
    ids = {row.key: row.id for row in conn.execute(select(customer.c.key, customer.c.id))}
    scores = {"ann": (0.9, 1), "bob": (0.2, 40), "cem": (0.5, -1)}
    conn.execute(
        insert(score),
        [{"name": "churn", "customer_id": ids[key], "value": n, "at": NOON - d * DAY} for key, (n, d) in scores.items()],
    )
    tasks = [
        {"customer_id": ids["ann"], "due_at": NOON - DAY, "done_at": None, "outcome": None},
        {"customer_id": ids["bob"], "due_at": NOON + DAY, "done_at": NOON - DAY, "outcome": "reached"},
        {"customer_id": ids["cem"], "due_at": NOON - DAY, "done_at": NOON + DAY, "outcome": "reached"},
    ]
    conn.execute(insert(follow_up), [{"kind": "call", "created_at": NOON - 5 * DAY, **task} for task in tasks])


CASES = {
    "attribute: nick, matches: '^Stra(ß|ss)e \\d+$'": "ann",
    "attribute: nick, matches: 'STRASSE', ignoring: case": "",
    "attribute: nick, matches: '^straße \\d{1,2}$', ignoring: case": "ann bob",
    "attribute: nick, matches: '[x-z]'": "",
    "attribute: nick, ends_with: k, ignoring: case": "cem",
    "attribute: nick, is: straße 7, ignoring: case": "bob",
    "attribute: tags, includes: tea": "ann",
    "attribute: tags, includes_any: [milk, coffee]": "ann",
    "attribute: tags, includes_all: [tea, milk]": "",
    "attribute: tags, includes_all: [tea, coffee]": "ann",
    "attribute: tags, length: {is: 0}": "bob",
    "attribute: tags, is_set: true": "ann bob",
    "attribute: points, top: 1": "ann",
    "attribute: points, top: 1, tie: all": "ann bob",
    "attribute: points, bottom: 50 %": "ann cem",
    "event: order, sum: {of: amount, top: 1}": "cem",
    "event: order, among: last 1, where: {amount: {is: 6 EUR}}": "cem",
    "event: order, among: {first: 1, where: {amount: {less_than: 12 EUR}}}, where: {amount: {is: 9 EUR}}": "bob cem",
    "event: order, after_silence: 3 days": "cem",
    "event: order, after_silence: 73 hours": "",
    "event: order, in_last: 2 usual gaps": "ann bob cem",
    "event: order, last: {before: 1 usual gap ago}": "cem",
    "event: order, avg: {of: amount, is: 9 EUR}": "bob cem",
    "event: order, max: {of: amount, at_least: 12 EUR}": "cem",
    "event: order, distinct: {of: cart, is: 1}": "ann bob",
    "event: order, regular: {at_least: 2, of_last: 2 weeks}": "cem",
    "event: order, since: 2 days after first order": "cem",
    "sequence: [{event: cart_updated}, {event: order}]": "ann",
    "sequence: [{event: cart_updated}, {event: order, within: 23 hours}]": "",
    "sequence: [{event: cart_updated}, {not: {event: order}}]": "bob",
    "sequence: [{event: order}, {event: cart_updated, within: 1 day}], same: cart": "bob",
    "sequence: [{event: order}, {event: order}, {event: order}], in_last: 10 days": "",
    "score: churn, at_least: 0.5": "ann",
    "score: churn, top: 1": "ann",
    "score: churn, fresh: 7 days": "ann",
    "score: churn, is_not: 0.9": "bob cem dot",
    "follow_up: call, state: overdue": "ann cem",
    "follow_up: any, state: done": "bob",
    "follow_up: call, outcome: {is: reached}": "bob",
}


@pytest.mark.parametrize("who", CASES)
def test_who_is_chosen(people: Audience, who: str) -> None:
    assert people.chosen(who) == CASES[who].split()


@pytest.mark.parametrize("who", CASES)
def test_it_can_be_said(people: Audience, who: str) -> None:
    said = people.read({"x": who})["x"].sentence()
    assert said.startswith("Customers for whom ")
    assert "None" not in said
