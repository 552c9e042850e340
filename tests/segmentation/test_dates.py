"""Date attributes are judged by the customer's own date, wherever on earth she is."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from crm_store.content.faults import Place
from crm_store.content.literals import read_duration
from crm_store.content.nodes import Scalar
from crm_store.segmentation.times import Window
from tests.segmentation.asking import Audience

# When it is the 14th in the west, the 15th in Berlin and the 16th in the far east.
NOW = datetime(2026, 6, 15, 10, 30, tzinfo=UTC)
PLACES = {
    "west": {"time_zone": "Pacific/Pago_Pago"},  # UTC-11
    "berlin": {"time_zone": "Europe/Berlin"},
    "east": {"time_zone": "Pacific/Kiritimati"},  # UTC+14
    "niue": {"country": "NU"},  # no zone, but a country with only one, UTC-11
    "nowhere": {},  # the company's zone, Berlin
    "mars": {"time_zone": "Mars/Phobos"},  # not a zone: the company's
    "usa": {"country": "US"},  # a country with many: the company's
}
TODAY = {"west": 14, "niue": 14, "berlin": 15, "nowhere": 15, "mars": 15, "usa": 15, "east": 16}
ATTRIBUTES = ("joined_on", "since")  # a column, and a date in JSON
JUNE = range(1, 31)


@pytest.fixture(scope="module")
def people(audience: Audience) -> Audience:
    """In each place somebody for each day of June 2026, called `west:1` and so on, and one without any."""
    dated = [
        {"key": f"{place}:{day}", "joined_on": f"2026-06-{day:02}", "attributes": {"since": f"2026-06-{day:02}"}, **fields}
        for place, fields in PLACES.items()
        for day in JUNE
    ]
    audience.fill([*dated, *({"key": f"{place}:0", **fields} for place, fields in PLACES.items())])
    return audience


def days(people: Audience, attribute: str, who: str) -> dict[str, list[int]]:
    """By place, the days of June of those chosen; 0 stands for the one without a date."""
    found: dict[str, list[int]] = {place: [] for place in PLACES}
    for key in people.chosen(f"attribute: {attribute}, {who}", NOW):
        place, _, number = key.partition(":")
        found[place].append(int(number))
    return {place: sorted(numbers) for place, numbers in found.items()}


def span(first: int, last: int) -> list[int]:
    return [day for day in JUNE if first <= day <= last]


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize(
    ("who", "first", "last"),
    [
        ("during: today", 0, 0),
        ("during: yesterday", -1, -1),
        ("during: tomorrow", 1, 1),
        ("in_last: 7 days", -7, 0),
        ("in_last: 1 week", -7, 0),
        ("in_last: 0 days", 0, 0),
        ("in_next: 7 days", 0, 7),
        ("before: 7 days ago", -99, -8),
        ("since: 7 days ago", -7, 99),
        ("before: 3 days from now", -99, 2),
        ("since: 3 days from now", 3, 99),
        ("between: [7 days ago, 2 days ago]", -7, -2),
        ("between: [3 days ago, 3 days from now]", -3, 3),
        ("between: [2 days ago, 2 days ago]", -2, -2),
    ],
)
def test_days_count_from_the_customers_own_date(people: Audience, attribute: str, who: str, first: int, last: int) -> None:
    assert days(people, attribute, who) == {place: span(today + first, today + last) for place, today in TODAY.items()}


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("is: 2026-06-15", [15]),
        ("before: 2026-06-15", span(1, 14)),
        ("since: 2026-06-15", span(15, 30)),
        ("between: [2026-06-10, 2026-06-12]", [10, 11, 12]),
        ("between: [2026-06-10, 2026-06-10]", [10]),
        ("during: this month", span(1, 30)),
        ("during: this quarter", span(1, 30)),
        ("during: last month", []),
        ("is_set: true", span(1, 30)),
        ("is_set: false", [0]),
    ],
)
def test_days_of_the_calendar_are_the_same_everywhere(
    people: Audience, attribute: str, who: str, expected: list[int]
) -> None:
    assert days(people, attribute, who) == dict.fromkeys(PLACES, expected)


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize(("which", "shift"), [("last", -7), ("this", 0), ("next", 7)])
def test_a_week_begins_on_the_customers_own_monday(people: Audience, attribute: str, which: str, shift: int) -> None:
    """The 14th is a Sunday, so that in the west it is still the week before."""
    monday = {place: 8 if today == 14 else 15 for place, today in TODAY.items()}
    assert days(people, attribute, f"during: {which} week") == {
        place: span(first + shift, first + shift + 6) for place, first in monday.items()
    }


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize("moment", ["2026-06-15", "5 days ago", "5 days from now"])
def test_before_and_since_are_exact_rests(people: Audience, attribute: str, moment: str) -> None:
    before = set(people.chosen(f"attribute: {attribute}, before: {moment}", NOW))
    since = set(people.chosen(f"attribute: {attribute}, since: {moment}", NOW))
    assert before | since == set(people.chosen(f"attribute: {attribute}, is_set: true", NOW))
    assert before & since == set()


@pytest.mark.parametrize(
    ("today", "word", "duration", "first", "last"),
    [
        ("2026-03-31", "in_last", "1 month", "2026-02-28", "2026-03-31"),
        ("2026-01-31", "in_next", "1 month", "2026-01-31", "2026-02-28"),
        ("2028-02-29", "in_last", "1 year", "2027-02-28", "2028-02-29"),
        ("2027-02-28", "in_next", "1 year", "2027-02-28", "2028-02-28"),
    ],
)
def test_months_and_years_are_clipped_to_the_end_of_the_month(
    today: str, word: str, duration: str, first: str, last: str
) -> None:
    window = Window(word, read_duration(Scalar(duration, Place("f", 1))))
    assert window.dates(date.fromisoformat(today)) == (date.fromisoformat(first), date.fromisoformat(last))
