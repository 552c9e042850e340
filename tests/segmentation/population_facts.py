"""Random people of whom everything is known that a segment can ask for, crowded around the same edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from tests.segmentation.oracle_asked import Asked
from tests.segmentation.oracle_facts import (
    LONG_AGO,
    Change,
    Enrolment,
    Event,
    FollowUp,
    Membership,
    Offer,
    Person,
    Told,
    Touch,
)
from tests.segmentation.oracle_times import midnight
from tests.segmentation.oracle_values import typed
from tests.segmentation.population import (
    COUNTRIES,
    NUMBERS,
    PATHS,
    REASONS,
    STAGES,
    TEXTS,
    TICK,
    WRONG,
    day,
    instant,
    person,
)
from tests.segmentation.population_words import FULL_WORDS, LISTS, OFFERS, STEPS

T = TypeVar("T")
PREFIXES = ("p", "p", "P", "_", "é", "ß ", "🦆", "~")
# Letters whose other case is two letters, none, or one that looks like a third; digits that are none; ends of lines.
ODD_TEXTS = (
    "ß", "ẞ", "ss", "SS", "İ", "i", "I", "ı", "ſ", "s", "S", "K", "k", "Σ", "ς", "σ", "ŉ", "ﬁ", "fi", "Ǆ", "ǅ", "Ω", "ω",
    "ᾳ", "Ꭰ", "ꭰ", "É", "é", "e\u0301", "a\nb", "\n", "a b", "a\u00a0b", "\t", "٣", "3", "AbC", "aab", "abab", "x_1", "a.b",
    "(a)", "[b]", "a+b", "^a$", "$5", "a-b", "a|b", "{2}", "", "ann@Example.COM", "'; DROP TABLE event; --",
)  # fmt: skip
ALL_TEXTS = (*TEXTS, *ODD_TEXTS)
TAGS = ("a", "A", "NO", "b'c", "100%", "", "🦆", "a/b", "7")
LISTS_OF_TAGS: tuple[Any, ...] = (
    None, [], ["a"], ["a", "b'c"], ["a", "a"], ["A", "NO", ""], ["a/b", "100%", "🦆"], [7, "a", None, True], [["a"]],
    [None], ["7"], list(TAGS),
)  # fmt: skip
MONIES = (
    None, *({"minor": minor, "currency": "EUR"} for minor in (0, 1, 999, 1000, 1001, -500, 900)),
    {"minor": 1000, "currency": "USD"}, {"minor": 0, "currency": "USD"}, {"minor": 1000, "currency": "JPY"},
    {"minor": 1000, "currency": "GBP"},
)  # fmt: skip
NO_MONIES = (
    {"minor": "1000", "currency": "EUR"},
    {"minor": 1000},
    {"currency": "EUR"},
    {"minor": 1000, "currency": None},
    1000,
)
WEIGHTS = (None, 0, 1, 2, 2.5, -0.25, 7, 1000)
AMOUNTS = (None, 0, 1, 900, 950, 999, 1000, 1001, 1000, -500)
CURRENCIES = ("EUR", "EUR", "USD", "JPY", "GBP")
COORDINATES = (
    (52.52, 13.405), (52.53, 13.405), (52.52, 13.25), (53.55, 9.993), (-16.85, -179.95), (-16.85, 179.95),
    (-52.52, -166.595), (0.0, 0.0), (89.99, 120.0), (-90.0, 0.0), (90.0, 180.0), (None, 13.405),
    (52.52, None), (None, None),
)  # fmt: skip
SHOPS = (None, "berlin", "pole", "Berlin", "nowhere", "taveuni")
OUTCOMES = (None, "won", "Won", "lost", "100%", "straße", "STRAẞE", "o'clock", "")
LINKS = (None, "https://x.example/a", "https://x.example/A?b=100%", "https://x.example/ſ", "mailto:o'hara@x.example", "")
STATES = ("sent", "sent", "sent", "sent", "skipped", "failed", "due", "in_doubt", "cancelled")
SPOKEN = ("delivered", "opened", "opened", "clicked", "clicked", "bounced", "complained", "unsubscribed")


def full_population(seed: int, count: int, zone: ZoneInfo) -> list[Person]:
    rng = Random(seed)
    return [full_person(rng, number, zone) for number in range(count)]


def full_person(rng: Random, number: int, zone: ZoneInfo) -> Person:
    plain = person(rng, f"{rng.choice(PREFIXES)}{number:03}", zone)
    latitude, longitude = rng.choice(COORDINATES)
    address = f"p{number:03}@example.com" if plain.facts["email"] else None
    facts = {**plain.facts, "email": address, "latitude": latitude, "longitude": longitude}
    attributes = some({**plain.attributes, **full_attributes(rng)})
    reasons = rng.sample(REASONS, rng.choice((0, 0, 0, 0, 1, 2))) if address else []
    known = replace(
        plain,
        facts=facts,
        attributes=attributes,
        suppressed=[(reason, instant(rng, zone)) for reason in reasons],
        events=[full_event(rng, one, zone) for one in again(rng, plain.events)],
        erased=rng.random() < 0.05,
        created_at=rng.choice((LONG_AGO, instant(rng, zone), instant(rng, zone))),
        enrolments=[enrolment(rng, name, zone) for name in rng.choices(tuple(STEPS), k=rng.randrange(4))],
        follow_ups=[follow_up(rng, zone) for _ in range(rng.choice((0, 0, 1, 1, 2, 3)))],
        scores=scores(rng, zone),
        lists=[name for name in LISTS[:2] if rng.random() < 0.4],
        memberships=[one for name in ("a", "b") for one in memberships(rng, name, zone)],
    )
    known = replace(known, events=[near_own_days(rng, known, one, zone) for one in known.events])
    return replace(known, changes=changes(rng, known, zone))


def near_own_days(rng: Random, one: Person, event: Event, zone: ZoneInfo) -> Event:
    """Some of them where a day of hers begins in her own zone, so many days before or after."""
    since, renewal = one.attributes.get("since"), one.attributes.get("renewal_on")
    said = [typed(day, "date") for day in (since, renewal)]
    days = [day for day in (one.joined_on, *said) if day is not None]
    if not days or rng.random() < 0.7:
        return event
    begins = midnight(rng.choice(days), Asked(one, event.at, FULL_WORDS, zone).own_zone)
    return replace(
        event, at=begins + timedelta(days=rng.choice((0, 0, 1, -1, 14))) + rng.choice((-TICK, timedelta(0), TICK))
    )


def some(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def full_attributes(rng: Random) -> dict[str, Any]:
    found: dict[str, Any] = {
        "tags": rng.choice(LISTS_OF_TAGS),
        "budget": rng.choice((*MONIES, *MONIES, *NO_MONIES)),
        "renewal_on": day(rng).isoformat(),
        "near_shop": rng.choice(SHOPS),
    }
    if rng.random() < 0.5:
        found["note"] = rng.choice(ODD_TEXTS)
    for name in ("tags", "renewal_on"):
        if rng.random() < 0.15:
            found[name] = rng.choice(("a", 7, True, None, {"a": "a"}, "2026-06-15"))
    return found


# Events


def again(rng: Random, events: Any) -> list[Event]:
    """More of them, some at the instants of others, or evenly apart."""
    found = list(events)
    if found and rng.random() < 0.5:
        first = rng.choice(found)
        apart = rng.choice((timedelta(0), TICK, timedelta(days=1), timedelta(days=14), timedelta(days=30)))
        found += [replace(first, at=first.at - apart * number) for number in range(1, rng.randrange(2, 5))]
    rng.shuffle(found)
    return found


def full_event(rng: Random, one: Event, zone: ZoneInfo) -> Event:
    properties = dict(one.properties)
    if one.kind != "signed_up":
        properties["weight"] = rng.choice(WEIGHTS)
        if rng.random() < 0.3:
            properties["store"] = rng.choice(("a", "a", "A", "ſ", "S", *ODD_TEXTS))
    if one.kind == "order":
        properties |= {
            "delivered_on": day(rng).isoformat(),
            "packed_at": instant(rng, zone).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "tip": rng.choice((*MONIES, *MONIES, *NO_MONIES)),
            "labels": rng.choice(LISTS_OF_TAGS),
            "aisle": rng.choice(PATHS),
        }
        if rng.random() < 0.2:
            name = rng.choice(("weight", "delivered_on", "packed_at", "labels", "aisle"))
            properties[name] = rng.choice(WRONG)
    has_money = one.currency is not None and one.kind != "signed_up"
    amount = rng.choice(AMOUNTS) if has_money else None
    lines = [replace(line, amount=rng.choice((None, 500, 900, 1000))) for line in one.lines]
    currency = rng.choice(CURRENCIES) if amount is not None or any(line.amount is not None for line in lines) else None
    lines = lines if currency else [replace(line, amount=None) for line in lines]
    return Event(one.kind, one.at, amount, currency, some(properties), lines)


# Campaigns and what else is written by Rapport itself


def later(rng: Random, than: datetime, zone: ZoneInfo) -> datetime | None:
    """Never, at the same instant, or at some edge after it."""
    return rng.choice((None, than, max(than, instant(rng, zone)), max(than, instant(rng, zone))))


def enrolment(rng: Random, campaign: str, zone: ZoneInfo) -> Enrolment:
    entered = instant(rng, zone)
    finished, left = rng.choice(((None, None), (later(rng, entered, zone), None), (None, later(rng, entered, zone))))
    held_out = rng.random() < 0.2
    steps = [] if held_out else [name for name in STEPS[campaign] if rng.random() < 0.8]
    return Enrolment(
        campaign, entered, finished, left, later(rng, entered, zone), held_out,
        touches=[touch(rng, step, STEPS[campaign][step], zone) for step in steps],
        offers=[] if held_out else [offer(rng, name, zone) for name in OFFERS[campaign] if rng.random() < 0.7],
    )  # fmt: skip


def touch(rng: Random, step: str, template: str, zone: ZoneInfo) -> Touch:
    state = rng.choice(STATES)
    decided = instant(rng, zone) if state in ("sent", "skipped", "failed", "in_doubt") else None
    sent = decided if state == "sent" else None
    told = [tell(rng, zone) for _ in range(rng.randrange(5))] if state in ("sent", "in_doubt", "failed") else []
    topic, variant = rng.choice(("offers", "news", None)), rng.choice((None, "one", "other"))
    return Touch(step, template, topic, variant, rng.choice(("1", "2")), state, sent, decided, told)


def tell(rng: Random, zone: ZoneInfo) -> Told:
    kind = rng.choice(SPOKEN)
    actor = rng.choice(("human", "machine", "unknown")) if kind in ("opened", "clicked") else "unknown"
    return Told(kind, instant(rng, zone), actor, rng.choice(LINKS) if kind == "clicked" else None)


def offer(rng: Random, name: str, zone: ZoneInfo) -> Offer:
    issued = instant(rng, zone)
    return Offer(name, issued, later(rng, issued, zone), later(rng, issued, zone))


def follow_up(rng: Random, zone: ZoneInfo) -> FollowUp:
    created = instant(rng, zone)
    done = later(rng, created, zone)
    outcome = rng.choice(OUTCOMES) if done else None
    return FollowUp(rng.choice(("call", "letter")), created, later(rng, created, zone), done, outcome)


def scores(rng: Random, zone: ZoneInfo) -> dict[str, tuple[float, datetime]]:
    values: Mapping[str, tuple[float, ...]] = {"churn": (0, 0.25, 0.5, 0.5, 1), "worth": (0, -3, 12.5, 1000, 2**40)}
    return {name: (rng.choice(some_of), instant(rng, zone)) for name, some_of in values.items() if rng.random() < 0.7}


def memberships(rng: Random, segment: str, zone: ZoneInfo) -> Iterator[Membership]:
    """One after the other; the last may be without an end."""
    edges = sorted({instant(rng, zone) for _ in range(rng.randrange(5))})
    for start, end in zip(edges[::2], [*edges[1::2], None], strict=False):
        yield Membership(segment, start, end)


# What was before


def changes(rng: Random, one: Person, zone: ZoneInfo) -> list[Change]:
    """For some names a few, the last of them to what is stored now."""
    found = []
    for name, pool in FORMER.items():
        if rng.random() < 0.35:
            found += list(history(rng, name, pool, stored(one, name), zone))
    return found


def stored(one: Person, name: str) -> Any:
    if name == "joined_on":
        return one.joined_on.isoformat() if one.joined_on else None
    _, _, attribute = name.partition(".")
    return one.attributes.get(attribute) if attribute else one.facts[name]


def history(rng: Random, name: str, pool: tuple[Any, ...], last: Any, zone: ZoneInfo) -> Iterator[Change]:
    instants = sorted(instant(rng, zone) for _ in range(rng.choice((1, 1, 2, 3))))
    if rng.random() < 0.1:
        instants = [*instants, instants[-1]]
    values = [rng.choice(pool) for _ in instants]
    for old, new, at in zip(values, [*values[1:], last], instants, strict=True):
        if old != new:
            yield Change(name, old, new, at)


FORMER: Mapping[str, tuple[Any, ...]] = {
    "stage": STAGES,
    "city": tuple(text for text in TEXTS if text),
    "country": COUNTRIES,
    "latitude": (None, 52.5, 52.52, 0.1),
    "joined_on": (None, "2026-06-15", "2026-01-01", "1992-02-29"),
    "attributes.note": (*TEXTS, *ODD_TEXTS, 7, ["a"]),
    "attributes.points": (*NUMBERS, "7"),
    "attributes.vip": (True, False, None, "true"),
    "attributes.since": (None, "2026-06-15", "2026-01-01", "1992-02-29", 7),
    "attributes.address": tuple({"street": text} for text in ("a", "A", "NO", "O'Hara")),
    "attributes.interest": PATHS,
    "attributes.tags": LISTS_OF_TAGS,
    "attributes.budget": (*MONIES, *NO_MONIES),
}
