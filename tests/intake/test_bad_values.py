"""Values that can't be taken: each is set aside with a reason that helps and that tells nothing about anyone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.intake.desk import Desk, reasons, row_counts

Case = tuple[str, Any, str]
ORDER = {"customer": "c1", "event": "order", "at": "2026-01-31T09:00:00Z"}
GIVEN = {"channel": "email", "topic": "offers", "state": "given", "at": "2026-01-31"}

CUSTOMERS: tuple[Case, ...] = (
    ("key", "", "key: is missing"),
    ("key", "  ", "key: is missing"),
    ("key", None, "key: is missing"),
    ("key", True, "key: must be a text"),
    ("key", ["x17"], "key: must be a text"),
    ("key", "x17\x00", "key: holds a NUL character"),
    ("key", "x17\ud800", "key: holds half a character (a lone surrogate)"),
    ("email", "ann.example.com", "email: must be a mail address"),
    ("email", "ann@@example.com", "email: must be a mail address"),
    ("email", "Ann <ann@example.com>", "email: must be a mail address"),
    ("email", "ann@example.com, bob@example.com", "email: must be a mail address"),
    ("email", "", "email: must be a mail address"),
    ("email", {"work": "ann@example.com"}, "email: must be a text"),
    ("phone", "030 123456", "phone: must be a telephone number with its country, e.g. +49 30 123456"),
    ("phone", "+49 3", "phone: must be a telephone number with its country, e.g. +49 30 123456"),
    ("phone", "call me", "phone: must be a telephone number with its country, e.g. +49 30 123456"),
    ("first_name", ["Annabel"], "first_name: must be a text"),
    ("first_name", "Anna\x00bel", "first_name: holds a NUL character"),
    ("last_name", "Le\udfffe", "last_name: holds half a character (a lone surrogate)"),
    ("locale", "English", "locale: must be a locale, e.g. de_DE"),
    ("locale", "EN_us", "locale: must be a locale, e.g. de_DE"),
    ("country", "Germany", "country: must be a country's two letters, e.g. DE"),
    ("country", "D3", "country: must be a country's two letters, e.g. DE"),
    ("latitude", "north", "latitude: must be a decimal number"),
    ("latitude", 90.5, "latitude: must lie between -90 and 90"),
    ("latitude", True, "latitude: must be a decimal number"),
    ("latitude", "1_0", "latitude: must be a decimal number"),
    ("longitude", -180.5, "longitude: must lie between -180 and 180"),
    ("longitude", "nan", "longitude: must be a decimal number"),
    ("longitude", "1e400", "longitude: is too large"),
    ("longitude", "1e99999999999999999999", "longitude: is too large"),
    ("birthday", "29.02.1992", "birthday: must be a date such as 1992-02-29, or --02-29 without a year"),
    ("birthday", "1992-2-9", "birthday: must be a date such as 1992-02-29, or --02-29 without a year"),
    ("birthday", "02-29", "birthday: must be a date such as 1992-02-29, or --02-29 without a year"),
    ("birthday", "1992-02-30", "birthday: is not a day of the calendar"),
    ("birthday", "1993-02-29", "birthday: is not a day of the calendar"),
    ("birthday", "1900-02-29", "birthday: is not a day of the calendar"),
    ("birthday", "--02-30", "birthday: is not a day of the calendar"),
    ("birthday", "0000-05-05", "birthday: is not a day of the calendar"),
    ("birthday", "1992-13-01", "birthday: is not a day of the calendar"),
    ("joined_on", "31.01.2026", "joined_on: must be a date, e.g. 2026-01-31"),
    ("joined_on", "2026-02-30", "joined_on: must be a date, e.g. 2026-01-31"),
    ("joined_on", "2026-01-31 or so", "joined_on: must be a date, e.g. 2026-01-31"),
    ("stage", "customer", "stage: must be one of identified, acquired, nurtured, retained, advocate, lapsed"),
    ("attributes", "gold", "attributes: is not JSON (or names a field twice)"),
    ("attributes", ["gold"], "attributes: must be an object"),
    ("attributes", {"points": "many"}, "attributes.points: must be a decimal number"),
    ("attributes", {"points": float("1e300")}, "attributes.points: is too large"),
    ("attributes", {"vip": "perhaps"}, "attributes.vip: must be true or false"),
    ("attributes", {"since": "yesterday"}, "attributes.since: must be a date, e.g. 2026-01-31"),
    ("attributes", {"seen": "noonish"}, "attributes.seen: must be a date and time, e.g. 2026-01-31T09:00:00Z"),
    ("attributes", {"tier": {"deep": "gold"}}, "attributes.tier: must be a text"),
    ("attributes", {"address": {"street": ["1 Road"]}}, "attributes.address.street: must be a text"),
    ("attributes", {"email": "ann@example.com"}, "attributes.email: is a field of its own, not an attribute"),
    ("attributes", {"odd": "no\x00thing"}, "attributes.odd: holds a NUL character"),
    ("attributes", {"odd": [{"deep": "no\x00thing"}]}, "attributes.odd: holds a NUL character"),
    ("attributes", {"odd": [{"de\x00ep": 1}]}, "attributes.odd: holds a NUL character"),
    ("attributes", {"o\x00dd": 1}, "attributes: holds a NUL character"),
    ("attributes", {"odd": "no\ud800thing"}, "attributes.odd: holds half a character (a lone surrogate)"),
    ("attributes", {"a": 1, "a.b": 2}, "attributes: 'a' stands twice"),
    ("attributes", {"a.b": 1, "a": {"b": 2}}, "attributes: 'b' stands twice"),
    ("attributes", {".".join("a" * 60): 1}, "attributes: is nested too deeply"),
    ("attributes.tier", ["gold"], "attributes.tier: must be a text"),
    ("consents", "given", "consents: is not JSON (or names a field twice)"),
    ("consents", {"email": "given"}, "consents: must be a list"),
    ("consents", ["given"], "consents: each must be an object with channel, topic, state, basis, at"),
    ("consents", [{**GIVEN, "at": None}], "consents: at: is missing"),
    ("consents", [{**GIVEN, "at": "long ago"}], "consents: at: must be a date and time, e.g. 2026-01-31T09:00:00Z"),
    ("consents", [{**GIVEN, "channel": ""}], "consents: channel: is missing"),
    ("consents", [{**GIVEN, "topic": None}], "consents: topic: is missing"),
    ("consents", [{**GIVEN, "state": "yes"}], "consents: state: must be one of given, pending, withdrawn, lapsed"),
    ("consents", [{**GIVEN, "state": []}], "consents: state: must be a text"),
    ("consents", [{**GIVEN, "status": "given"}], "consents: field 'status' is not known; did you mean 'state'?"),
    ("emial", "ann@example.com", "field 'emial' is not known; did you mean 'email'?"),
    ("id", 1, "field 'id' is not known"),
)
EVENTS: tuple[Case, ...] = (
    ("customer", None, "customer: is missing"),
    ("customer", {"key": "c1"}, "customer: must be a text"),
    ("event", "", "event: is missing"),
    ("at", None, "at: is missing"),
    ("at", "31.01.2026 09:00", "at: must be a date and time, e.g. 2026-01-31T09:00:00Z"),
    ("at", "2026-01-31T25:00:00Z", "at: must be a date and time, e.g. 2026-01-31T09:00:00Z"),
    ("at", "2026-02-30", "at: must be a date and time, e.g. 2026-01-31T09:00:00Z"),
    ("at", 1769846400, "at: must be a date and time, e.g. 2026-01-31T09:00:00Z"),
    ("at", "0001-01-01T00:00:00+14:00", "at: must be a date and time, e.g. 2026-01-31T09:00:00Z"),
    ("at", "9999-12-31T23:59:59-12:00", "at: must be a date and time, e.g. 2026-01-31T09:00:00Z"),
    ("at", "0001-01-01", "at: must be a date and time, e.g. 2026-01-31T09:00:00Z"),
    ("amount", "a lot", "amount: must be a decimal number"),
    ("amount", True, "amount: must be a decimal number"),
    ("amount", "1,234.50", "amount: must be a decimal number"),
    ("amount", "NaN", "amount: must be a decimal number"),
    ("amount", "Infinity", "amount: must be a decimal number"),
    ("amount", "1_000", "amount: must be a decimal number"),
    ("amount", "१२", "amount: must be a decimal number"),
    ("amount", 9.999, "amount: amount has more digits than EUR has"),
    ("amount", "1.0000000000000000000000000000000000001", "amount: amount has more digits than EUR has"),
    ("amount", "1e12", "amount: is too large"),
    ("amount", "-1e999999", "amount: is too large"),
    ("currency", "euros", "currency: must be an ISO 4217 currency, e.g. EUR"),
    ("currency", "XQQ", "currency: must be an ISO 4217 currency, e.g. EUR"),
    ("id", ["x1"], "id: must be a text"),
    ("items", "beans", "items: is not JSON (or names a field twice)"),
    ("items", {"product": "beans"}, "items: must be a list"),
    ("items", ["beans"], "items: each must be an object with product, quantity, amount, category, brand"),
    ("items", [{"quantity": 1}], "items: product: is missing"),
    ("items", [{"product": "beans", "quantity": "few"}], "items: quantity: must be a decimal number"),
    ("items", [{"product": "beans", "quantity": "inf"}], "items: quantity: must be a decimal number"),
    ("items", [{"product": "beans", "quantity": 1e300}], "items: quantity: is too large"),
    ("items", [{"product": "beans", "amount": 1.005}], "items: amount: amount has more digits than EUR has"),
    ("items", [{"product": "beans", "qty": 3}], "items: field 'qty' is not known"),
    ("items", [{"product": "be\x00ans"}], "items: product: holds a NUL character"),
    ("properties", 5, "properties: must be an object"),
    ("properties", {"size": "XL"}, "properties.size: must be a decimal number"),
    ("properties", {"gift": 1}, "properties.gift: must be true or false"),
    ("properties", {"odd": "no\x00thing"}, "properties.odd: holds a NUL character"),
    ("custommer", "c1", "field 'custommer' is not known; did you mean 'customer'?"),
    ("bad\x00name", 1, "holds a NUL character"),
    ("bad\ud800name", 1, "holds half a character (a lone surrogate)"),
)
PRODUCTS: tuple[Case, ...] = (
    ("key", None, "key: is missing"),
    ("title", ["Beans"], "title: must be a text"),
    ("category", {"path": "Coffee"}, "category: must be a text"),
    ("brand", "Own\x00", "brand: holds a NUL character"),
    ("price", "cheap", "price: must be a decimal number"),
    ("price", 1.001, "price: amount has more digits than EUR has"),
    ("currency", "€", "currency: must be an ISO 4217 currency, e.g. EUR"),
    ("attributes", [1], "attributes: must be an object"),
    ("attributes", {"size": "\x00"}, "attributes.size: holds a NUL character"),
    ("prize", 1, "field 'prize' is not known; did you mean 'price'?"),
)
KINDS = {"customers": ({"key": "x"}, CUSTOMERS), "events": (ORDER, EVENTS), "products": ({"key": "x"}, PRODUCTS)}


@pytest.mark.parametrize("kind", KINDS)
def test_each_bad_value_has_its_reason_and_leaves_nothing(desk: Desk, kind: str) -> None:
    usual, cases = KINDS[kind]
    desk.customers("c1")
    before = row_counts(desk.shop.store)
    summary = desk.take(kind, desk.json_lines([_escaped({**usual, name: value}) for name, value, _ in cases]))
    rejects = reasons(desk.rejects(summary))
    said = {line: _begins(rejects.get(line, "taken"), case[2]) for line, case in enumerate(cases, start=1)}
    assert {line: (*case[:2], said[line]) for line, case in enumerate(cases, start=1)} == dict(enumerate(cases, start=1))
    assert (summary["new"], summary["set aside"]) == (0, len(cases))
    assert row_counts(desk.shop.store) == before


def test_numbers_of_any_length_in_json_are_no_accident(desk: Desk) -> None:
    huge = ["1e400", "-1e400", "1e99999999999999999999"]
    summary = desk.take("customers", desk.json_lines([f'{{"key": "x", "attributes": {{"odd": {one}}}}}' for one in huge]))
    assert list(reasons(desk.rejects(summary)).values()) == [
        "attributes.odd: holds a number that is too large",
        "attributes.odd: holds a number that is too large",
        "is not JSON (or names a field twice)",
    ]


def test_reasons_and_summary_tell_nothing_about_anyone(desk: Desk) -> None:
    secret = "Annabel-0815"
    records = [{"key": "x", name: secret} for name, _, _ in CUSTOMERS if name not in ("key", "first_name", "last_name")]
    file = desk.json_lines([*records, f'{{"key": "{secret}",', f'["{secret}"]', {"key": "x", "first_name": [secret]}])
    ran = desk.rapport("import", "customers", file)
    assert ran.code == 0
    assert "set aside" in ran.out
    assert secret not in ran.out + ran.err
    assert not any(secret in line["_reason"] for line in desk.rejects(desk.take("customers", file)))


def _begins(said: str, reason: str) -> str:
    """The reason, if that is what was said; lists of known words may follow it."""
    return reason if said == reason or said.startswith(f"{reason}; known are: ") else said


def _escaped(record: dict[str, Any]) -> str:
    """JSON in plain ASCII, half characters included."""
    return json.dumps(record)
