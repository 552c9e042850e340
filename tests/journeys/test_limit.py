"""`limit`: so many enrolments a customer in a while - whoever runs late, and however the work is sliced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.journeys import slices
from crm_store.store import memory_store
from tests.conftest import CASES
from tests.copies import copy_of, shop_on
from tests.journeys.files import journey, said_of, start
from tests.world import NOON, SETTINGS, VOCABULARY, Shop

HOUR = timedelta(hours=1)
ENTER = "{event: cart_updated}"
PATIENT = "{within: 60 days}"


def entries(shop: Shop) -> list[datetime]:
    return sorted(row[6] for row in shop.enrolments())


def live(shop: Shop, limit: str, again: str = "per event", **keys: str) -> None:
    start(shop, **{"enter": ENTER, "again": again, "limit": limit, "late": PATIENT, **keys})
    shop.customer("anna")


def carts(shop: Shop, hours: Sequence[int], ids: Sequence[str] | None = None) -> None:
    for number, hour in enumerate(hours):
        cart = {"cart_id": (ids or "abcdefgh")[number]}
        shop.event("anna", "cart_updated", NOON + hour * HOUR, id=str(number), properties=cart)


def test_the_earliest_enter_until_the_limit_is_reached(shop: Shop) -> None:
    live(shop, "2 per 1 day")
    carts(shop, (0, 1, 2, 24, 25))
    shop.tick(NOON + 48 * HOUR)
    assert entries(shop) == [NOON, NOON + HOUR, NOON + 24 * HOUR, NOON + 25 * HOUR]


def test_one_that_found_no_room_does_not_stand_before_a_later_one_of_its_key(shop: Shop) -> None:
    live(shop, "1 per 5 hours", "per cart_id")
    carts(shop, (0, 1, 6), ("a", "b", "b"))
    shop.tick(NOON + 7 * HOUR)
    assert entries(shop) == [NOON, NOON + 6 * HOUR]


def test_each_customer_has_a_limit_of_her_own(shop: Shop) -> None:
    live(shop, "1 per 1 day")
    shop.customer("bea")
    for key in ("anna", "bea"):
        shop.event(key, "cart_updated", NOON)
    shop.tick(NOON + HOUR)
    assert [row[1] for row in shop.enrolments()] == ["anna", "bea"]


def test_a_limit_holds_for_win_backs_too(shop: Shop) -> None:
    start(shop, kind="winback", enter="{lapse: order, after: 1 day}", limit="1 per 10 days", late=PATIENT)
    shop.customer("anna")
    for day in (0, 3, 12):
        shop.event("anna", "order", NOON + day * 24 * HOUR)
        shop.tick(NOON + (day + 2) * 24 * HOUR)
    assert entries(shop) == [NOON + 24 * HOUR, NOON + 13 * 24 * HOUR]


def greedy(hours: Sequence[int], most: int, per: int) -> list[datetime]:
    """The law itself: in order, whoever finds fewer than so many in the time before."""
    taken: list[int] = []
    for hour in sorted(hours):
        if len([one for one in taken if hour - one < per]) < most:
            taken.append(hour)
    return [NOON + hour * HOUR for hour in taken]


@settings(max_examples=max(2, CASES // 10))
@given(
    hours=st.lists(st.integers(0, 40), min_size=1, max_size=8, unique=True),
    most=st.integers(1, 3),
    per=st.integers(1, 30),
    ticks=st.lists(st.integers(0, 50), max_size=3),
    size=st.sampled_from([1, 2, 2000]),
)
def test_the_limit_is_exact_however_late_and_in_whatever_slices(
    store_url: str, tmp_path: Path, hours: list[int], most: int, per: int, ticks: list[int], size: int
) -> None:
    with copy_of(store_url) as url, shop_on(url, tmp_path / "shop") as bare:
        shop = Shop.open(bare.root, bare.store)
        live(shop, f"{most} per {per} hours")
        carts(shop, hours)
        with patch.object(slices, "SLICE", size):
            for hour in (*sorted(ticks), 60):
                shop.plan(NOON + hour * HOUR)
        assert entries(shop) == greedy(hours, most, per)


@pytest.mark.parametrize("again", ["per event", "per cart_id", "after leaving"])
def test_a_repeating_event_needs_a_limit(tmp_path: Path, again: str) -> None:
    shop = Shop.open(tmp_path, memory_store())
    shop.campaign("c", journey(enter=ENTER, again=again).replace("limit: 100 per 1 day\n", ""))
    with pytest.raises(Exception, match=r"lets every such event in, and it happens repeatedly.*`limit: 2 per 7 days`"):
        shop.check()


@pytest.mark.parametrize("again", ["never", "after 3 days"])
def test_who_enters_once_or_seldom_needs_none(tmp_path: Path, again: str) -> None:
    shop = Shop.open(tmp_path, memory_store())
    shop.campaign("c", journey(enter=ENTER, again=again))
    assert shop.check().campaigns


@pytest.mark.parametrize("limit", ["2", "0 per day", "2 per month", "2 per 1 month", "2 per 0 days"])
def test_a_limit_that_says_no_rate_is_refused(tmp_path: Path, limit: str) -> None:
    said = said_of(tmp_path, enter=ENTER, again="per event", limit=limit)
    assert "does not say how often; write e.g. 2 per 7 days" in said or "write days, 1 or more" in said


TWO_MAILS = "[{send: hello}, {wait: {at: '18:00'}}, {send: again}]"
# (keys, what is said of it, or nothing)
DAYS = [
    ({"enter": ENTER, "again": "per event", "limit": "2 per 7 days", "steps": TWO_MAILS},
     "could send one customer 4 mails a day: 2 entries a day (limit: 2 per 7 days) x 2 mails within 24 hours "
     "(hello, again); 3 are allowed (mails_a_day in config/rapport.yaml)"),
    ({"enter": ENTER, "again": "per event", "limit": "2 per 7 days", "steps": TWO_MAILS.replace("{at: '18:00'}", "1 day")},
     ""),
    ({"enter": ENTER, "again": "after 6 hours"}, "4 mails a day: 4 entries a day (again: after 6 hours) x 1 mails"),
    ({"enter": ENTER, "again": "after 8 hours"}, ""),
    ({"kind": "broadcast", "enter": "{cron: '0 8-11 * * 1'}"}, "4 entries a day (entered by the time, cron '0 8-11 * * 1'"),
    ({"kind": "winback", "enter": "{lapse: order, after: 5 hours}"}, "5 entries a day (entered by 5 hours without"),
    ({"steps": "[{send: hello}, {send: again}, {send: hello, name: c}, {send: hello, name: d}]"},
     "4 mails a day: 1 entry a day"),
    ({"steps": "[{send: hello}, {send: again}, {wait: 1 day}, {send: hello, name: c}, {send: hello, name: d}]"}, ""),
    ({"steps": "[{send: hello}, {send: again}, {wait_for: {event: order}, at_most: 1 day, "
               "otherwise: [{send: hello, name: c}], then: [{exit: bought}]}, {send: hello, name: d}]"}, ""),
    ({"steps": "[{send: hello}, {send: again}, {branch: [{when: {event: order}, then: [{send: hello, name: c}]}]}, "
               "{send: hello, name: d}]"}, "(hello, again, c, d)"),
    ({"steps": "[{send: hello}, {follow_up: call}, {follow_up: call, name: b}, {follow_up: call, name: c}]"}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "said"), DAYS)
def test_more_mails_a_day_than_are_allowed_are_refused_with_the_sum(
    tmp_path: Path, keys: dict[str, str], said: str
) -> None:
    shop = Shop.open(tmp_path, memory_store())
    shop.write({"config/rapport.yaml": SETTINGS.replace("mails_a_day: 9999\n", "")})
    shop.write({"config/vocabulary.yaml": VOCABULARY + "follow_ups: {call: {title: Call}}\n"})
    shop.campaign("c", journey(**keys))
    if not said:
        assert shop.check().campaigns
        return
    with pytest.raises(Exception, match="could send one customer") as refused:
        shop.check()
    assert said in str(refused.value)


def test_how_many_mails_a_day_may_have_is_a_setting(tmp_path: Path) -> None:
    shop = Shop.open(tmp_path, memory_store())
    keys = {"enter": ENTER, "again": "per event", "limit": "5 per 7 days"}
    shop.campaign("c", journey(**keys))
    shop.write({"config/rapport.yaml": SETTINGS.replace("9999", "5")})
    assert shop.check().campaigns
    shop.write({"config/rapport.yaml": SETTINGS.replace("9999", "4")})
    with pytest.raises(Exception, match=r"5 mails a day.*4 are allowed"):
        shop.check()
