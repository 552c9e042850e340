"""`enter: {date, at, leap_day}`: birthdays and other dates, by each customer's own calendar and clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crm_store.journeys.plan import plan_campaign
from tests.journeys.files import journey, occasions, right_at, said_of, sent, start
from tests.world import Shop

DAY = timedelta(days=1)
BIRTHDAY = "{date: birthday, at: '09:00'}"
# For each: a zone, and when it is 9 o'clock there on 15 March 2026 and on 15 July 2026, in UTC.
NINE = {
    "Pacific/Kiritimati": ("2026-03-14 19:00", "2026-07-14 19:00"),
    "Pacific/Pago_Pago": ("2026-03-15 20:00", "2026-07-15 20:00"),
    "Asia/Kolkata": ("2026-03-15 03:30", "2026-07-15 03:30"),
    "Asia/Kathmandu": ("2026-03-15 03:15", "2026-07-15 03:15"),
    "Australia/Lord_Howe": ("2026-03-14 22:00", "2026-07-14 22:30"),
    "America/St_Johns": ("2026-03-15 11:30", "2026-07-15 11:30"),
    "America/New_York": ("2026-03-15 13:00", "2026-07-15 13:00"),
    "Europe/Berlin": ("2026-03-15 08:00", "2026-07-15 07:00"),
    "Australia/Sydney": ("2026-03-14 22:00", "2026-07-14 23:00"),
    "Asia/Calcutta": ("2026-03-15 03:30", "2026-07-15 03:30"),  # an old name
}

# (birthday, time of day, zone): the instant, in UTC.
ODD = {
    ("--03-29", "02:30", "Europe/Berlin"): "2026-03-29 01:00",  # no 2 o'clock there: the next valid instant
    ("--10-25", "02:30", "Europe/Berlin"): "2026-10-25 00:30",  # two of them: the first
    ("--03-08", "02:30", "America/New_York"): "2026-03-08 07:00",
    ("--11-01", "01:30", "America/New_York"): "2026-11-01 05:30",
    ("--10-04", "02:30", "Australia/Sydney"): "2026-10-03 16:00",
    ("--04-05", "02:30", "Australia/Sydney"): "2026-04-04 15:30",
    ("--10-04", "02:15", "Australia/Lord_Howe"): "2026-10-03 15:30",  # a gap of half an hour
    ("--09-06", "00:30", "America/Santiago"): "2026-09-06 04:00",  # a gap at midnight
}
# (moment, birthday): the day of the mail, and the occasion.
SHIFTED = {
    ("3 days before birthday", "--01-02"): ("2026-12-30", "2027"),
    ("3 days after birthday", "--12-30"): ("2027-01-02", "2026"),
    ("2 weeks before birthday", "--01-01"): ("2026-12-18", "2027"),
    ("1 month before birthday", "--03-31"): ("2027-02-28", "2027"),
    ("1 month after birthday", "--12-31"): ("2027-01-31", "2026"),
    ("10 days before birthday", "--02-29"): ("2027-02-18", "2027"),
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def live(shop: Shop, since: str, **keys: str) -> None:
    start(shop, utc(since), **{"kind": "occasion", "enter": BIRTHDAY, **keys})


def born(shop: Shop, **birthdays: str) -> None:
    for key, birthday in birthdays.items():
        shop.customer(key, birthday=birthday, time_zone="UTC")


def test_nine_o_clock_is_nine_o_clock_everywhere_and_in_both_seasons(shop: Shop) -> None:
    live(shop, "2026-01-01", late="{within: 30 hours}")
    for number, zone in enumerate(NINE):
        shop.customer(f"march-{number}", birthday="1980-03-15", time_zone=zone)
        shop.customer(f"july-{number}", birthday="--07-15", time_zone=zone)
    shop.plan(utc("2026-03-15 21:00"))
    shop.plan(utc("2026-07-15 21:00"))
    expected = {f"march-{n}": utc(march) for n, (march, _) in enumerate(NINE.values())}
    expected |= {f"july-{n}": utc(july) for n, (_, july) in enumerate(NINE.values())}
    assert right_at(shop) == expected


def test_a_time_that_is_not_moves_on_and_of_one_that_is_twice_the_first_is_taken(shop: Shop) -> None:
    for number, (birthday, at, zone) in enumerate(ODD):
        enter = f"{{date: birthday, at: '{at}'}}"
        shop.campaign(f"c{number}", journey(kind="occasion", enter=enter))
        shop.customer(f"c{number}", birthday=birthday, time_zone=zone)
    shop.publish(utc("2026-01-01"))
    for number, right in enumerate(ODD.values()):
        plan_campaign(shop.store, f"c{number}", utc(right) + timedelta(hours=11))
    own = [row[6] for row in shop.ledger() if row[0] == row[1]]
    assert dict(zip(ODD, own, strict=True)) == {odd: utc(right) for odd, right in ODD.items()}


def test_a_missing_or_invalid_zone_falls_back_to_the_countrys_only_one_then_to_the_companys(shop: Shop) -> None:
    live(shop, "2026-01-01")
    where = {"alice": (None, "JP"), "bob": ("Mars/Olympus", "JP"), "carol": (None, "US"), "dave": ("nonsense", None)}
    for key, (zone, country) in where.items():
        shop.customer(key, birthday="--07-15", time_zone=zone, country=country)
    shop.tick(utc("2026-07-15 08:00"))
    tokyo, berlin = utc("2026-07-15 00:00"), utc("2026-07-15 07:00")
    assert right_at(shop) == {"alice": tokyo, "bob": tokyo, "carol": berlin, "dave": berlin}


@pytest.mark.parametrize(
    ("policy", "common", "leap"),
    [
        ("feb-28", "2027-02-28", "2028-02-29"),
        ("mar-1", "2027-03-01", "2028-02-29"),
        ("leap-years-only", None, "2028-02-29"),
    ],
)
def test_who_was_born_on_29_february(shop: Shop, policy: str, common: str | None, leap: str) -> None:
    enter = f"{{date: birthday, leap_day: {policy}}}"
    live(shop, "2027-01-01", enter=enter)
    born(shop, alice="2000-02-29", bob="--02-28", eve="2001-03-01")
    for year in ("2027", "2028"):
        for n in range(4):
            shop.plan(utc(f"{year}-02-27 12:00") + n * DAY)
    by_year = [(row[1], row[2], row[6].date().isoformat()) for row in shop.enrolments() if row[1] == "alice"]
    assert by_year == ([("alice", "2027", common)] if common else []) + [("alice", "2028", leap)]
    others = [(row[1], row[6].date().isoformat()) for row in shop.enrolments() if row[1] != "alice"]
    assert others == [("bob", "2027-02-28"), ("bob", "2028-02-28"), ("eve", "2027-03-01"), ("eve", "2028-03-01")]


def test_the_usual_policy_is_28_february_and_the_usual_time_nine(shop: Shop) -> None:
    live(shop, "2027-01-01", enter="{date: birthday}")
    born(shop, alice="2000-02-29")
    shop.tick(utc("2027-02-28 09:00"))
    assert right_at(shop) == {"alice": utc("2027-02-28 09:00")}


def test_leads_and_lags_are_keyed_by_the_year_of_the_occurrence(shop: Shop) -> None:
    for number, (moment, birthday) in enumerate(SHIFTED):
        enter = f"{{date: {moment}}}"
        shop.campaign(f"c{number}", journey(kind="occasion", enter=enter))
        born(shop, **{f"c{number}": birthday})
    shop.publish(utc("2026-11-01"))
    for number, (day, _) in enumerate(SHIFTED.values()):
        for near in (-DAY, 0 * DAY, DAY):
            plan_campaign(shop.store, f"c{number}", utc(f"{day} 12:00") + near)
    own = [(row[6], row[2]) for row in shop.ledger() if row[0] == row[1]]
    expected = {shifted: (utc(f"{day} 09:00"), year) for shifted, (day, year) in SHIFTED.items()}
    assert dict(zip(SHIFTED, own, strict=True)) == expected


def test_a_date_that_a_system_writes_when_it_knows_none_brings_no_mail(shop: Shop) -> None:
    live(shop, "2025-12-01", late="{within: 60 days}")
    born(shop, epoch="1970-01-01", excel="1900-01-01", real="1971-01-01", no_year="--01-01")
    shop.tick(utc("2026-01-01 12:00"))
    assert sent(shop) == [("no_year", "hello"), ("real", "hello")]


def test_a_corrected_birthday_brings_no_second_mail_within_300_days(shop: Shop) -> None:
    live(shop, "2026-01-01")
    born(shop, alice="1990-12-10", eve="1990-12-10")
    shop.tick(utc("2026-12-10 12:00"))
    born(shop, alice="1990-10-05", eve="1990-10-06")  # 299 and 300 days later
    shop.tick(utc("2027-10-05 12:00"))
    shop.tick(utc("2027-10-06 12:00"))
    assert occasions(shop) == [("alice", "2026"), ("eve", "2026"), ("eve", "2027")]


def test_a_birthday_corrected_to_later_in_the_year_brings_no_second_mail_that_year(shop: Shop) -> None:
    live(shop, "2026-01-01")
    born(shop, alice="1990-01-05")
    shop.tick(utc("2026-01-05 12:00"))
    born(shop, alice="1990-12-28")
    shop.tick(utc("2026-12-28 12:00"))
    assert occasions(shop) == [("alice", "2026")]


def test_one_fixed_date_comes_once_for_everybody_at_their_own_time(shop: Shop) -> None:
    live(shop, "2026-01-01", enter="{date: 2026-12-24, at: '18:00'}")
    shop.customer("alice", time_zone="Asia/Tokyo")
    shop.customer("bob", time_zone="America/New_York")
    shop.tick(utc("2026-12-24 12:00"))
    shop.tick(utc("2026-12-24 23:00"))
    assert right_at(shop) == {"alice": utc("2026-12-24 09:00"), "bob": utc("2026-12-24 23:00")}
    assert occasions(shop) == [("alice", "2026-12-24"), ("bob", "2026-12-24")]


def test_a_date_attribute_of_the_companys_own(shop: Shop) -> None:
    live(shop, "2026-01-01", enter="{date: 1 week before since}")
    shop.customer("alice", attributes={"since": "2026-07-08"}, time_zone="UTC")
    shop.customer("eve", time_zone="UTC")
    shop.tick(utc("2026-07-01 10:00"))
    assert occasions(shop) == [("alice", "2026-07-08")]


def test_a_wait_may_count_from_the_occasions_own_date(shop: Shop) -> None:
    steps = "[{send: hello}, {wait: {until: 10 days after birthday}}, {send: again}]"
    live(shop, "2026-12-01", enter="{date: 3 days before birthday, at: '08:00'}", steps=steps)
    born(shop, alice="--01-02")
    shop.tick(utc("2026-12-30 10:00"))
    shop.tick(utc("2027-01-12 10:00"))
    assert right_at(shop, "again") == {"alice": utc("2027-01-12 08:00")}


@pytest.mark.parametrize("away", [timedelta(hours=1), DAY, 30 * DAY])
def test_a_clock_that_was_away_catches_up_what_late_allows(shop: Shop, away: timedelta) -> None:
    live(shop, "2026-01-01", late="{within: 2 days}")
    born(shop, alice="--07-15", eve="--07-14", bob="--06-20")
    shop.tick(utc("2026-06-15 09:00"))
    shop.tick(utc("2026-07-15 09:00") + away)
    assert sent(shop) == ([] if away > 2 * DAY else [("alice", "hello"), ("eve", "hello")])


@pytest.mark.parametrize(
    ("enter", "said"),
    [
        ("{date: birthdya}", "did you mean 'birthday'"),
        ("{date: tier}", "is not a date but a text"),
        ("{date: 2026-12-24 18:00}", "the time of day goes into `at`"),
        ("{date: 3 hours before birthday}", "dates have no hours"),
        ("{date: 3 days ago}", "is not a date; write e.g."),
        ("{date: birthday, at: noon}", "is not a time of day"),
        ("{date: birthday, leap_day: feb-29}", "is not one of feb-28, mar-1, leap-years-only"),
        ("{date: 2026-12-24, years: [18]}", "2026-12-24 comes once; 'years' goes with a date of the customer's"),
        ("{date: step hello}", "'step hello' is known once somebody is in; use a date attribute"),
        ("{date: first ordr}", "event 'ordr' is not known in config/vocabulary.yaml; did you mean 'order'?"),
    ],
)
def test_a_date_that_can_mean_nothing_is_refused(tmp_path: Path, enter: str, said: str) -> None:
    assert said in said_of(tmp_path, kind="occasion", enter=enter)


# (birthday, years, leap day policy): the day on which it comes round and the occasion, if it does in 2026 or 2027.
ROUND = {
    ("1986-06-20", "[30, 40]", "feb-28"): ["2026"],
    ("1986-06-20", "[41]", "feb-28"): ["2027"],
    ("1986-06-20", "[39]", "feb-28"): [],
    ("1996-02-29", "[31]", "feb-28"): ["2027"],
    ("1996-02-29", "[31]", "leap-years-only"): [],
    ("--06-20", "[40]", "feb-28"): [],  # nobody knows which it is
}


@pytest.mark.parametrize(("birthday", "years", "leap_day"), ROUND)
def test_only_the_years_that_are_asked_for(shop: Shop, birthday: str, years: str, leap_day: str) -> None:
    enter = f"{{date: birthday, years: {years}, leap_day: {leap_day}}}"
    live(shop, "2026-06-01", enter=enter, late="{within: 400 days}")
    born(shop, anna=birthday)
    for now in ("2027-01-01", "2027-12-31"):
        shop.plan(utc(now))
    assert occasions(shop) == [("anna", occasion) for occasion in ROUND[birthday, years, leap_day]]


def test_anniversaries_of_a_full_date(shop: Shop) -> None:
    live(shop, "2026-06-01", enter="{date: 3 days before joined_on, years: [1, 5]}", late="{within: 400 days}")
    for key, joined in {"one": "2025-07-01", "two": "2024-07-01", "five": "2021-07-01", "new": "2026-07-01"}.items():
        shop.customer(key, joined_on=joined)
    shop.plan(utc("2026-12-31"))
    assert sorted(occasions(shop)) == [("five", "2026"), ("one", "2026")]
    assert {row[6].date().isoformat() for row in shop.enrolments()} == {"2026-06-28"}


def test_the_day_of_a_first_or_last_event(shop: Shop) -> None:
    live(shop, "2026-06-01", enter="{date: 3 days after last order}", late="{within: 30 days}")
    shop.customer("tokyo", time_zone="Asia/Tokyo")
    shop.customer("lima", time_zone="America/Lima")
    for key in ("tokyo", "lima"):
        shop.event(key, "order", utc("2026-06-09 12:00"))
        shop.event(key, "order", utc("2026-06-10 20:00"))  # the 11th in Tokyo
    shop.plan(utc("2026-06-20"))
    assert sorted(occasions(shop)) == [("lima", "2026-06-10"), ("tokyo", "2026-06-11")]
    assert {row[1]: row[6] for row in shop.enrolments()} == {
        "lima": utc("2026-06-13 14:00"),
        "tokyo": utc("2026-06-14 00:00"),
    }


def test_a_year_after_the_first_order(shop: Shop) -> None:
    live(shop, "2026-06-01", enter="{date: first order, years: [1]}", late="{within: 30 days}")
    shop.customer("anna")
    for when in ("2025-06-10 12:00", "2025-06-12 12:00"):
        shop.event("anna", "order", utc(when))
    shop.plan(utc("2026-06-20"))
    assert occasions(shop) == [("anna", "2026")]
    assert [row[6] for row in shop.enrolments()] == [utc("2026-06-10 07:00")]
