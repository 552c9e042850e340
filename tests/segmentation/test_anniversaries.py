"""Yearly dates come round by the customer's own date: over New Year, on leap days, in the years that are asked for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.segmentation.asking import Audience

BIRTHDAYS = (
    "1990-01-01", "1970-01-01", "1900-01-01", "--01-01", "1990-01-05", "1990-02-27", "1990-02-28", "1992-02-29", "--02-29",
    "1990-03-01", "1990-03-02", "1976-06-14", "2016-06-15", "2021-06-15", "2025-06-15", "2026-06-15", "2030-06-15",
    "--06-15", "1990-06-16", "1990-06-22", "1990-06-23", "1990-12-28", "1990-12-31", "--12-31",
)  # fmt: skip
KNOWN = [born for born in BIRTHDAYS if not born.startswith("-")]


@pytest.fixture(scope="module")
def people(audience: Audience) -> Audience:
    """Somebody born on each day, who joined on that day too, and somebody of whom nothing is known."""
    born = [{"key": day, "birthday": day, "joined_on": day, "attributes": {"since": day}} for day in KNOWN]
    of_unknown_age = [{"key": day, "birthday": day} for day in BIRTHDAYS if day not in KNOWN]
    audience.fill([*born, *of_unknown_age, {"key": "nobody"}])
    return audience


def chosen(people: Audience, attribute: str, anniversary: str, now: str) -> list[str]:
    instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
    return people.chosen(f"attribute: {attribute}, anniversary: {{{anniversary}}}", instant)


CASES = [
    # a plain week, with both its ends
    ("in_next: 7 days", "2026-06-15T12:00",
     {"2016-06-15", "2021-06-15", "2025-06-15", "--06-15", "1990-06-16", "1990-06-22"}),
    ("in_last: 1 day", "2026-06-15T12:00", {"1976-06-14", "2016-06-15", "2021-06-15", "2025-06-15", "--06-15"}),
    ("in_next: 0 days", "2026-06-16T12:00", {"1990-06-16"}),
    ("is: 2026-06-16", "2020-01-01T12:00", {"1990-06-16"}),
    ("during: tomorrow", "2026-06-21T12:00", {"1990-06-22"}),
    ("during: this week", "2026-06-17T12:00", {"2016-06-15", "2021-06-15", "2025-06-15", "--06-15", "1990-06-16"}),
    # over New Year; what systems write for an unknown date never comes round
    ("in_next: 7 days", "2026-12-29T12:00", {"1990-12-31", "--12-31", "1990-01-01", "--01-01", "1990-01-05"}),
    ("in_last: 7 days", "2027-01-04T12:00", {"1990-12-28", "1990-12-31", "--12-31", "1990-01-01", "--01-01"}),
    ("during: this month", "2026-12-15T12:00", {"1990-12-28", "1990-12-31", "--12-31"}),
    ("during: next month", "2026-12-15T12:00", {"1990-01-01", "--01-01", "1990-01-05"}),
    # 29 February in a common year: on the 28th, unless said otherwise
    ("is: 2026-02-28", "2026-02-28T12:00", {"1990-02-28", "1992-02-29", "--02-29"}),
    ("is: 2026-02-28, leap_day: feb-28", "2026-02-28T12:00", {"1990-02-28", "1992-02-29", "--02-29"}),
    ("is: 2026-02-28, leap_day: mar-1", "2026-02-28T12:00", {"1990-02-28"}),
    ("is: 2026-02-28, leap_day: leap-years-only", "2026-02-28T12:00", {"1990-02-28"}),
    ("is: 2026-03-01", "2026-03-01T12:00", {"1990-03-01"}),
    ("is: 2026-03-01, leap_day: mar-1", "2026-03-01T12:00", {"1990-03-01", "1992-02-29", "--02-29"}),
    ("is: 2026-03-01, leap_day: leap-years-only", "2026-03-01T12:00", {"1990-03-01"}),
    # 29 February in a leap year: on its day, whatever is said
    ("is: 2028-02-28", "2028-02-28T12:00", {"1990-02-28"}),
    ("is: 2028-02-29", "2028-02-29T12:00", {"1992-02-29", "--02-29"}),
    ("is: 2028-02-29, leap_day: mar-1", "2028-02-29T12:00", {"1992-02-29", "--02-29"}),
    ("is: 2028-02-29, leap_day: leap-years-only", "2028-02-29T12:00", {"1992-02-29", "--02-29"}),
    ("is: 2028-03-01, leap_day: mar-1", "2028-03-01T12:00", {"1990-03-01"}),
    ("in_next: 3 days", "2026-02-27T12:00",
     {"1990-02-27", "1990-02-28", "1992-02-29", "--02-29", "1990-03-01", "1990-03-02"}),
    ("in_next: 2 days, leap_day: leap-years-only", "2026-02-27T12:00", {"1990-02-27", "1990-02-28", "1990-03-01"}),
    # 2100 is no leap year
    ("is: 2100-02-28", "2100-02-28T12:00", {"1990-02-28", "1992-02-29", "--02-29"}),
    # the years that are asked for; of an unknown year there is no telling
    ("is: 2026-06-15, years: [1, 5]", "2026-06-15T12:00", {"2025-06-15", "2021-06-15"}),
    ("is: 2026-06-15, years: [10]", "2026-06-15T12:00", {"2016-06-15"}),
    ("is: 2026-06-14, years: [50]", "2026-06-14T12:00", {"1976-06-14"}),
    ("in_next: 7 days, years: [37]", "2026-12-29T12:00", {"1990-01-01", "1990-01-05"}),
    ("in_next: 7 days, years: [36]", "2026-12-29T12:00", {"1990-12-31"}),
    ("is: 2026-02-28, years: [34]", "2026-02-28T12:00", {"1992-02-29"}),
    # the day itself is no anniversary of its own, and none lies before it
    ("is: 2026-06-15", "2026-06-15T12:00", {"2016-06-15", "2021-06-15", "2025-06-15", "--06-15"}),
    ("is: 2031-06-15", "2031-06-15T12:00",
     {"2016-06-15", "2021-06-15", "2025-06-15", "2026-06-15", "2030-06-15", "--06-15"}),
]  # fmt: skip


@pytest.mark.parametrize(("anniversary", "now", "expected"), CASES)
def test_a_birthday_comes_round(people: Audience, anniversary: str, now: str, expected: set[str]) -> None:
    assert set(chosen(people, "birthday", anniversary, now)) == expected


@pytest.mark.parametrize("attribute", ["joined_on", "since"])
@pytest.mark.parametrize(("anniversary", "now", "expected"), CASES)
def test_a_date_comes_round_as_a_birthday_does(
    people: Audience, attribute: str, anniversary: str, now: str, expected: set[str]
) -> None:
    assert set(chosen(people, attribute, anniversary, now)) == expected & set(KNOWN)


@pytest.mark.parametrize("window", ["in_next: 1 year", "in_last: 3 years", "in_next: 10 years"])
def test_in_a_whole_year_every_date_comes_round(people: Audience, window: str) -> None:
    missing = {"1970-01-01", "1900-01-01", "2030-06-15", "2026-06-15", "nobody"}
    found = set(chosen(people, "birthday", window, "2026-06-16T12:00"))
    assert found >= {*BIRTHDAYS} - missing
    assert found & {"1970-01-01", "1900-01-01", "nobody"} == set()


def test_a_leapling_of_leap_years_only_waits_for_one(people: Audience) -> None:
    for now, found in (("2026-03-01T12:00", set()), ("2027-06-01T12:00", {"1992-02-29", "--02-29"})):
        there = set(chosen(people, "birthday", "in_next: 1 year, leap_day: leap-years-only", now))
        assert there & {"1992-02-29", "--02-29"} == found


def test_a_birthday_is_set_with_or_without_its_year(people: Audience) -> None:
    assert people.chosen("attribute: birthday, is_set: true") == sorted(BIRTHDAYS)
    assert people.chosen("attribute: birthday, is_set: false") == ["nobody"]


def test_a_birthday_is_by_the_customers_own_date(audience: Audience) -> None:
    now = datetime(2026, 9, 9, 10, 30, tzinfo=UTC)
    zones = {"Pacific/Pago_Pago": 8, "Europe/Berlin": 9, "Pacific/Kiritimati": 10}
    days = [(zone, day) for zone in zones for day in (8, 9, 10)]
    audience.fill({"key": f"{zone} {day}", "time_zone": zone, "birthday": f"1980-09-{day:02}"} for zone, day in days)
    assert audience.chosen("attribute: birthday, anniversary: {during: today}", now) == sorted(
        f"{zone} {day}" for zone, day in zones.items()
    )


@pytest.mark.parametrize(
    ("now", "age"),
    [("2026-06-14T12:00", 9), ("2026-06-15T12:00", 10), ("2026-06-14T21:59", 9), ("2026-06-14T22:00", 10)],
)
def test_a_year_older_on_the_birthday_by_local_time(people: Audience, now: str, age: int) -> None:
    instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
    who = f"all: [{{attribute: age, is: {age}}}, {{attribute: joined_on, is: 2016-06-15}}]"
    assert people.chosen(who, instant) == ["2016-06-15"]


@pytest.mark.parametrize(
    ("now", "age"),
    [("2026-02-28T12:00", 33), ("2026-03-01T12:00", 34), ("2028-02-28T12:00", 35), ("2028-02-29T12:00", 36)],
)
def test_a_leapling_is_older_from_the_first_of_march_in_common_years(people: Audience, now: str, age: int) -> None:
    instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert "1992-02-29" in people.chosen(f"attribute: age, is: {age}", instant)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("between: [50, 56]", {"1976-06-14", "1970-01-01"}),
        ("more_than: 100", {"1900-01-01"}),
        ("at_least: 50.5", {"1900-01-01", "1970-01-01"}),
        ("is_set: false", {"nobody", *(set(BIRTHDAYS) - set(KNOWN))}),
        ("is_not: 50", {*BIRTHDAYS, "nobody"} - {"1976-06-14"}),
        ("at_most: 0", {"2026-06-15", "2030-06-15"}),
    ],
)
def test_an_age_is_a_number_and_missing_with_the_year(people: Audience, who: str, expected: set[str]) -> None:
    instant = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
    assert {key for key in people.chosen(f"attribute: age, {who}", instant) if "/" not in key} == expected
