"""`again`: how often the same customer enters, and the occasion key that makes each time distinct."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from crm_store.errors import ContentError
from crm_store.schema import event
from crm_store.store import memory_store
from tests.journeys.files import journey, occasions, right_at, said_of, sent, standings, start
from tests.world import NOON, VOCABULARY, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CARTS = "{event: cart_updated}"
PATIENT = "{within: 60 days}"


def carts(shop: Shop, *said: tuple[timedelta, str]) -> list[str]:
    """Alice's carts, so long before noon; returns the events' ids in the order of time."""
    shop.customer("alice")
    for ago, cart_id in said:
        shop.event("alice", "cart_updated", ago, properties={"cart_id": cart_id} if cart_id else {})
    with shop.store.read() as conn:
        return [str(found) for found in conn.execute(select(event.c.id).order_by(event.c.at)).scalars()]


def test_never_is_what_a_file_says_that_says_nothing(shop: Shop) -> None:
    start(shop, enter=CARTS)
    carts(shop, (2 * HOUR, "a"), (HOUR, "b"))
    shop.tick()
    shop.event("alice", "cart_updated", NOON + DAY)
    shop.tick(NOON + DAY)
    assert occasions(shop) == [("alice", "once")]


def test_never_counts_an_earlier_enrolment_whatever_its_key(shop: Shop) -> None:
    start(shop, enter=CARTS, again="per event")
    carts(shop, (HOUR, "a"))
    shop.tick()
    start(shop, enter=CARTS)
    shop.event("alice", "cart_updated", NOON + HOUR)
    shop.tick(NOON + HOUR)
    assert len(occasions(shop)) == 1


def test_per_event_is_keyed_by_the_events_id(shop: Shop) -> None:
    start(shop, enter=CARTS, again="per event")
    ids = carts(shop, (2 * HOUR, "a"), (HOUR, "a"))
    shop.tick()
    assert occasions(shop) == [("alice", ids[0]), ("alice", ids[1])]
    assert sent(shop) == [("alice", "hello"), ("alice", "hello")]


def test_per_property_is_keyed_by_its_value(shop: Shop) -> None:
    start(shop, enter=CARTS, again="per cart_id")
    carts(shop, (3 * HOUR, "a"), (2 * HOUR, "b"), (HOUR, "a"))
    shop.tick()
    assert occasions(shop) == [("alice", "a"), ("alice", "b")]


def test_per_property_takes_events_without_it_for_one(shop: Shop) -> None:
    start(shop, enter=CARTS, again="per cart_id")
    carts(shop, (3 * HOUR, ""), (2 * HOUR, ""))
    shop.tick()
    assert occasions(shop) == [("alice", "")]


TYPED = "{cart_id: text, size: number, gift: yes-no, due: date, box.id: text, worth: money, tags: list}"
SAME = (  # a property, what events say of it, the keys
    ("size", ("2", 2.0, 2, "2.50", 2.5, 0, "-0.0", "0.00001", "123456789012345678"),
     ["2", "2.5", "0", "0.00001", "123456789012345678"]),
    ("gift", (True, "yes", False, None), ["yes", "no", ""]),
    ("due", ("2026-06-15", "2026-06-16", "2026-06-15"), ["2026-06-15", "2026-06-16"]),
    ("box.id", ("a", "b", "a"), ["a", "b"]),
)  # fmt: skip


def test_per_property_equal_values_are_one_key_whatever_their_type(shop: Shop) -> None:
    known = VOCABULARY.replace("properties: {cart_id: text}}", f"properties: {TYPED}}}")
    shop.write({"config/vocabulary.yaml": known})
    for name, _, _ in SAME:
        shop.campaign(
            name.replace(".", "-"), journey(enter=CARTS, again=f"per {name}", audience=f"{{segment: {name[:3]}}}")
        )
        shop.segment(name[:3], f"{{attribute: first_name, is: {name[:3]}}}")
    shop.publish()
    for name, values, _ in SAME:
        shop.customer(name, first_name=name[:3], email=...)
        for minutes, value in enumerate(values):
            at = NOON - HOUR + timedelta(minutes=minutes)
            shop.event(name, "cart_updated", at, properties=_nested(name, value), id=f"{name} {minutes}")
    shop.plan()
    assert {name: [row[2] for row in shop.enrolments() if row[1] == name] for name, _, _ in SAME} == {
        name: keys for name, _, keys in SAME
    }


def _nested(name: str, value: object) -> dict[str, object]:
    head, _, rest = name.partition(".")
    return {} if value is None else {head: {rest: value} if rest else value}


@pytest.mark.parametrize(("name", "kind"), [("worth", "money"), ("tags", "list")])
def test_what_tells_nothing_apart_is_no_key(tmp_path: Path, name: str, kind: str) -> None:
    shop = Shop.open(tmp_path, memory_store())
    shop.write({"config/vocabulary.yaml": VOCABULARY.replace("properties: {cart_id: text}}", f"properties: {TYPED}}}")})
    shop.campaign("c", journey(enter=CARTS, again=f"per {name}", exit_when=f"{{event: cart_updated, same: {name}}}"))
    with pytest.raises(ContentError) as refused:
        shop.check()
    what = f"is a {kind}, by which nothing is told apart; take a property of another type"
    assert [str(fault).partition(": ")[2] for fault in refused.value.faults] == [
        f"again: 'per {name}': '{name}' {what}",
        f"same: '{name}' {what}",
    ]


def test_after_a_time_counts_the_enrolments_before(shop: Shop) -> None:
    start(shop, enter=CARTS, again="after 7 days", late=PATIENT)
    carts(shop, (20 * DAY, "a"), (13 * DAY + HOUR, "b"), (13 * DAY, "c"), (7 * DAY, "d"), (6 * DAY, "e"))
    shop.plan()
    assert occasions(shop) == [("alice", "0"), ("alice", "1"), ("alice", "2")]
    assert [row[6] for row in shop.enrolments()] == [NOON - 20 * DAY, NOON - 13 * DAY, NOON - 6 * DAY]


def test_after_a_time_is_the_same_whether_noticed_daily_or_at_once(shop: Shop) -> None:
    start(shop, enter=CARTS, again="after 2 days", late=PATIENT)
    carts(shop, *((n * DAY, "a") for n in range(9, 0, -1)))
    for n in range(9, -1, -1):
        shop.tick(NOON - n * DAY)
    daily = [row[2:7] for row in shop.enrolments()]
    start(shop, enter=CARTS, again="after 2 days", late=PATIENT)
    shop.campaign("d", journey(enter=CARTS, again="after 2 days", late=PATIENT))
    shop.publish()
    shop.tick()
    assert [row[2:7] for row in shop.enrolments() if row[0] == "d"] == daily
    assert len(daily) == 5


def test_after_leaving_takes_nothing_that_happened_while_under_way(shop: Shop) -> None:
    start(shop, enter=CARTS, again="after leaving", steps="[{send: hello}, {wait: 2 days}]", late=PATIENT)
    carts(shop, (5 * DAY, "a"), (4 * DAY, "b"), (2 * DAY, "c"))
    shop.tick()
    assert occasions(shop) == [("alice", "0"), ("alice", "1")]
    assert [row[6] for row in shop.enrolments()] == [NOON - 5 * DAY, NOON - 2 * DAY]


def test_after_leaving_by_an_exit_the_next_event_enters(shop: Shop) -> None:
    keys = {"again": "after leaving", "exit_when": "{event: order, since: entered}"}
    start(shop, enter=CARTS, steps="[{send: hello}, {wait: 9 days}]", **keys)
    carts(shop, (HOUR, "a"))
    shop.tick()
    shop.event("alice", "order", NOON + HOUR)
    shop.event("alice", "cart_updated", NOON + HOUR)
    shop.tick(NOON + 2 * HOUR)
    assert [row[:3] for row in standings(shop)] == [("alice", "left", "exit")]
    shop.event("alice", "cart_updated", NOON + 3 * HOUR)
    shop.tick(NOON + 4 * HOUR)
    assert occasions(shop) == [("alice", "0"), ("alice", "1")]


def test_a_win_back_is_keyed_by_the_last_order(shop: Shop) -> None:
    start(shop, kind="winback", enter="{lapse: order, after: 10 days}")
    shop.customer("alice")
    shop.event("alice", "order", 12 * DAY)
    shop.event("alice", "order", 10 * DAY)
    shop.tick()
    with shop.store.read() as conn:
        last = conn.execute(select(event.c.id).order_by(event.c.at.desc()).limit(1)).scalar_one()
    assert occasions(shop) == [("alice", str(last))]


def test_a_yearly_date_is_keyed_by_the_year_it_falls_in(shop: Shop) -> None:
    start(shop, NOON.replace(year=2025), kind="occasion", enter="{date: 3 days before birthday}")
    shop.customer("alice", birthday="1990-01-02")
    shop.tick(NOON.replace(month=12, day=30, year=2025))
    assert occasions(shop) == [("alice", "2026")]
    assert right_at(shop) == {"alice": NOON.replace(year=2025, month=12, day=30, hour=8)}
    shop.tick(NOON.replace(month=12, day=30))
    assert occasions(shop) == [("alice", "2026"), ("alice", "2027")]


def test_a_date_that_comes_once_is_keyed_by_itself(shop: Shop) -> None:
    start(shop, kind="occasion", enter="{date: 7 days after joined_on}")
    shop.customer("alice", joined_on="2026-06-08")
    shop.tick()
    assert occasions(shop) == [("alice", "2026-06-08")]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"again": "per event"}, "happens once"),
        ({"enter": CARTS, "again": "per cart"}, "did you mean 'cart_id'"),
        ({"enter": CARTS, "again": "sometimes"}, "is not known here"),
        ({"enter": CARTS, "again": "after 0 days"}, "'after 0 days' must be longer than nothing"),
        ({"kind": "winback", "enter": "{lapse: order, after: 9 days}", "again": "never"}, "take `again` out"),
    ],
)
def test_an_again_that_can_mean_nothing_is_refused(tmp_path: Path, keys: dict[str, str], said: str) -> None:
    assert said in said_of(tmp_path, **keys)
