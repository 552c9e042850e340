"""Broadcasts: everybody in the audience, at a time of the company's or of each customer's, once per time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event as listen

from tests.journeys.files import occasions, right_at, said_of, sent, start
from tests.world import NOON, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENT = "{within: 60 days}"


def broadcast(shop: Shop, enter: str, now: datetime = NOON, **keys: str) -> None:
    start(shop, now, kind="broadcast", enter=enter, **keys)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_broadcast_goes_to_everybody_once(shop: Shop) -> None:
    broadcast(shop, "{time: 2026-06-16 10:00}")
    shop.people()
    shop.tick(at("2026-06-16 07:59"))
    assert occasions(shop) == []
    shop.tick(at("2026-06-16 08:00"))
    shop.tick(at("2026-06-16 09:00"))
    assert occasions(shop) == [(key, "once") for key in ("alice", "bob", "carol", "dave")]
    assert sent(shop) == [("alice", "hello")]
    assert set(right_at(shop).values()) == {at("2026-06-16 08:00")}


def test_a_broadcast_goes_to_its_audience_only(shop: Shop) -> None:
    broadcast(shop, "{time: 2026-06-16 10:00}", audience="{attribute: country, is: DE}")
    shop.customer("anna", country="DE")
    shop.customer("bea", country="FR")
    shop.tick(at("2026-06-16 08:00"))
    assert occasions(shop) == [("anna", "once")]


def test_in_the_customers_zone_each_has_the_time_at_home(shop: Shop) -> None:
    broadcast(shop, "{time: 2026-06-16 10:00, zone: customer}", late=PATIENT)
    shop.customer("berlin", time_zone="Europe/Berlin")
    shop.customer("apia", time_zone="Pacific/Apia")
    shop.customer("pago", time_zone="Pacific/Pago_Pago")
    shop.tick(at("2026-06-18 00:00"))
    assert right_at(shop) == {
        "apia": at("2026-06-15 21:00"),
        "berlin": at("2026-06-16 08:00"),
        "pago": at("2026-06-16 21:00"),
    }


def test_a_broadcast_that_is_late_goes_by_late(shop: Shop) -> None:
    broadcast(shop, "{time: 2026-06-16 10:00}", late="{within: 2 hours}")
    shop.customer("anna")
    shop.tick(at("2026-06-16 10:01"))
    assert occasions(shop) == []


RULES = {
    "{every: day, at: '08:00'}": ["2026-06-16T08:00", "2026-06-17T08:00", "2026-06-18T08:00"],
    "{every: week, days: [wed, thu]}": ["2026-06-17T09:00", "2026-06-18T09:00"],
    "{every: month, days: [17], at: '10:30'}": ["2026-06-17T10:30"],
    "{cron: '0 9,15 * * 3'}": ["2026-06-17T09:00", "2026-06-17T15:00"],
}


@pytest.mark.parametrize("enter", RULES)
def test_again_and_again_by_a_rule(shop: Shop, enter: str) -> None:
    broadcast(shop, enter, late=PATIENT)
    shop.customer("anna")
    for now in (NOON + DAY, NOON + 3 * DAY):
        shop.tick(now)
    since = [occasion for _, occasion in occasions(shop) if occasion >= "2026-06-16"]
    assert since == RULES[enter]


def test_the_last_day_of_every_month(shop: Shop) -> None:
    broadcast(shop, "{every: month, days: [last]}", at("2026-02-01 00:00"), late="{within: 35 days}")
    shop.customer("anna")
    for now in ("2026-03-01 12:00", "2026-04-01 12:00", "2026-05-01 12:00"):
        shop.tick(at(now))
    assert [occasion for _, occasion in occasions(shop)][-3:] == [
        "2026-02-28T09:00",
        "2026-03-31T09:00",
        "2026-04-30T09:00",
    ]


def test_a_time_that_the_clocks_skip_comes_once_and_later(shop: Shop) -> None:
    broadcast(shop, "{cron: '0,30 2 29 3 *'}", at("2026-03-28 12:00"))
    shop.customer("anna")
    shop.tick(at("2026-03-29 06:00"))
    assert occasions(shop) == [("anna", "2026-03-29T03:00")]
    assert right_at(shop) == {"anna": at("2026-03-29 01:00")}


def test_once_everybody_has_been_looked_at_nobody_is_again(shop: Shop) -> None:
    broadcast(shop, "{time: 2026-06-16 10:00}")
    for key in "abcd":
        shop.customer(key)
    shop.tick(at("2026-06-16 08:00"))
    said: list[str] = []
    engine = shop.store.engine
    listen.listen(engine, "before_cursor_execute", lambda *args: said.append(str(args[2])))
    shop.plan(at("2026-06-16 08:05"))
    assert not [one for one in said if "OFFSET" in one and "FROM customer" in one]


def test_another_version_looks_at_everybody_again(shop: Shop) -> None:
    broadcast(shop, "{time: 2026-06-16 10:00}", audience="{attribute: country, is: DE}")
    shop.customer("anna", country="DE")
    shop.customer("bea", country="FR")
    shop.tick(at("2026-06-16 08:00"))
    broadcast(shop, "{time: 2026-06-16 10:00}", at("2026-06-16 08:10"))
    shop.tick(at("2026-06-16 08:10"))
    assert occasions(shop) == [("anna", "once"), ("bea", "once")]


@pytest.mark.parametrize(
    ("enter", "said"),
    [
        ("{time: 2026-12-01}", "'2026-12-01' must be a day and a time; write e.g. 2026-12-01 10:00"),
        ("{every: week}", "'enter' of a broadcast campaign needs 'days'"),
        ("{every: month, days: [31]}", "'31' is not a day that every month has; write 1 to 28, or last"),
        ("{cron: '0 9 * *'}", "'0 9 * *' is no time of cron; write minute, hour, day, month and weekday"),
        ("{cron: '0 9 31 2 *'}", "'0 9 31 2 *' is no time of cron"),
        ("{time: 2026-12-01 10:00, cron: 0 9 * * 1}", "needs 'time', 'every' or 'cron', one of them only"),
        ("{time: 2026-12-01 10:00, at: '09:00'}", "has no 'at'"),
    ],
)
def test_a_time_that_can_mean_nothing_is_refused(tmp_path: Path, enter: str, said: str) -> None:
    assert said in said_of(tmp_path, kind="broadcast", enter=enter)


def test_a_broadcast_has_neither_again_nor_limit(tmp_path: Path) -> None:
    said = said_of(tmp_path, kind="broadcast", enter="{every: day}", again="per event", limit="1 per 7 days")
    assert "broadcasts come once per time, occasions once per date" in said
    assert "a broadcast comes as often as its time says; take `limit` out" in said
