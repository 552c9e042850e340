"""Who belongs to a segment, worked out customer by customer in plain Python: a second opinion on the compiler.

Written from the grammar (its words, windows, edges and missing values) and from nothing else: it imports nothing of
Rapport's. Conditions are the plain dicts and texts that a YAML file holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from tests.segmentation.oracle_times import age, comes_round, in_days, in_window

Condition = Mapping[str, Any]
NEGATIVE = ("is_not", "not_in", "not_contains")
STRICTNESS = ("given", "pending", "lapsed", "withdrawn")
# Countries of the tests that have one zone only; of the others there is no telling.
ONLY_ZONE = {"JP": "Asia/Tokyo", "NU": "Pacific/Niue", "WS": "Pacific/Apia", "FR": "Europe/Paris"}
ZONES = available_timezones()


@dataclass(frozen=True)
class Line:
    """A line of an event: `amount` in cents, in the event's currency; the product's price in its own."""

    product: str
    quantity: float
    amount: int | None
    category: str | None
    brand: str | None
    price: int | None
    price_currency: str | None


@dataclass(frozen=True)
class Event:
    """Something a customer did, at a UTC instant; `amount` in cents."""

    kind: str
    at: datetime
    amount: int | None = None
    currency: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    lines: Sequence[Line] = ()


@dataclass(frozen=True)
class Person:
    """A customer with all that is known of her, whenever it happened."""

    key: str
    facts: Mapping[str, Any]  # country, city and the like
    born: tuple[int, int, int | None] | None  # month, day, year
    joined_on: date | None
    attributes: Mapping[str, Any]
    consents: Sequence[tuple[str, str, datetime]]  # topic, state, at
    suppressed: Sequence[datetime]
    events: Sequence[Event]


@dataclass(frozen=True)
class Words:
    """The vocabulary: types of attributes, and of properties by event."""

    attributes: Mapping[str, str]
    properties: Mapping[str, Mapping[str, str]]
    currency: str


@dataclass(frozen=True)
class Oracle:
    """People, the words about them, and where the company is."""

    people: Sequence[Person]
    words: Words
    zone: ZoneInfo
    segments: Mapping[str, Condition] = field(default_factory=dict)

    def members(self, who: Condition, now: datetime) -> list[str]:
        """The keys of those for whom the condition holds, in order."""
        return sorted(person.key for person in self.people if self.holds(who, person, now))

    def holds(self, who: Condition, person: Person, now: datetime) -> bool:
        kinds: dict[str, Callable[[], bool]] = {
            "all": lambda: all(self.holds(part, person, now) for part in who["all"]),
            "any": lambda: any(self.holds(part, person, now) for part in who["any"]),
            "not": lambda: not self.holds(who["not"], person, now),
            "segment": lambda: self.holds(self.segments[who["segment"]], person, now),
            "reachable": lambda: reachable(person, who["reachable"]["topic"], now),
            "attribute": lambda: self.attribute(who, person, now),
            "event": lambda: self.event(who, person, now),
        }
        return next(kinds[key] for key in who if key in kinds)()

    # Attributes

    def attribute(self, who: Condition, person: Person, now: datetime) -> bool:
        name = who["attribute"]
        ((word, operand),) = ((word, operand) for word, operand in who.items() if word != "attribute")
        today = now.astimezone(self.zone_of(person)).date()
        kind, value = self.value(name, person, today)
        if word == "anniversary":
            parts = (value.month, value.day, value.year) if isinstance(value, date) else value
            return comes_round(parts, operand, today)
        if word == "is_set" or kind not in ("date", "instant"):
            return compare(value, word, operand)
        if value is None:
            return False
        if kind == "date":
            return in_days(value, word, operand, today)
        return in_window(value, word, operand, now, self.zone)

    def value(self, name: str, person: Person, today: date) -> tuple[str, Any]:
        """The type and value of an attribute; None if it is missing."""
        own = {
            "birthday": ("yearly", person.born),
            "age": ("number", age(person.born, today)),
            "joined_on": ("date", person.joined_on),
            **{fact: ("number" if fact == "latitude" else "text", value) for fact, value in person.facts.items()},
        }
        if name in own:
            return own[name]
        kind = self.words.attributes[name]
        return kind, typed(deep(person.attributes, name), kind)

    def zone_of(self, person: Person) -> ZoneInfo:
        """Her own, else her country's only one, else the company's."""
        own = person.facts["time_zone"]
        if own in ZONES:
            return ZoneInfo(own)
        only = ONLY_ZONE.get(person.facts["country"] or "")
        return ZoneInfo(only) if only else self.zone

    # Events

    def event(self, who: Condition, person: Person, now: datetime) -> bool:
        kinds = [who["event"]] if isinstance(who["event"], str) else who["event"]
        found = [one for one in person.events if one.kind in kinds and one.at <= now]
        found = [one for one in found if self.where(one, who.get("where", {})) and self.items(one, who.get("items", {}))]
        for word in ("is", "before", "since", "between", "in_last", "in_next", "during"):
            if word in who:
                found = [one for one in found if in_window(one.at, word, who[word], now, self.zone)]
        return self.measure(who, found, now)

    def where(self, one: Event, tests: Mapping[str, Condition]) -> bool:
        for name, test in tests.items():
            ((word, operand),) = test.items()
            if name == "amount":
                value = one.amount if one.currency == self.words.currency else None
                holds = compare(value, word, cents(operand))
            else:
                value = typed(deep(one.properties, name), self.words.properties[one.kind][name])
                holds = compare(value, word, operand)
            if not holds:
                return False
        return True

    def items(self, one: Event, tests: Mapping[str, Condition]) -> bool:
        """All the tests hold for one line of it."""
        return not tests or any(all(self.line(one, line, name, test) for name, test in tests.items()) for line in one.lines)

    def line(self, one: Event, line: Line, name: str, test: Condition) -> bool:
        ((word, operand),) = test.items()
        value = getattr(line, name)
        if name == "amount" and one.currency != self.words.currency:
            value = None
        if name == "price" and line.price_currency != self.words.currency:
            value = None
        return compare(value, word, cents(operand) if name in ("amount", "price") else operand)

    def measure(self, who: Condition, found: Sequence[Event], now: datetime) -> bool:
        if "count" in who:
            ((word, operand),) = who["count"].items()
            return compare(len(found), word, operand)
        if "sum" in who:
            ((word, operand),) = ((word, operand) for word, operand in who["sum"].items() if word != "of")
            return compare(
                sum(one.amount or 0 for one in found if one.currency == self.words.currency), word, cents(operand)
            )
        for name, choose in (("first", min), ("last", max)):
            if name in who:
                ((word, operand),) = who[name].items()
                return bool(found) and in_window(choose(one.at for one in found), word, operand, now, self.zone)
        return bool(found)


def reachable(person: Person, topic: str, now: datetime) -> bool:
    """An address, not suppressed, and consent the last that was said; of two at one instant the stricter."""
    said = [(at, STRICTNESS.index(state)) for of, state, at in person.consents if of == topic and at <= now]
    suppressed = any(at <= now for at in person.suppressed)
    return person.facts["email"] is not None and not suppressed and bool(said) and max(said)[1] == 0


# Values


def deep(values: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path of nested JSON, None if there is none."""
    found: Any = values
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def typed(value: Any, kind: str) -> Any:
    """The value, if its JSON type is that of the vocabulary, else None."""
    if kind == "yes-no":
        return value if isinstance(value, bool) else None
    if kind == "number":
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    if not isinstance(value, str):
        return None
    if kind == "date":
        return date.fromisoformat(value) if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else None
    if kind == "instant":
        return datetime.fromisoformat(value) if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value) else None
    return value


def cents(operand: Any) -> Any:
    """`20.50 EUR` as 2050, in lists too; what is no money stays as it is."""
    if isinstance(operand, list):
        return [cents(one) for one in operand]
    amount, _, currency = operand.partition(" ")
    return str(int(Decimal(amount) * 100)) if currency else operand


def compare(value: Any, word: str, operand: Any) -> bool:
    """A missing value makes a positive word false, a negative one true."""
    if word == "is_set":
        return bool((value is not None) == (operand == "true"))
    if value is None:
        return word in NEGATIVE
    value = value if isinstance(value, (str, bool)) else Decimal(str(value))
    if word in ("is", "is_not", "in", "not_in"):
        named = operand if isinstance(operand, list) else [operand]
        return any(value == alike(one, value) for one in named) == (word in ("is", "in"))
    return compare_texts(value, word, operand) if isinstance(value, str) else compare_numbers(value, word, operand)


def alike(operand: str, value: Any) -> Any:
    """The operand as a value of the same type."""
    if isinstance(value, bool):
        return operand.lower() in ("true", "yes")
    return operand if isinstance(value, str) else Decimal(operand)


def compare_numbers(number: Decimal, word: str, operand: Any) -> bool:
    if word == "between":
        return Decimal(operand[0]) <= number <= Decimal(operand[1])
    other = Decimal(operand)
    return {
        "at_least": number >= other, "more_than": number > other, "at_most": number <= other, "less_than": number < other,
    }[word]  # fmt: skip


def compare_texts(value: str, word: str, operand: str) -> bool:
    if word == "under":
        return value == operand or value.startswith(operand + "/")
    if word in ("contains", "not_contains"):
        return (operand in value) == (word == "contains")
    return value.startswith(operand) if word == "starts_with" else value.endswith(operand)
