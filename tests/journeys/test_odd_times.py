"""Local times that are odd - lost in a gap, shown twice, of a day that never was - mean one instant wherever they stand.

Each line of the table is tried as a birthday, as the end of a wait, and as the time of a broadcast in the customers' zones.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crm_store.journeys.plan import plan_campaign
from crm_store.schema.types import instant_text
from tests.journeys.files import journey, said_of
from tests.world import Shop

DAY = timedelta(days=1)
# (zone, local time): the instant, in UTC.
INSTANTS = {
    ("Europe/Berlin", "2026-03-29 02:30"): "2026-03-29 01:00",  # a gap: the next valid instant
    ("Europe/Berlin", "2026-10-25 02:30"): "2026-10-25 00:30",  # an overlap: the first
    ("America/New_York", "2026-03-08 02:00"): "2026-03-08 07:00",
    ("America/New_York", "2026-11-01 01:59"): "2026-11-01 05:59",
    ("Australia/Sydney", "2026-10-04 02:59"): "2026-10-03 16:00",  # the south springs forward in October
    ("Australia/Sydney", "2026-04-05 02:00"): "2026-04-04 15:00",
    ("Australia/Lord_Howe", "2026-10-04 02:15"): "2026-10-03 15:30",  # changes of half an hour
    ("Australia/Lord_Howe", "2026-04-05 01:45"): "2026-04-04 14:45",
    ("America/Santiago", "2026-09-06 00:00"): "2026-09-06 04:00",  # midnight itself is lost
    ("Africa/Casablanca", "2026-02-15 02:30"): "2026-02-15 01:30",  # back for Ramadan
    ("Pacific/Apia", "2011-12-30 09:00"): "2011-12-30 10:00",  # a day that never was: the first instant after it
    ("Pacific/Apia", "2011-12-29 23:59"): "2011-12-30 09:59",
    ("Pacific/Apia", "2011-12-31 00:00"): "2011-12-30 10:00",
    ("Pacific/Kiritimati", "2026-01-01 00:00"): "2025-12-31 10:00",  # UTC+14
    ("Pacific/Pago_Pago", "2025-12-31 23:59"): "2026-01-01 10:59",  # UTC-11
    ("Asia/Kathmandu", "2026-06-15 09:00"): "2026-06-15 03:15",
    ("Asia/Calcutta", "2026-06-15 09:00"): "2026-06-15 03:30",  # zones that have other names now
    ("Europe/Kiev", "2026-03-29 03:30"): "2026-03-29 01:00",
    ("US/Pacific", "2026-06-15 09:00"): "2026-06-15 16:00",
    ("America/Godthab", "2026-06-15 09:00"): "2026-06-15 10:00",
}
TRIED = [(f"k{number:02}", *line, instant) for number, (line, instant) in enumerate(INSTANTS.items())]
WAYS = ("birthday", "wait", "broadcast")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def file_of(way: str, local: str) -> str:
    day, at = local.split()
    if way == "birthday":
        return journey(kind="occasion", enter=f"{{date: birthday, at: '{at}'}}", late="{within: 3 days}")
    if way == "broadcast":
        return journey(kind="broadcast", enter=f"{{time: {local}, zone: customer}}", late="{within: 3 days}")
    steps = f"[{{wait: {{until: {day}, at: '{at}'}}}}, {{send: hello}}]"
    return journey(steps=steps, late="{within: 30 days}")


@pytest.mark.parametrize("way", WAYS)
def test_an_odd_local_time_is_one_instant(shop: Shop, way: str) -> None:
    for key, zone, local, _ in TRIED:
        shop.campaign(key, file_of(way, local))
        shop.customer(key, time_zone=zone, birthday=f"--{local[5:10]}", consents=())
    shop.publish(utc("2011-01-01 00:00"))
    for key, _, _, instant in TRIED:
        shop.event(key, "signed_up", utc(instant) - 9 * DAY)
    for key, _, _, instant in TRIED:
        plan_campaign(shop.store, key, utc(instant) + DAY)
    found = {row[0]: instant_text(row[6]) for row in shop.ledger() if row[0] == row[1]}
    assert found == {key: instant_text(utc(instant)) for key, _, _, instant in TRIED}


def test_one_instant_lies_on_three_dates(shop: Shop) -> None:
    now = utc("2026-06-15 10:30")
    where = {"west": ("Pacific/Pago_Pago", "06-14", "23:30"), "east": ("Pacific/Kiritimati", "06-16", "00:30")}
    for key, (zone, day, at) in {**where, "middle": ("UTC", "06-15", "10:30")}.items():
        shop.campaign(key, journey(kind="occasion", enter=f"{{date: birthday, at: '{at}'}}", late="{within: 0 seconds}"))
        shop.customer(key, time_zone=zone, birthday=f"--{day}")
    shop.publish(now - 30 * DAY)
    shop.tick(now)
    assert [(row[0], row[1]) for row in shop.ledger()] == [(key, key) for key in ("east", "middle", "west")]
    assert {row[6] for row in shop.ledger()} == {now}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"kind": "occasion", "enter": "{date: 2027-02-29}"}, "2027-02-29"),
        ({"kind": "occasion", "enter": "{date: birthday, at: '24:00'}"}, "'24:00' is not a time of day"),
        ({"kind": "occasion", "enter": "{date: birthday, at: '9:60'}"}, "'9:60' is not a time of day"),
        ({"kind": "broadcast", "enter": "{time: 2026-02-30 10:00}"}, "2026-02-30"),
        ({"kind": "broadcast", "enter": "{time: 2026-06-31 10:00}"}, "2026-06-31"),
        ({"kind": "broadcast", "enter": "{every: month, days: [30]}"}, "'30' is not a day that every month has"),
        ({"kind": "broadcast", "enter": "{cron: '0 9 30 2 *'}"}, "is no time of cron"),
        ({"steps": "[{wait: {until: 2026-13-01}}, {send: hello}]"}, "2026-13-01"),
        ({"steps": "[{wait: {until: 2100-02-29 09:00}}, {send: hello}]"}, "2100-02-29"),
        ({"runs": "{from: 2026-02-29}"}, "2026-02-29"),
    ],
)
def test_a_date_that_is_not_in_the_calendar_is_refused_where_it_stands(
    tmp_path: Path, keys: dict[str, str], said: str
) -> None:
    message = said_of(tmp_path, **keys)
    assert said in message
    assert message.startswith("config/campaigns/c.yaml:")
