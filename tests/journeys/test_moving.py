"""Customers who move to another zone, and birthdays that are corrected, at every point of a journey."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.journeys.files import occasions, outcomes, right_at, start
from tests.world import Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN, KIRITIMATI, PAGO_PAGO = "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"  # UTC+2, UTC+14, UTC-11
MORNING = datetime(2026, 6, 15, 7, tzinfo=UTC)  # 9 o'clock in Berlin
# When she moves from Berlin on her birthday, where to, how late a mail may be: when the mail is right, if one comes.
MOVES = {
    ("before it is right", KIRITIMATI, "12 hours"): "2026-06-14 19:00",  # it was 9 o'clock there 12 hours before
    ("before it is right", KIRITIMATI, "11 hours"): None,  # that is too late
    ("before it is right", PAGO_PAGO, "12 hours"): "2026-06-15 20:00",  # it will be later
    ("between planning and sending", KIRITIMATI, "12 hours"): "2026-06-15 07:00",  # what is planned stays
    ("between planning and sending", PAGO_PAGO, "12 hours"): "2026-06-15 07:00",
    ("after it was sent", PAGO_PAGO, "12 hours"): "2026-06-15 07:00",  # and 9 o'clock there brings no second one
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("moves", MOVES, ids=" ".join)
def test_who_moves_on_her_birthday_gets_one_mail_at_most(shop: Shop, moves: tuple[str, str, str]) -> None:
    when, zone, late = moves
    start(shop, utc("2026-06-01"), kind="occasion", enter="{date: birthday}", late=f"{{within: {late}}}")
    shop.customer("anna", birthday="--06-15", time_zone=BERLIN)
    if when == "between planning and sending":
        shop.plan(MORNING)
    elif when == "after it was sent":
        shop.tick(MORNING)
    shop.customer("anna", time_zone=zone)
    shop.tick(MORNING)
    for later in (6, 13, 24):
        shop.tick(MORNING + later * HOUR)
    right = MOVES[moves]
    assert right_at(shop) == ({"anna": utc(right)} if right else {})
    assert all(row[2] == "sent" for row in outcomes(shop))


def test_a_wait_ends_where_she_lived_when_it_began_and_the_next_where_she_lives_then(shop: Shop) -> None:
    wait = "{wait: {for: 1 day, at: '09:00'}, name: WAIT}"
    steps = f"[{wait.replace('WAIT', 'one')}, {{send: hello}}, {wait.replace('WAIT', 'two')}, {{send: again}}]"
    start(shop, MORNING, steps=steps, late="{within: 2 days}")
    shop.customer("anna", time_zone=BERLIN)
    shop.event("anna", "signed_up", MORNING)
    shop.tick(MORNING)
    shop.customer("anna", time_zone=PAGO_PAGO)
    shop.tick(MORNING + DAY)
    shop.tick(MORNING + 4 * DAY)
    assert right_at(shop, "hello") == {"anna": MORNING + DAY}
    assert right_at(shop, "again") == {"anna": MORNING + 2 * DAY + 13 * HOUR}


def test_a_broadcast_by_everybodys_own_clock_reaches_who_moves_once(shop: Shop) -> None:
    enter = "{time: 2026-06-15 09:00, zone: customer}"
    start(shop, utc("2026-06-01"), kind="broadcast", enter=enter)
    shop.customer("anna", time_zone=BERLIN)
    shop.tick(MORNING)
    shop.customer("anna", time_zone=PAGO_PAGO)
    shop.tick(MORNING + 13 * HOUR)
    assert right_at(shop) == {"anna": MORNING}


# What her record says from the day after her mail of 15 June 2026 on: the occasions of 2027 and 2028.
CORRECTED = {
    "--06-16": ["2027", "2028"],  # a day later: no second mail
    "--12-24": ["2027", "2028"],  # later in the year: too near, and then every year
    "--03-01": ["2028"],  # 259 days later is too near
    "--04-11": ["2027", "2028"],  # 300 days later is not
    "1990-06-15": ["2027", "2028"],  # the year became known
    "1970-01-01": [],  # a system that knows no date
}


@pytest.mark.parametrize("birthday", CORRECTED)
def test_a_birthday_corrected_after_the_mail_of_that_year(shop: Shop, birthday: str) -> None:
    start(shop, utc("2026-06-01"), kind="occasion", enter="{date: birthday}", late="{within: 20 days}")
    shop.customer("anna", birthday="--06-15", time_zone="UTC")
    shop.tick(utc("2026-06-15 09:00"))
    shop.customer("anna", birthday=birthday)
    days = [f"{year}-{day} 12:00" for year in (2026, 2027, 2028) for day in sorted({birthday[-5:], "06-15", "06-16"})]
    for day in days:
        shop.tick(max(utc(day), utc("2026-06-16 12:00")))
    assert [year for _, year in occasions(shop)] == ["2026", *CORRECTED[birthday]]


@pytest.mark.parametrize(("birthday", "came"), [("1976-06-15", ["2026"]), ("--06-15", []), ("1975-06-15", [])])
def test_of_an_unknown_year_nobody_knows_which_birthday_is_round(shop: Shop, birthday: str, came: list[str]) -> None:
    start(shop, utc("2026-06-01"), kind="occasion", enter="{date: birthday, years: [50]}")
    shop.customer("anna", birthday=birthday, time_zone="UTC")
    shop.tick(utc("2026-06-15 09:00"))
    assert [year for _, year in occasions(shop)] == came
