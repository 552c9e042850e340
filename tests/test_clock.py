"""Instants, local times and zones: gaps, overlaps, both hemispheres, zones that are none."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crm_store.clock import (
    from_micros,
    is_leap_year,
    local_date,
    local_instant,
    machine_instant,
    micros,
    only_zone_of_country,
    parse_instant,
    parse_now,
    start_of_day,
    zone_or_none,
)
from crm_store.errors import UsageError
from crm_store.intake.zones import resolve

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Australia/Adelaide",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Antarctica/Troll",
    "UTC",
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        # north: the hour from 2 is missing in March, there twice in autumn
        ("Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29 00:59:59"),
        ("Europe/Berlin", "2026-03-29 02:00", "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-03-29 03:00", "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"),
        ("Europe/Berlin", "2026-10-25 03:00", "2026-10-25 02:00"),
        ("America/New_York", "2017-03-12 02:30", "2017-03-12 07:00"),
        ("America/New_York", "2017-11-05 01:30", "2017-11-05 05:30"),
        # south: the other way round
        ("Australia/Adelaide", "2026-10-04 02:15", "2026-10-03 16:30"),
        ("Australia/Adelaide", "2026-04-05 02:15", "2026-04-04 15:45"),
        ("America/Santiago", "2026-09-06 00:30", "2026-09-06 04:00"),  # midnight itself is missing
        ("America/Sao_Paulo", "2018-11-04 00:00", "2018-11-04 03:00"),
        # offsets and changes of half and quarter hours
        ("Asia/Kathmandu", "2026-06-01 09:00", "2026-06-01 03:15"),
        ("America/St_Johns", "2026-06-01 09:00", "2026-06-01 11:30"),
        ("Pacific/Chatham", "2026-09-27 02:50", "2026-09-26 14:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30"),  # a gap of half an hour
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45"),  # an overlap of half an hour
        # Samoa crossed the date line: 2011-12-30 was no day there
        ("Pacific/Apia", "2011-12-29 23:59", "2011-12-30 09:59"),
        ("Pacific/Apia", "2011-12-30 00:00", "2011-12-30 10:00"),
        ("Pacific/Apia", "2011-12-30 09:00", "2011-12-30 10:00"),
        ("Pacific/Apia", "2011-12-30 23:59", "2011-12-30 10:00"),
        ("Pacific/Apia", "2011-12-31 00:00", "2011-12-30 10:00"),
        ("UTC", "2026-03-29 02:30", "2026-03-29 02:30"),
    ],
)
def test_a_local_time_is_one_instant(zone: str, local: str, instant: str) -> None:
    naive = datetime.fromisoformat(local)
    assert local_instant(naive.date(), naive.time(), ZoneInfo(zone)) == utc(instant)


days = st.dates(date(1990, 1, 1), date(2037, 12, 31))


@given(day=days, minutes=st.integers(0, 1439), name=st.sampled_from(ZONES))
def test_a_local_time_is_the_first_instant_that_shows_it_or_the_end_of_its_gap(day: date, minutes: int, name: str) -> None:
    zone, at = ZoneInfo(name), time(minutes // 60, minutes % 60)
    found = local_instant(day, at, zone)
    wanted, shown = datetime.combine(day, at), found.astimezone(zone).replace(tzinfo=None)
    before = (found - timedelta(microseconds=1)).astimezone(zone).replace(tzinfo=None)
    if shown == wanted:
        earlier = (found - timedelta(hours=n / 2) for n in range(1, 6))
        assert all(one.astimezone(zone).replace(tzinfo=None) != wanted for one in earlier)
    else:
        assert before < wanted < shown


@given(day=days, name=st.sampled_from(ZONES), later=st.integers(1, 1439))
def test_later_local_times_are_never_earlier_instants(day: date, name: str, later: int) -> None:
    zone = ZoneInfo(name)
    start, at = local_instant(day, time(0), zone), local_instant(day, time(later // 60, later % 60), zone)
    following = local_instant(day + timedelta(days=1), time(0), zone)
    assert start <= at <= following


@given(value=st.integers(micros(utc("1990-01-01")), micros(utc("2037-01-01"))), name=st.sampled_from(ZONES))
def test_every_instant_is_on_its_local_date(value: int, name: str) -> None:
    zone, at = ZoneInfo(name), from_micros(value)
    today = local_date(at, zone)
    assume(today != date(2011, 12, 29) or name != "Pacific/Apia")  # the day before none
    assert start_of_day(today, zone) <= at < start_of_day(today + timedelta(days=1), zone)


@given(value=st.integers(-(10**16), 10**17))
def test_instants_are_stored_exactly(value: int) -> None:
    assert micros(from_micros(value)) == value


def test_the_machines_clock_is_in_utc() -> None:
    assert abs(machine_instant() - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-06-15", "2026-06-14 22:00"),
        (" 2026-06-15T12:00 ", "2026-06-15 10:00"),
        ("2026-06-15T12:00:00Z", "2026-06-15 12:00"),
        ("2026-06-15T12:00:00+05:45", "2026-06-15 06:15"),
        ("2026-03-29T02:30", "2026-03-29 01:00"),
        ("2026-10-25T02:30+01:00", "2026-10-25 01:30"),
    ],
)
def test_without_an_offset_an_instant_is_local(text: str, instant: str) -> None:
    assert parse_instant(text, BERLIN) == utc(instant)


NO_INSTANTS = (
    "",
    "noon",
    "15.06.2026",
    "2026-06-31",
    "2026-06-15T25:00",
    "0001-01-01",
    "0001-01-01T00:00+01:00",
    "9999-12-31T23:59-01:00",
)


@pytest.mark.parametrize("text", NO_INSTANTS)
def test_what_is_no_instant_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # its words are nobody's
        parse_instant(text, BERLIN)
    with pytest.raises(UsageError, match=r"^--now '.*' is not a date and time; write e\.g\. 2017-12-24T09:00:00Z$"):
        parse_now(text, BERLIN)


NO_ZONES = (
    *(None, "", "Eastern", "GMT+25", "America/Gotham", "Europe", "zone.tab"),
    *("../../etc/passwd", "/etc/localtime", "x\x00", "\ud800", "x" * 5000),
)


@pytest.mark.parametrize("name", NO_ZONES)
def test_what_is_no_zone_is_none(name: str | None) -> None:
    assert zone_or_none(name) is None


@pytest.mark.parametrize("name", ["Europe/Berlin", "US/Eastern", "Asia/Calcutta", "Etc/GMT+5", "UTC"])
def test_old_names_of_zones_are_zones(name: str) -> None:
    assert zone_or_none(name) == ZoneInfo(name)


@pytest.mark.parametrize(
    ("country", "zone"),
    [
        ("FR", "Europe/Paris"),
        ("fr", "Europe/Paris"),
        ("GB", "Europe/London"),
        ("IN", "Asia/Kolkata"),
        ("US", None),
        ("CA", None),
        ("XX", None),
        ("", None),
        (None, None),
    ],
)
def test_a_country_has_one_zone_or_none(country: str | None, zone: str | None) -> None:
    assert only_zone_of_country(country) == zone


@pytest.mark.parametrize(
    ("time_zone", "country", "used"),
    [
        ("Asia/Tokyo", "FR", "Asia/Tokyo"),
        ("Gotham", "FR", "Europe/Paris"),
        ("", "FR", "Europe/Paris"),
        ("Gotham", "US", None),
        ("", "", None),
    ],
)
def test_a_zone_falls_back_to_the_countrys_then_to_the_companys(time_zone: str, country: str, used: str | None) -> None:
    assert resolve(time_zone, country) == used


def test_centuries_are_leap_years_every_fourth_time() -> None:
    assert [year for year in (1896, 1900, 1996, 2000, 2024, 2026, 2100, 2400) if is_leap_year(year)] == [
        1896,
        1996,
        2000,
        2024,
        2400,
    ]
