"""Made-up contact details for the demo's households. The year's data has none; everything here is invented.

Deterministic: the same households give the same people. Among them, on purpose: birthdays on 29 February, of
unknown year and epoch defaults; missing and invalid time zones; households without an address, without consent, with
consent withdrawn later; suppressed addresses.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from crm_store.consent.record import SuppressionFact
from crm_store.intake.importers.complete_journey import customer_key
from crm_store.intake.importing import Line
from crm_store.intake.records import ConsentRecord, CustomerRecord, EventRecord
from crm_store.intake.values import address_key

if TYPE_CHECKING:
    from faker import Faker

SOURCE = "made-up"
INVENTED = "name, address, birthday, time zone, locale, consents, sign-up"
YEAR_END = datetime(2018, 1, 1, 5, tzinfo=UTC)
LATE_SIGN_UPS = 200
LATE_DAYS = 60


@dataclass(frozen=True)
class Home:
    """Where a household is said to live."""

    country: str
    locale: str
    faker: str
    zones: tuple[str, ...]


_HOMES = (
    (
        80,
        Home("US", "en_US", "en_US", ("America/New_York", "America/New_York", "America/Chicago", "America/Los_Angeles")),
    ),
    (6, Home("CA", "en_CA", "en_CA", ("America/Toronto", "America/Vancouver", "America/St_Johns"))),
    (5, Home("MX", "es_MX", "es_MX", ("America/Mexico_City", "America/Tijuana"))),
    (3, Home("DE", "de_DE", "de_DE", ("Europe/Berlin",))),
    (3, Home("FR", "fr_FR", "fr_FR", ("Europe/Paris",))),
    (3, Home("GB", "en_GB", "en_GB", ("Europe/London",))),
)
_INVALID_ZONES = ("Eastern", "America/Gotham", "GMT+25")


@dataclass(frozen=True)
class Person:
    """What is made up for a household."""

    customer: CustomerRecord
    signed_up: EventRecord
    suppression: SuppressionFact | None


def make_up(first_baskets: Mapping[int, datetime], known: Mapping[int, Mapping[str, str]]) -> list[Person]:
    """A person for each household that bought something; `known` are its real attributes."""
    households = sorted(first_baskets)
    late = set(random.Random("late sign-ups").sample(households, LATE_SIGN_UPS))
    return [_person(one, first_baskets[one], known.get(one, {}), one in late) for one in households]


def customers(people: list[Person]) -> Iterator[Line]:
    for number, person in enumerate(people, start=1):
        yield Line(number, person.customer, partial(asdict, person.customer))


def sign_ups(people: list[Person]) -> Iterator[Line]:
    for number, person in enumerate(people, start=1):
        yield Line(number, person.signed_up, partial(asdict, person.signed_up))


def _person(household: int, first_basket: datetime, known: Mapping[str, str], is_late: bool) -> Person:
    chance = random.Random(f"household {household}")
    home = chance.choices([home for _, home in _HOMES], [weight for weight, _ in _HOMES])[0]
    faker = _faker(home.faker)
    faker.seed_instance(household)
    first_name, last_name = faker.first_name(), faker.last_name()
    joined = _joined(chance, first_basket, is_late)
    email = f"{_plain(first_name)}.{_plain(last_name)}.{household}@example.com" if chance.random() > 0.03 else None
    columns: dict[str, Any] = {
        "email": email,
        "email_key": address_key(email) if email else None,
        "first_name": first_name if chance.random() > 0.05 else None,
        "last_name": last_name,
        "country": home.country,
        "locale": home.locale,
        "time_zone": _zone(chance, home),
        "joined_on": joined.date(),
        "stage": "acquired",
        **_birthday(chance),
    }
    key = customer_key(household)
    return Person(
        CustomerRecord(key, columns, {**known, "made_up": INVENTED}, _consents(chance, joined)),
        EventRecord(key, "signed_up", joined, id=f"signed-up-{household}", properties={"made_up": True}),
        _suppression(chance, email, joined),
    )


@cache
def _faker(locale: str) -> Faker:
    from faker import Faker

    return Faker(locale)


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in letters.lower() if letter.isalnum())


def _joined(chance: random.Random, first_basket: datetime, is_late: bool) -> datetime:
    """Some days before or after the first basket; for some, in the last 60 days of the year."""
    if is_late:
        return YEAR_END - timedelta(minutes=chance.randint(600, LATE_DAYS * 1440))
    return min(first_basket + timedelta(minutes=chance.randint(-5 * 1440, 10 * 1440)), YEAR_END)


def _zone(chance: random.Random, home: Home) -> str | None:
    draw = chance.random()
    if draw < 0.05:
        return None
    return chance.choice(_INVALID_ZONES) if draw < 0.08 else chance.choice(home.zones)


def _birthday(chance: random.Random) -> dict[str, int | None]:
    draw = chance.random()
    if draw < 0.08:
        return {"birth_month": None, "birth_day": None, "birth_year": None}
    if draw < 0.10:
        return {"birth_month": 1, "birth_day": 1, "birth_year": 1970}
    if draw < 0.12:
        return {"birth_month": 2, "birth_day": 29, "birth_year": chance.choice((1956, 1972, 1984, 1996))}
    day = datetime(1940, 1, 1, tzinfo=UTC) + timedelta(days=chance.randint(0, 58 * 365))
    return {"birth_month": day.month, "birth_day": day.day, "birth_year": None if draw < 0.25 else day.year}


def _consents(chance: random.Random, joined: datetime) -> tuple[ConsentRecord, ...]:
    given = []
    for topic, share in (("offers", 0.85), ("news", 0.6)):
        if chance.random() < share:
            given.append(ConsentRecord("email", topic, "given", "consent", joined))
            if chance.random() < 0.08:
                until = max(joined + timedelta(days=1), YEAR_END - timedelta(days=chance.randint(1, 120)))
                given.append(ConsentRecord("email", topic, "withdrawn", None, until))
    return tuple(given)


def _suppression(chance: random.Random, email: str | None, joined: datetime) -> SuppressionFact | None:
    if email is None or chance.random() > 0.015:
        return None
    return SuppressionFact("email", address_key(email), "hard_bounce", SOURCE, joined + timedelta(days=1))
