"""Durations, moments, periods, times of day, money and percentages: what they are, and what they are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_store.content.faults import Fault, Place
from crm_store.content.literals import (
    parse_number,
    read_date,
    read_duration,
    read_moment,
    read_money,
    read_percent,
    read_period,
    read_time,
    read_times,
)
from crm_store.content.nodes import Node, Scalar

BERLIN = ZoneInfo("Europe/Berlin")
HERE = Place("f", 7)


def said(read: Callable[[Node], Any], text: str) -> str:
    """The fault that reading the text raises."""
    with pytest.raises(Fault) as refused:
        read(Scalar(text, HERE))
    assert refused.value.place == HERE
    return refused.value.what


def shifted(instant: str, duration: str, sign: int) -> str:
    span = read_duration(Scalar(duration, HERE))
    local = datetime.fromisoformat(instant).replace(tzinfo=BERLIN)
    return span.shift(local, sign, BERLIN).astimezone(BERLIN).strftime("%Y-%m-%d %H:%M %z")


@pytest.mark.parametrize(
    ("instant", "duration", "sign", "expected"),
    [
        ("2026-06-15 12:00", "90 seconds", 1, "2026-06-15 12:01 +0200"),
        ("2026-06-15 12:00", "90 minutes", -1, "2026-06-15 10:30 +0200"),
        ("2026-06-15 12:00", "1 hour", 1, "2026-06-15 13:00 +0200"),
        ("2026-03-28 12:00", "1 day", 1, "2026-03-29 13:00 +0200"),  # a day is 24 hours, whatever the clocks do
        ("2026-03-22 12:00", "1 week", 1, "2026-03-29 13:00 +0200"),
        ("2026-02-28 12:00", "1 month", 1, "2026-03-28 12:00 +0100"),  # months keep the local time
        ("2026-03-01 12:00", "1 month", 1, "2026-04-01 12:00 +0200"),
        ("2026-01-31 12:00", "1 month", 1, "2026-02-28 12:00 +0100"),
        ("2026-03-31 12:00", "1 month", -1, "2026-02-28 12:00 +0100"),
        ("2024-02-29 12:00", "1 year", 1, "2025-02-28 12:00 +0100"),
        ("2026-02-28 02:30", "1 months", 1, "2026-03-28 02:30 +0100"),
        ("2025-03-29 02:30", "1 year", 1, "2026-03-29 03:00 +0200"),  # 02:30 does not exist that day
        ("2026-06-15 12:00", "1000 years", -1, "1026-06-15 12:00 +005328"),
    ],
)
def test_days_and_weeks_roll_and_months_and_years_follow_the_calendar(
    instant: str, duration: str, sign: int, expected: str
) -> None:
    assert shifted(instant, duration, sign) == expected


@pytest.mark.parametrize(
    ("duration", "expected"), [("2 weeks", "2024-03-14"), ("1 month", "2024-03-29"), ("4 years", "2028-02-29")]
)
def test_dates_are_shifted_by_whole_days(duration: str, expected: str) -> None:
    assert read_duration(Scalar(duration, HERE)).shift_date(date(2024, 2, 29), 1).isoformat() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14", "'14' is not a duration; write e.g. '14 days'"),
        ("days", "'days' is not a duration; write e.g. '14 days'"),
        ("-3 days", "'-3 days' is not a duration; write e.g. '14 days'"),
        ("1.5 days", "'1.5 days' is not a duration; write e.g. '14 days'"),
        ("14days", "'14days' is not a duration; write e.g. '14 days'"),
        ("3 dais", "'3 dais' has no unit of time; did you mean 'days'?"),
        (
            "3 fortnights",
            "'3 fortnights' has no unit of time; known are: days, hours, minutes, months, seconds, weeks, years",
        ),
        ("2 usual gaps", "'2 usual gaps': usual gaps are not built yet here; write a number of days"),
        ("1001 years", "'1001 years' is longer than 1000 years"),
        ("9" * 5000 + " days", f"'{'9' * 5000} days' is longer than 1000 years"),
        ("", "is empty; write a value or take the key out"),
    ],
)
def test_what_is_no_duration_says_why(text: str, expected: str) -> None:
    assert said(read_duration, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", (date(2026, 1, 31), None, 0)),
        ("2026-01-31 09:00", (datetime(2026, 1, 31, 9, 0), None, 0)),  # noqa: DTZ001  # local to the company
        ("2026-01-31T09:00:30", (datetime(2026, 1, 31, 9, 0, 30), None, 0)),  # noqa: DTZ001
        ("3 days ago", ("now", "3 days", -1)),
        ("1  week   from now", ("now", "1 week", 1)),
        ("entered", ("entered", None, 0)),
        ("3 days before birthday", ("birthday", "3 days", -1)),
        ("2 hours after last order", ("last order", "2 hours", 1)),
    ],
)
def test_a_moment_is_a_day_a_local_time_or_counted_from_a_word(text: str, expected: tuple[Any, str | None, int]) -> None:
    moment = read_moment(Scalar(text, HERE))
    shift = str(moment.shift) if moment.shift else None
    assert (moment.anchor or moment.base, shift, moment.sign) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-29", "'2026-02-29' is not a day of the calendar"),
        ("2026-01-31 25:00", "'2026-01-31 25:00' is not a day of the calendar and a time from 00:00 to 23:59"),
        ("2026-01-31 9:00", "'2026-01-31 9:00' is not a date; write e.g. 2026-01-31 or '2026-01-31 09:00'"),
        ("2026-01", "'2026-01' is not a date; write e.g. 2026-01-31 or '2026-01-31 09:00'"),
        ("0001-01-01", "'0001-01-01' is too far away; write a year from 1500 to 7999"),
        ("9999-12-31", "'9999-12-31' is too far away; write a year from 1500 to 7999"),
        ("3 dais ago", "'3 dais' has no unit of time; did you mean 'days'?"),
        ("31.01.2026", "'31.01.2026' is not a moment; write e.g. 2026-01-31, '30 days ago' or 'entered'"),
    ],
)
def test_what_is_no_moment_says_why(text: str, expected: str) -> None:
    assert said(read_moment, text) == expected


@pytest.mark.parametrize(
    ("word", "first", "last"),
    [
        ("today", "2026-03-29", "2026-03-29"),
        ("yesterday", "2026-03-28", "2026-03-28"),
        ("tomorrow", "2026-03-30", "2026-03-30"),
        ("this week", "2026-03-23", "2026-03-29"),  # from Monday, ISO 8601
        ("last week", "2026-03-16", "2026-03-22"),
        ("next week", "2026-03-30", "2026-04-05"),
        ("this month", "2026-03-01", "2026-03-31"),
        ("last month", "2026-02-01", "2026-02-28"),
        ("next month", "2026-04-01", "2026-04-30"),
        ("this quarter", "2026-01-01", "2026-03-31"),
        ("last quarter", "2025-10-01", "2025-12-31"),
        ("next quarter", "2026-04-01", "2026-06-30"),
        ("this year", "2026-01-01", "2026-12-31"),
        ("last year", "2025-01-01", "2025-12-31"),
        ("next  year", "2027-01-01", "2027-12-31"),
    ],
)
def test_a_period_is_a_whole_unit_of_the_calendar(word: str, first: str, last: str) -> None:
    start, end = read_period(Scalar(word, HERE)).dates(date(2026, 3, 29))  # a Sunday
    assert (start.isoformat(), (end.toordinal() - 1)) == (first, date.fromisoformat(last).toordinal())


def test_an_unknown_period_is_a_fault_with_a_hint() -> None:
    assert said(read_period, "last mnth") == "'last mnth' is not a period; did you mean 'last month'?"


@pytest.mark.parametrize("text", ["9:00", "24:00", "09:60", "0900", "9 am", "09:00:00"])
def test_a_time_of_day_has_two_digits_each(text: str) -> None:
    assert said(read_time, text) == f"'{text}' is not a time of day; write e.g. \"09:00\""


def test_a_time_of_day_is_read() -> None:
    assert read_time(Scalar("23:59", HERE)) == time(23, 59)


def test_a_date_is_a_whole_day() -> None:
    assert read_date(Scalar("2024-02-29", HERE)) == date(2024, 2, 29)
    assert said(read_date, "2024-02-29 09:00") == "'2024-02-29 09:00' is not a date; write e.g. 2026-01-31"


@pytest.mark.parametrize(
    ("text", "minor"),
    [("49.90 EUR", 4990), ("5 EUR", 500), ("-5 EUR", -500), ("0.01 EUR", 1), ("500 JPY", 500), ("1.234 KWD", 1234)],
)
def test_money_is_in_minor_units_of_its_currency(text: str, minor: int) -> None:
    assert read_money(Scalar(text, HERE)).minor == minor


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", "'5' is not an amount of money; write e.g. '49.90 EUR'"),
        ("5 euros", "'5 euros' is not an amount of money; write e.g. '49.90 EUR'"),
        ("EUR 5", "'EUR 5' is not an amount of money; write e.g. '49.90 EUR'"),
        ("5,00 EUR", "'5,00 EUR' is not an amount of money; write e.g. '49.90 EUR'"),
        ("5.001 EUR", "'5.001 EUR': amount has more digits than EUR has"),
        ("0.5 JPY", "'0.5 JPY': amount has more digits than JPY has"),
        ("9" * 16 + " EUR", f"'{'9' * 16} EUR' is more money than there is"),
    ],
)
def test_what_is_no_money_says_why(text: str, expected: str) -> None:
    assert said(read_money, text) == expected


@pytest.mark.parametrize(("text", "expected"), [("15 %", "15"), ("2.5%", "2.5"), ("100 %", "100"), ("0 %", "0")])
def test_a_percentage_goes_to_a_hundred(text: str, expected: str) -> None:
    assert read_percent(Scalar(text, HERE)) == Decimal(expected)


@pytest.mark.parametrize("text", ["15", "101 %", "-5 %", "x %"])
def test_what_is_no_percentage_says_so(text: str) -> None:
    assert said(read_percent, text) == f"'{text}' is not a percentage; write e.g. '15 %'"


@pytest.mark.parametrize("text", ["500/h", "500 an hour", "500 per hour", "500/hour", "500 / 1h", "500 every hour"])
def test_a_rate_that_is_said_otherwise_is_told_how_it_is_written(text: str) -> None:
    assert said(read_times, text) == f"'{text}' does not say how often; write 500 per 1 hour"


@pytest.mark.parametrize("text", ["1e3", "1,5", "0x10", "nan", "inf", "1_000", "five", "--1", "1."])
def test_a_number_is_digits_with_a_point(text: str) -> None:
    assert said(lambda node: parse_number(text, node), text) == f"'{text}' is not a number"


def test_shifts_keep_to_utc() -> None:
    noon = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
    assert read_duration(Scalar("1 month", HERE)).shift(noon, 1, BERLIN) == datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
