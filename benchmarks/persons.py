"""The customers of a made-up store: who they are, what they agreed to, what others say about them.

Everything here is assumed but the share of missing birthdays (FEBRL: 1.9-4.1 %): no source in load_shape.json has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmarks.bulk import Bulk, Columns, load
from benchmarks.draws import Calendar, Floats, Ints, People, drawn, generator
from benchmarks.shape import DAY, NOW_MICROS
from crm_store.clock import from_micros
from crm_store.content.vocabulary import STAGES
from crm_store.intake.buckets import bucket_of
from crm_store.schema import (
    consent,
    consent_state,
    customer,
    customer_change,
    list_member,
    score,
    static_list,
    suppression,
)


@dataclass(frozen=True)
class Home:
    """Where customers live; `share` of all of them. Coordinates are those of the city."""

    city: str
    country: str
    time_zone: str
    locale: str
    latitude: float
    longitude: float
    share: float


HOMES = (
    Home("Berlin", "DE", "Europe/Berlin", "de_DE", 52.52, 13.405, 0.16),
    Home("Hamburg", "DE", "Europe/Berlin", "de_DE", 53.551, 9.994, 0.10),
    Home("München", "DE", "Europe/Berlin", "de_DE", 48.137, 11.576, 0.10),
    Home("Köln", "DE", "", "de_DE", 50.938, 6.96, 0.10),
    Home("Wien", "AT", "Europe/Vienna", "de_AT", 48.208, 16.373, 0.08),
    Home("Zürich", "CH", "Europe/Zurich", "de_CH", 47.377, 8.541, 0.06),
    Home("Paris", "FR", "Europe/Paris", "fr_FR", 48.857, 2.352, 0.08),
    Home("London", "GB", "Europe/London", "en_GB", 51.507, -0.128, 0.10),
    Home("New York", "US", "America/New_York", "en_US", 40.713, -74.006, 0.07),
    Home("Chicago", "US", "America/Chicago", "en_US", 41.878, -87.63, 0.04),
    Home("Los Angeles", "US", "America/Los_Angeles", "en_US", 34.052, -118.244, 0.05),
    Home("Auckland", "NZ", "Pacific/Auckland", "en_NZ", -36.848, 174.763, 0.02),
    Home("", "", "", "en_US", 0, 0, 0.04),  # nobody knows where
)
FIRST = ("Anna", "Ben", "Clara", "David", "Emma", "Finn", "Greta", "Hugo", "Ida", "Jonas", "Lena", "Max", "Zoë", "İpek")
LAST = ("Müller", "Schmidt", "Smith", "Jones", "Martin", "Bernard", "Huber", "Keller", "García", "Brown", "Weber")
TIERS = ("gold", "silver", "bronze")
INTERESTS = ("coffee", "tea", "wine", "cheese", "garden", "books", "kitchen", "toys")
NAMED = {"EUR": ("DE", "AT", "FR", ""), "CHF": ("CH",), "GBP": ("GB",), "USD": ("US", "NZ")}
CURRENCY = {country: code for code, countries in NAMED.items() for country in countries}


def write_persons(bulk: Bulk, them: People, calendar: Calendar, zones: Mapping[tuple[str, str], int]) -> Homes:
    """All customers and what is known of them. Returns where they live and since when they are there."""
    homes = _homes(them, calendar)
    draw = generator("traits")
    tiers = drawn(draw, np.array([0.08, 0.22, 0.5, 0.2]), them.size)  # the last: none
    load(bulk, customer, them.size, _customers(homes, tiers, zones, draw))
    _write_changes(bulk, homes, tiers)
    _write_consents(bulk, homes)
    _write_suppressions(bulk, them.size)
    _write_lists(bulk, them.size)
    for name in ("churn", "value"):
        _write_scores(bulk, them.size, name)
    return homes


@dataclass(frozen=True)
class Homes:
    """Of customer i: a place in HOMES, the instant of creation, the state of the consent to offers (CONSENTS)."""

    home: Ints
    created: Ints
    offers: Ints
    erased: Ints  # instants, -1 for those who are not

    @property
    def size(self) -> int:
        return len(self.home)


def _homes(them: People, calendar: Calendar) -> Homes:
    rng = generator("homes")
    home = drawn(rng, np.array([one.share for one in HOMES]), them.size)
    created = calendar.instants(them.since, rng) // DAY * DAY
    offers = drawn(rng, np.array([0.62, 0.06, 0.08, 0.02, 0.22]), them.size)
    erased = np.where(rng.random(them.size) < 0.003, created + DAY, -1)
    return Homes(home, created, offers, erased)


def or_none(values: Ints) -> list[int | None]:
    """The numbers, None for those below 0."""
    return [None if one < 0 else one for one in values.tolist()]


def _customers(
    homes: Homes, tiers: Ints, zones: Mapping[tuple[str, str], int], rng: Generator
) -> Callable[[slice], Columns]:
    named, born, placed = _names(homes, rng), _birthdays(rng, homes.size), _places(homes, zones, rng)
    attributes = _attributes(tiers, rng)
    stage = rng.integers(0, len(STAGES), homes.size)
    days = {int(one): from_micros(int(one)).date().isoformat() for one in np.unique(homes.created)}

    def columns(part: slice) -> Columns:
        return {
            "id": list(range(part.start + 1, part.stop + 1)),
            **named(part),
            **placed(part),
            **{name: or_none(values[part]) for name, values in born.items()},
            "joined_on": [days[one] for one in homes.created[part].tolist()],
            "stage": [STAGES[one] for one in stage[part].tolist()],
            "attributes": attributes(part),
            "created_at": homes.created[part],
            "updated_at": homes.created[part],
            "erased_at": or_none(homes.erased[part]),
        }

    return columns


def _names(homes: Homes, rng: Generator) -> Callable[[slice], Columns]:
    """Keys, names and addresses; 3 % have no address, 2 % that of somebody else."""
    size = homes.size
    first, last = rng.integers(0, len(FIRST), size), rng.integers(0, len(LAST), size)
    known = (rng.random(size) < 0.97) & (homes.erased < 0)
    whose = np.where(rng.random(size) < 0.02, rng.integers(0, size, size), np.arange(size))  # people with two accounts

    def columns(part: slice) -> Columns:
        keys = [key_of(number) for number in range(part.start, part.stop)]
        chosen = zip(whose[part].tolist(), known[part].tolist(), strict=True)
        mails = [f"{key_of(one)}@example.com" if ok else None for one, ok in chosen]
        return {
            "key": keys,
            "bucket": [bucket_of(key) for key in keys],
            "email": mails,
            "email_key": mails,
            "first_name": [FIRST[one] for one in first[part].tolist()],
            "last_name": [LAST[one] for one in last[part].tolist()],
        }

    return columns


def _places(homes: Homes, zones: Mapping[tuple[str, str], int], rng: Generator) -> Callable[[slice], Columns]:
    """Where they live; of 80 % the coordinates, some kilometres around their city."""
    away = rng.normal(0, 0.15, (homes.size, 2))
    located = (rng.random(homes.size) < 0.8) & (homes.home < len(HOMES) - 1)
    zone = [zones[(one.time_zone, one.country)] for one in HOMES]

    def columns(part: slice) -> Columns:
        live = [HOMES[one] for one in homes.home[part].tolist()]
        at = [one if ok else None for one, ok in zip(away[part].tolist(), located[part], strict=True)]
        return {
            "locale": [home.locale for home in live],
            "time_zone": [home.time_zone or None for home in live],
            "country": [home.country or None for home in live],
            "city": [home.city or None for home in live],
            "latitude": [home.latitude + one[0] if one else None for home, one in zip(live, at, strict=True)],
            "longitude": [home.longitude + one[1] if one else None for home, one in zip(live, at, strict=True)],
            "zone_id": [zone[one] for one in homes.home[part].tolist()],
        }

    return columns


def key_of(number: int) -> str:
    return f"customer-{number + 1:07d}"


def _birthdays(rng: Generator, size: int) -> dict[str, Ints]:
    """Years, months and days; -1 where missing (3 %), years also without (5 %); 1 % is a form's default."""
    days = rng.integers(0, 366, size)
    when = [from_micros(day * DAY) for day in range(2 * 365, 2 * 365 + 366)]  # 1972, a leap year
    month, day = (np.array([getattr(one, part) for one in when])[days] for part in ("month", "day"))
    leap = (month == 2) & (day == 29)
    year = np.where(leap, 1940 + 4 * rng.integers(0, 17, size), rng.integers(1936, 2009, size))
    default, missing = rng.random(size) < 0.01, rng.random(size) < 0.03
    year = np.where(default, 1970, np.where(rng.random(size) < 0.05, -1, year))
    month, day = np.where(default, 1, month), np.where(default, 1, day)
    found = {"birth_year": year, "birth_month": month, "birth_day": day}
    return {name: np.where(missing, -1, values) for name, values in found.items()}


def _attributes(tiers: Ints, rng: Generator) -> Callable[[slice], list[str]]:
    """JSON: tier, points, interests (a list), balance (money), renewal_on (a date), diet (a text path)."""
    size = len(tiers)
    points = rng.gamma(0.8, 1200, size).astype(np.int64)
    minor = np.where(rng.random(size) < 0.4, rng.gamma(1, 3000, size), -1).astype(np.int64)
    sets = [json.dumps([one for bit, one in enumerate(INTERESTS) if mask >> bit & 1]) for mask in range(256)]
    masks = rng.integers(0, 256, size) & rng.integers(0, 256, size)
    renewal = np.where(rng.random(size) < 0.15, rng.integers(-180, 365, size), -1000)

    def texts(part: slice) -> list[str]:
        chosen = (one[part].tolist() for one in (tiers, points, minor, masks, renewal))
        return [_attribute(sets, *values) for values in zip(*chosen, strict=True)]

    return texts


def _attribute(sets: list[str], tier: int, points: int, minor: int, mask: int, renewal: int) -> str:
    parts = [f'"points": {points}']
    if tier < len(TIERS):
        parts.append(f'"tier": "{TIERS[tier]}"')
    if mask:
        parts.append(f'"interests": {sets[mask]}')
    if minor >= 0:
        parts.append(f'"balance": {{"minor": {minor}, "currency": "EUR"}}')
    if renewal > -1000:
        parts.append(f'"renewal_on": "{from_micros(NOW_MICROS + renewal * DAY).date().isoformat()}"')
    return "{" + ", ".join(parts) + "}"


def _write_changes(bulk: Bulk, homes: Homes, tiers: Ints) -> None:
    """The tier of 30 % of those who have one was another before: `old` and `new` of the change, some days ago."""
    rng = generator("changes")
    who = np.flatnonzero((tiers < len(TIERS)) & (rng.random(homes.size) < 0.3))
    old = (tiers[who] + rng.integers(1, 3, len(who))) % len(TIERS)
    at = homes.created[who] + (rng.random(len(who)) * (NOW_MICROS + DAY - homes.created[who])).astype(np.int64)

    def columns(part: slice) -> Columns:
        now = [f'"{TIERS[one]}"' for one in tiers[who[part]].tolist()]
        before = [f'"{TIERS[one]}"' for one in old[part].tolist()]
        return {
            "id": list(range(part.start + 1, part.stop + 1)),
            "customer_id": who[part] + 1,
            "name": "attributes.tier",
            "old": before,
            "new": now,
            "at": at[part],
            "source": "shop",
        }

    load(bulk, customer_change, len(who), columns)


CONSENTS = ("given", "pending", "withdrawn", "lapsed", "never")


def _write_consents(bulk: Bulk, homes: Homes) -> None:
    """Offers by `homes.offers`, news given by half. Who withdrew had agreed before; 1 % of those after now."""
    rng = generator("consents")
    news = np.where(rng.random(homes.size) < 0.5, 0, len(CONSENTS) - 1)
    first_id = 1
    for topic, states in (("news", news), ("offers", homes.offers)):
        who = np.flatnonzero(states < len(CONSENTS) - 1)
        at = homes.created[who] + (rng.random(len(who)) * (NOW_MICROS + DAY - homes.created[who]) * 0.5).astype(np.int64)
        ended = np.flatnonzero(states[who] >= 2)
        late = np.where(rng.random(len(ended)) < 0.01, NOW_MICROS + DAY, (at[ended] + NOW_MICROS) // 2)
        given = np.where(states[who] >= 2, 0, states[who])
        first_id += _history(bulk, topic, who, given, at, first_id)
        first_id += _history(bulk, topic, who[ended], states[who[ended]], late, first_id)
        at[ended] = late
        load(bulk, consent_state, len(who), _states(topic, who, states[who], at))


def _states(topic: str, who: Ints, states: Ints, at: Ints) -> Callable[[slice], Columns]:
    def columns(part: slice) -> Columns:
        return {
            "customer_id": who[part] + 1,
            "channel": "email",
            "topic": topic,
            "state": [CONSENTS[one] for one in states[part].tolist()],
            "at": at[part],
        }

    return columns


def _history(bulk: Bulk, topic: str, who: Ints, states: Ints, at: Ints, first_id: int) -> int:
    """Rows of the history. Returns how many."""
    facts = _states(topic, who, states, at)

    def columns(part: slice) -> Columns:
        ids = list(range(first_id + part.start, first_id + part.stop))
        return {"id": ids, **facts(part), "basis": "consent", "source": "shop", "recorded_at": at[part]}

    load(bulk, consent, len(who), columns)
    return len(who)


def _write_suppressions(bulk: Bulk, size: int) -> None:
    """1.5 % of the addresses; one of a hundred of these after now."""
    rng = generator("suppressions")
    who = np.flatnonzero(rng.random(size) < 0.015)
    at = NOW_MICROS - (rng.random(len(who)) * 365 * DAY).astype(np.int64)
    at[::100] = NOW_MICROS + DAY

    def columns(part: slice) -> Columns:
        return {
            "id": list(range(part.start + 1, part.stop + 1)),
            "channel": "email",
            "address": [f"{key_of(one)}@example.com" for one in who[part].tolist()],
            "reason": [("hard_bounce", "complaint", "manual")[one % 3] for one in who[part].tolist()],
            "source": "provider",
            "at": at[part],
        }

    load(bulk, suppression, len(who), columns)


def _write_lists(bulk: Bulk, size: int) -> None:
    """One list, `vip`, with 2 % of the customers."""
    who = np.flatnonzero(generator("lists").random(size) < 0.02)
    load(
        bulk,
        static_list,
        1,
        lambda _: {"id": [1], "name": ["vip"], "source": ["sales"], "imported_at": [NOW_MICROS - 30 * DAY]},
    )
    load(bulk, list_member, len(who), lambda part: {"list_id": 1, "customer_id": who[part] + 1})


def _write_scores(bulk: Bulk, size: int, name: str) -> None:
    """A score of everybody from 0 to 1, to four decimals, so that there are ties; computed in the last 40 days, 0.5 %
    after now."""
    rng = generator(name)
    value: Floats = np.round(rng.beta(2, 5, size), 4)
    at = NOW_MICROS - (rng.random(size) * 40 * DAY).astype(np.int64)
    at[::200] = NOW_MICROS + DAY
    load(
        bulk,
        score,
        size,
        lambda part: {
            "name": name,
            "customer_id": list(range(part.start + 1, part.stop + 1)),
            "value": value[part],
            "at": at[part],
        },
    )
