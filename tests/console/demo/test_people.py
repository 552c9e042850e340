"""Made-up people: the same every time, with everything a real list has - and it says that they are made up."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from console.demo import people
from console.demo.people import Person
from crm_store.clock import only_zone_of_country, zone_or_none
from crm_store.content.vocabulary import Vocabulary
from crm_store.intake.importers import complete_journey as journey
from crm_store.intake.values import Rules, birthday, email

RULES = Rules(Vocabulary({}, {}, {}), ZoneInfo("UTC"), "USD")
PRINT = "from tests.console.demo.test_people import everybody; print(repr(everybody()))"


@cache
def everybody() -> list[Person]:
    folder = journey.data_folder()
    return people.make_up(journey.first_baskets(folder), journey.demographics(folder))


@pytest.fixture
def folk() -> list[Person]:
    return everybody()


def column(folk: list[Person], name: str) -> Counter[object]:
    return Counter(person.customer.columns[name] for person in folk)


def test_two_calls_even_of_two_programs_make_up_the_same(folk: list[Person]) -> None:
    folder = journey.data_folder()
    assert people.make_up(journey.first_baskets(folder), journey.demographics(folder)) == folk
    other = subprocess.run([sys.executable, "-c", PRINT], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == repr(folk)


def test_every_household_has_one_person_with_a_key_of_its_own(folk: list[Person]) -> None:
    assert len(folk) == len({person.customer.key for person in folk}) == 2469
    addresses = [person.customer.columns["email"] for person in folk if person.customer.columns["email"]]
    assert len(set(addresses)) == len(addresses)


def test_it_says_in_the_data_what_is_made_up(folk: list[Person]) -> None:
    assert {person.customer.attributes["made_up"] for person in folk} == {people.INVENTED}
    assert all(person.signed_up.properties == {"made_up": True} for person in folk)
    assert people.SOURCE == "made-up"


def test_addresses_are_valid_and_nobodys(folk: list[Person]) -> None:
    addresses = [str(person.customer.columns["email"]) for person in folk if person.customer.columns["email"]]
    assert 0.95 < len(addresses) / len(folk) < 0.99  # a few have none
    assert all(address.endswith("@example.com") for address in addresses)
    assert all(email(address, RULES) == address for address in addresses)


def test_birthdays_are_days_some_without_a_year_some_on_29_february(folk: list[Person]) -> None:
    born = [tuple(person.customer.columns[f"birth_{part}"] for part in ("month", "day", "year")) for person in folk]
    for month, day, year in born:
        if month is not None:
            assert birthday(f"{'-' if year is None else year}-{month:02d}-{day:02d}", RULES) == (month, day, year)
    assert 20 <= sum(one[:2] == (2, 29) for one in born) <= 120
    assert 200 <= sum(one[0] is not None and one[2] is None for one in born) <= 500
    assert 100 <= born.count((None, None, None)) <= 300
    assert 20 <= born.count((1, 1, 1970)) <= 100  # what forms write when nobody filled them in


def test_names_locales_and_zones_fit_the_country(folk: list[Person]) -> None:
    locales = {person.customer.columns["country"]: person.customer.columns["locale"] for person in folk}
    assert locales == {"US": "en_US", "CA": "en_CA", "MX": "es_MX", "DE": "de_DE", "FR": "fr_FR", "GB": "en_GB"}
    assert column(folk, "country").most_common(1)[0][0] == "US"
    german = {str(person.customer.columns["last_name"]) for person in folk if person.customer.columns["country"] == "DE"}
    assert any(set(name) & set("äöüß") for name in german)


def test_some_zones_are_missing_and_some_are_none(folk: list[Person]) -> None:
    zones = [person.customer.columns["time_zone"] for person in folk]
    invalid = [zone for zone in zones if zone is not None and zone_or_none(zone) is None]
    assert 60 <= zones.count(None) <= 200
    assert 30 <= len(invalid) <= 150
    columns = [person.customer.columns for person in folk]
    unsure = {str(one["country"]) for one in columns if one["time_zone"] in {None, *invalid}}
    fallbacks = {only_zone_of_country(country) for country in unsure}
    assert None in fallbacks  # the company's zone
    assert len(fallbacks) > 1  # the country's


def test_some_200_signed_up_in_the_last_60_days(folk: list[Person]) -> None:
    end = datetime(2018, 1, 1, 5, tzinfo=UTC)  # midnight at the shop
    late = [person for person in folk if person.signed_up.at >= end - timedelta(days=60)]
    assert 200 <= len(late) <= 240
    assert all(person.signed_up.at <= end for person in late)


def test_sign_ups_are_some_days_before_or_after_the_first_basket(folk: list[Person]) -> None:
    first = journey.first_baskets(journey.data_folder())
    gaps = [person.signed_up.at - first[int(person.customer.key.removeprefix("household-"))] for person in folk]
    near = [gap for gap in gaps if timedelta(days=-5) <= gap <= timedelta(days=10)]
    assert len(near) >= len(folk) - 200
    assert sum(gap < timedelta(0) for gap in near) > 500
    assert sum(gap > timedelta(0) for gap in near) > 1000


def test_who_joined_signed_up_on_that_day_once(folk: list[Person]) -> None:
    assert all(person.customer.columns["joined_on"] == person.signed_up.at.date() for person in folk)
    assert {person.signed_up.kind for person in folk} == {"signed_up"}
    assert len({person.signed_up.id for person in folk}) == len(folk)


def test_most_agree_some_never_did_some_withdrew_later(folk: list[Person]) -> None:
    states: Counter[tuple[str, ...]] = Counter()
    for person in folk:
        said = [one for one in person.customer.consents if one.topic == "offers"]
        states[tuple(one.state for one in said)] += 1
        assert [one.at for one in said] == sorted({one.at for one in said})
    assert states.keys() == {("given",), (), ("given", "withdrawn")}
    assert states[("given",)] > 1700
    assert states[()] > 200
    assert states[("given", "withdrawn")] > 80
    assert {one.topic for person in folk for one in person.customer.consents} == {"offers", "news"}


def test_a_few_are_suppressed_under_their_own_address(folk: list[Person]) -> None:
    suppressed = [person for person in folk if person.suppression]
    assert 15 <= len(suppressed) <= 80
    for person in suppressed:
        assert person.suppression is not None
        assert person.suppression.address == person.customer.columns["email_key"]
        assert person.suppression.at > person.signed_up.at


def test_real_attributes_are_kept_beside_the_made_up_ones(folk: list[Person]) -> None:
    known = journey.demographics(journey.data_folder())
    with_some = [person for person in folk if len(person.customer.attributes) > 1]
    assert len(with_some) == len(known) == 801
    person = next(person for person in folk if person.customer.key == "household-1")
    assert person.customer.attributes == {**known[1], "made_up": people.INVENTED}
