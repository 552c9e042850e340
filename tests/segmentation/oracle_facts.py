"""What the oracle knows of people and of the company's words. Like the oracle it imports nothing of Rapport's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

Condition = Mapping[str, Any]
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
NO_DIGITS = ("JPY",)


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
    """Something a customer did, at a UTC instant; `amount` in minor units."""

    kind: str
    at: datetime
    amount: int | None = None
    currency: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    lines: Sequence[Line] = ()


@dataclass(frozen=True)
class Told:
    """What a provider told of a touch."""

    kind: str
    at: datetime
    actor: str
    link: str | None


@dataclass(frozen=True)
class Touch:
    """A message to her: `run` is the number of the campaign run it was planned in."""

    step: str
    template: str
    topic: str | None
    variant: str | None
    run: str
    state: str
    sent_at: datetime | None
    decided_at: datetime | None
    told: Sequence[Told]


@dataclass(frozen=True)
class Offer:
    name: str
    issued_at: datetime
    valid_until: datetime | None
    redeemed_at: datetime | None


@dataclass(frozen=True)
class Enrolment:
    """Her way through a campaign, with its messages and codes."""

    campaign: str
    entered_at: datetime
    finished_at: datetime | None
    left_at: datetime | None
    goal_at: datetime | None
    held_out: bool
    touches: Sequence[Touch]
    offers: Sequence[Offer]


@dataclass(frozen=True)
class FollowUp:
    kind: str
    created_at: datetime
    due_at: datetime | None
    done_at: datetime | None
    outcome: str | None


@dataclass(frozen=True)
class Membership:
    segment: str
    entered_at: datetime
    left_at: datetime | None


@dataclass(frozen=True)
class Change:
    """`name` is a fact, or `attributes.NAME`; values as JSON has them."""

    name: str
    old: Any
    new: Any
    at: datetime


@dataclass(frozen=True)
class Person:
    """A customer with all that is known of her, whenever it happened. Events and touches are in the order they came in."""

    key: str
    facts: Mapping[str, Any]  # country, city and the like
    born: tuple[int, int, int | None] | None  # month, day, year
    joined_on: date | None
    attributes: Mapping[str, Any]
    consents: Sequence[tuple[str, str, datetime]]  # topic, state, at
    suppressed: Sequence[tuple[str, datetime]]  # reason, at
    events: Sequence[Event]
    created_at: datetime = LONG_AGO
    changes: Sequence[Change] = ()
    enrolments: Sequence[Enrolment] = ()
    follow_ups: Sequence[FollowUp] = ()
    scores: Mapping[str, tuple[float, datetime]] = field(default_factory=dict)
    lists: Sequence[str] = ()
    memberships: Sequence[Membership] = ()
    erased: bool = False  # and so belongs to nothing


@dataclass(frozen=True)
class UsualGap:
    """What a gap is worth with fewer than `events` of them, and how short and long it may be (durations)."""

    events: int
    otherwise: str
    at_least: str | None = None
    at_most: str | None = None


@dataclass(frozen=True)
class Place:
    kind: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Words:
    """The vocabulary: types of attributes, and of properties by event; the first currency is the one that counts."""

    attributes: Mapping[str, str]
    properties: Mapping[str, Mapping[str, str]]
    currency: str
    rates: Mapping[str, Sequence[tuple[date, Decimal]]] = field(default_factory=dict)
    gaps: Mapping[str, UsualGap] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)

    def worth(self, minor: int | None, currency: str | None, day: date, into: str) -> Fraction | None:
        """An amount in major units of another currency, at the rates of the day; None if that can't be said."""
        if minor is None or currency is None:
            return None
        one, other = self._rate(currency, day), self._rate(into, day)
        return None if one is None or other is None else Fraction(minor, 1 if currency in NO_DIGITS else 100) * one / other

    def _rate(self, currency: str, day: date) -> Fraction | None:
        if currency == self.currency:
            return Fraction(1)
        known = [rate for first, rate in self.rates.get(currency, ()) if first <= day]
        return Fraction(known[-1]) if known else None
