"""31 December and 1 January: leads and lags cross the year, and the year is not the same everywhere at one instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crm_store.journeys.plan import plan_campaign
from tests.journeys.files import journey, occasions, right_at, start
from tests.world import Shop

DAY = timedelta(days=1)
# (moment, birthday, zone): when the mail is right, in UTC, and the year it belongs to - that of the birthday itself.
CROSSING = {
    ("birthday", "--12-31", "UTC"): ("2026-12-31 09:00", "2026"),
    ("birthday", "--01-01", "UTC"): ("2027-01-01 09:00", "2027"),
    ("birthday", "--01-01", "Pacific/Kiritimati"): ("2026-12-31 19:00", "2027"),
    ("birthday", "--12-31", "Pacific/Pago_Pago"): ("2026-12-31 20:00", "2026"),
    ("1 day before birthday", "--01-01", "UTC"): ("2026-12-31 09:00", "2027"),
    ("1 day before birthday", "--01-01", "Pacific/Kiritimati"): ("2026-12-30 19:00", "2027"),
    ("1 day after birthday", "--12-31", "UTC"): ("2027-01-01 09:00", "2026"),
    ("1 day after birthday", "--12-31", "Pacific/Pago_Pago"): ("2027-01-01 20:00", "2026"),
    ("2 weeks before birthday", "--01-14", "UTC"): ("2026-12-31 09:00", "2027"),
    ("2 weeks after birthday", "--12-18", "UTC"): ("2027-01-01 09:00", "2026"),
    ("1 month before birthday", "--01-31", "UTC"): ("2026-12-31 09:00", "2027"),
    ("1 month after birthday", "--12-01", "UTC"): ("2027-01-01 09:00", "2026"),
    ("1 year before birthday", "--12-31", "UTC"): ("2026-12-31 09:00", "2027"),
}
TRIED = [(f"k{number:02}", *line, *came) for number, (line, came) in enumerate(CROSSING.items())]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_lead_or_lag_over_new_year_belongs_to_the_year_of_the_day_itself(shop: Shop) -> None:
    for key, moment, birthday, zone, _, _ in TRIED:
        shop.campaign(key, journey(kind="occasion", enter=f"{{date: {moment}}}"))
        shop.customer(key, birthday=birthday, time_zone=zone)
    shop.publish(utc("2026-12-01 00:00"))
    for key, _, _, _, right, _ in TRIED:
        for near in (-DAY, 0 * DAY, DAY):
            plan_campaign(shop.store, key, utc(right) + near)
    found = {row[0]: (row[6], row[2]) for row in shop.enrolments() if row[0] == row[1]}
    assert found == {key: (utc(right), year) for key, _, _, _, right, year in TRIED}


def test_whoever_had_the_mail_in_december_has_none_in_january(shop: Shop) -> None:
    start(shop, utc("2026-01-01 00:00"), kind="occasion", enter="{date: 3 days before birthday}", late="{within: 9 days}")
    shop.customer("anna", birthday="--01-02", time_zone="UTC")
    for day in ("2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02", "2027-01-05"):
        shop.tick(utc(f"{day} 12:00"))
    assert occasions(shop) == [("anna", "2027")]


@pytest.mark.parametrize(
    ("zone", "ends"), [("Pacific/Kiritimati", "2026-12-31 10:00"), ("Pacific/Pago_Pago", "2027-01-01 11:00")]
)
def test_a_wait_until_new_year_ends_as_the_year_begins_there(shop: Shop, zone: str, ends: str) -> None:
    start(shop, utc("2026-12-01 00:00"), steps="[{wait: {until: 2027-01-01}}, {send: hello}]")
    shop.customer("anna", time_zone=zone)
    shop.event("anna", "signed_up", utc("2026-12-30 00:00"))
    shop.tick(utc("2026-12-30 00:00"))
    shop.tick(utc(ends) - timedelta(seconds=1))
    assert right_at(shop) == {}
    shop.tick(utc(ends))
    assert right_at(shop) == {"anna": utc(ends)}
