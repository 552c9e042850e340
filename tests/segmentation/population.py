"""Random people for the oracle and for a store, crowded around the edges that segments have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from crm_store.clock import machine_instant
from crm_store.consent.record import ConsentFact, SuppressionFact, record_consents, suppress
from crm_store.content.faults import Faults
from crm_store.content.sources import Sources
from crm_store.content.vocabulary import load_vocabulary
from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.products import Products
from crm_store.intake.records import read_customer, read_event, read_product
from crm_store.intake.values import Rules
from crm_store.schema import customer
from crm_store.store import Store
from tests.segmentation.oracle_facts import NO_DIGITS, Event, Line, Person, Words
from tests.segmentation.oracle_times import midnight, moved

VOCABULARY = """\
attributes:
  note: {type: text}
  points: {type: number}
  vip: {type: yes-no}
  since: {type: date}
  seen: {type: instant}
  address.street: {type: text}
  interest: {type: text path}
events:
  order: {amount: yes, properties: {store: text, size: number, gift: yes-no, deep.tag: text}}
  visit: {amount: yes, properties: {store: text}}
  signed_up: {}
topics: {offers: {}, news: {}}
currencies: [EUR]
"""
WORDS = Words(
    attributes={
        "note": "text", "points": "number", "vip": "yes-no", "since": "date", "seen": "instant", "address.street": "text",
        "interest": "text path",
    },
    properties={
        "order": {"store": "text", "size": "number", "gift": "yes-no", "deep.tag": "text"}, "visit": {"store": "text"},
        "signed_up": {},
    },
    currency="EUR",
)  # fmt: skip
# Three dates at once; a leap day; New Year in Berlin and not yet in UTC; the gap of a spring night.
NOWS = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in ("2026-06-15T10:30", "2028-02-29T12:00", "2026-12-31T23:30", "2026-03-29T01:00")
)
TICK = timedelta(microseconds=1)
SPANS = ("0 days", "90 minutes", "1 day", "2 weeks", "30 days", "1 month", "1 year")
ZONES = (
    None,
    "Europe/Berlin",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "America/New_York",
    "Asia/Kathmandu",
    "Mars/Phobos",
)
COUNTRIES = (None, "DE", "JP", "FR", "NU", "US", "WS")
TEXTS = (
    None, "a", "A", "ab", "NO", "on", "01067", "10:00", "null", "~", "O'Hara", 'the "x"', "100%", "100x", "1_0", "a\\b",
    "\\",
    "'; DROP TABLE customer; --", "%(x)s :y ? {z}", "duck 🦆", "🦆", "ö", "o\u0308", "Ö", "*[a]?", "a/b", "true", "7",
)  # fmt: skip
PATHS = (None, "a", "a/b", "a/b/c", "a/bc", "ab", "a-b", "a.b", "A/b", "a/", "100%/x")
NUMBERS = (None, 0, 1, -1, 7, 7.0, 7.5, 0.1, 100, 10**15, 2**53 + 1, -0.5)
WRONG = ("7", 7, True, None, [7], {"a": 7}, "2026-06-15", "2026-06-15T10:30:00Z")
AMOUNTS = (None, 0, 1, 999, 1000, 1001, 2500, -500)
STAGES = (None, "identified", "retained", "lapsed")
PRODUCTS = {
    "p1": ("a/b", "Alba", 300, "EUR"),
    "p2": ("a/b/c", None, 300, "USD"),
    "p3": ("ab", "alba", 1000, "EUR"),
    "p4": (None, "100%", None, None),
    "p5": ("ẞ/ſ", "straße", 500, "JPY"),
}
REASONS = ("complaint", "hard_bounce")
STATES = ("given", "given", "withdrawn", "pending", "lapsed")


def instant(rng: Random, zone: ZoneInfo) -> datetime:
    """Mostly on an edge of some window, or a microsecond beside it."""
    now = rng.choice(NOWS)
    tick = rng.choice((-TICK, timedelta(0), TICK))
    sort = rng.randrange(6)
    if sort > 2:
        return moved(now, rng.choice(SPANS), rng.choice((-1, -1, 1)), zone) + tick
    if sort == 1:
        return midnight(now.astimezone(zone).date() + timedelta(days=rng.choice((-30, -7, -1, 0, 1, 7))), zone) + tick
    if sort == 0:
        return midnight(rng.choice((date(2026, 1, 1), date(2026, 6, 1), date(2027, 1, 1), date(2026, 3, 29))), zone) + tick
    return now + timedelta(seconds=rng.randrange(-40_000_000, 4_000_000))


def day(rng: Random) -> date:
    """Mostly near an anniversary of today, of a leap day, of New Year, or what systems write for no date."""
    near = rng.choice(NOWS).date() + timedelta(days=rng.choice((-31, -30, -8, -7, -2, -1, 0, 1, 2, 7, 8, 30)))
    odd = (date(1992, 2, 29), date(1970, 1, 1), date(1900, 1, 1), date(1985, 12, 31), date(1985, 1, 1), date(2024, 2, 29))
    year = near.year - rng.choice((0, 0, 1, 5, 30))
    return rng.choice(odd) if rng.random() < 0.2 else near.replace(year=year, day=min(near.day, 28))


def person(rng: Random, key: str, zone: ZoneInfo) -> Person:
    born = day(rng) if rng.random() < 0.8 else None
    facts = {
        "key": key,
        "email": f"{key}@example.com" if rng.random() < 0.8 else None,
        "country": rng.choice(COUNTRIES),
        "time_zone": rng.choice(ZONES),
        "city": rng.choice(TEXTS),
        "stage": rng.choice(STAGES),
        "latitude": rng.choice((None, 52.5, -52.5, 0.1)),
    }
    return Person(
        key=key,
        facts=facts,
        born=(born.month, born.day, born.year if rng.random() < 0.8 else None) if born else None,
        joined_on=day(rng) if rng.random() < 0.8 else None,
        attributes=attributes(rng, zone),
        consents=[consent(rng, zone) for _ in range(rng.randrange(5))],
        suppressed=[(rng.choice(REASONS), instant(rng, zone))] if facts["email"] and rng.random() < 0.2 else [],
        events=[event(rng, zone) for _ in range(rng.randrange(7))],
    )


def attributes(rng: Random, zone: ZoneInfo) -> dict[str, Any]:
    """Some of them missing, and some of another JSON type than the vocabulary says."""
    found: dict[str, Any] = {
        "note": rng.choice(TEXTS),
        "points": rng.choice(NUMBERS),
        "vip": rng.choice((True, False, None)),
        "since": day(rng).isoformat(),
        "seen": instant(rng, zone).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "address": {"street": rng.choice(TEXTS)},
        "interest": rng.choice(PATHS),
    }
    for name in found:
        if rng.random() < 0.15:
            found[name] = rng.choice(WRONG)
    return {name: value for name, value in found.items() if value is not None}


def consent(rng: Random, zone: ZoneInfo) -> tuple[str, str, datetime]:
    at = rng.choice(NOWS) if rng.random() < 0.4 else instant(rng, zone)
    return rng.choice(("offers", "offers", "news")), rng.choice(STATES), at


def event(rng: Random, zone: ZoneInfo) -> Event:
    kind = rng.choice(("order", "order", "visit", "signed_up"))
    amount = rng.choice(AMOUNTS) if kind != "signed_up" else None
    lines = [line(rng) for _ in range(rng.choice((0, 0, 1, 2, 3)))] if kind == "order" else []
    has_money = amount is not None or any(one.amount is not None for one in lines)
    currency = rng.choice(("EUR", "EUR", "EUR", "USD")) if has_money else None
    return Event(kind, instant(rng, zone), amount, currency, properties(rng, kind), lines)


def properties(rng: Random, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {"store": rng.choice(TEXTS)}
    if kind == "order":
        found |= {"size": rng.choice(NUMBERS), "gift": rng.choice((True, False, None)), "deep": {"tag": rng.choice(TEXTS)}}
    for name in found:
        if rng.random() < 0.1:
            found[name] = rng.choice(WRONG)
    return {name: value for name, value in found.items() if value is not None}


def line(rng: Random) -> Line:
    product = rng.choice(tuple(PRODUCTS))
    return Line(product, rng.choice((0, 1, 2, 2.5)), rng.choice((None, 500, 1000)), *PRODUCTS[product])


def population(seed: int, count: int, zone: ZoneInfo) -> list[Person]:
    rng = Random(seed)
    return [person(rng, f"p{number:03}", zone) for number in range(count)]


# Into a store


def write(store: Store, people: Sequence[Person], zone: ZoneInfo) -> None:
    """Everything about them, as imports bring it. The vocabulary is not told: values are taken as they are."""
    rules = Rules(load_vocabulary(Sources({}), Faults()), zone, "EUR")
    records = [read_customer(_customer(one), rules) for one in people]
    store.write(Products().write, [read_product(raw, rules) for raw in _products()], "test", machine_instant())
    store.write(Customers().write, records, "test", machine_instant())
    done = [[read_event(raw, rules) for raw in _events(one)] for one in people]
    for half in (slice(2), slice(2, None)):  # so that the tallies are added to
        store.write(Events().write, [record for each in done for record in each[half]], "test", machine_instant())
    with store.read() as conn:
        ids = {row.key: row.id for row in conn.execute(customer.select())}
    for told in _consents(people, ids):
        store.write(record_consents, told, machine_instant())
    store.write(suppress, [_suppression(one, *told) for one in people for told in one.suppressed])


def _consents(people: Sequence[Person], ids: Mapping[str, int]) -> Iterable[list[ConsentFact]]:
    """First everybody's first one, then everybody's second: told in the order in which each has them."""
    for number in range(max((len(one.consents) for one in people), default=0)):
        told = [(ids[one.key], *one.consents[number]) for one in people if len(one.consents) > number]
        yield [ConsentFact(of, "email", topic, state, at, "test") for of, topic, state, at in told]


def _suppression(one: Person, reason: str, at: datetime) -> SuppressionFact:
    return SuppressionFact("email", str(one.facts["email"]), reason, "test", at)


def _customer(one: Person) -> dict[str, Any]:
    said = {**one.facts, "attributes": one.attributes}
    if one.born:
        month, of_month, year = one.born
        said["birthday"] = f"{year or '-'}-{month:02}-{of_month:02}"
    if one.joined_on:
        said["joined_on"] = one.joined_on.isoformat()
    return {name: value for name, value in said.items() if value is not None}


def _events(one: Person) -> Iterable[Mapping[str, Any]]:
    for number, done in enumerate(one.events):
        amounts = [_major(of.amount, done.currency) for of in done.lines]
        items = [
            {"product": of.product, "quantity": of.quantity, "amount": amount}
            for of, amount in zip(done.lines, amounts, strict=True)
        ]
        yield {
            "customer": one.key, "event": done.kind, "at": done.at.isoformat(), "id": f"{one.key}/{number}",
            "amount": _major(done.amount, done.currency), "currency": done.currency, "items": items,
            "properties": done.properties,
        }  # fmt: skip


def _products() -> Iterable[Mapping[str, Any]]:
    for key, (category, brand, price, currency) in PRODUCTS.items():
        yield {"key": key, "category": category, "brand": brand, "price": _major(price, currency), "currency": currency}


def _major(minor: int | None, currency: str | None) -> str | None:
    return None if minor is None else str(Decimal(minor) / (1 if currency in NO_DIGITS else 100))
