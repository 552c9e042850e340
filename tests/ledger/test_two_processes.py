"""Two processes that do everything at once give the ledger that one gives, and one mail a touch."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

from tests.copies import copy_of, shop_on
from tests.journeys.files import journey, sums_hold
from tests.ledger.processes import child, heard, tick_all
from tests.world import NOON, SETTINGS, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MANY = 13
OFFERS = "{treat: {discount: 15 %, code: unique}}"
STEPS = "[{send: hello}, {wait: 1 day}, {send: gift, offer: treat}, {send: again}]"
CAMPAIGNS = {
    "welcome": {"exit_when": "{event: order, since: entered}"},
    "birthday": {"kind": "occasion", "enter": "{date: birthday, at: '11:00'}", "priority": "60"},
    "back": {"kind": "winback", "enter": "{lapse: order, after: 10 days}", "topic": "news"},
    "gold": {"enter": "{segment: gold, existing: enrol}", "again": "after leaving", "when_capped": "wait"},
}
INSTANTS = (NOON, NOON + DAY, NOON + 2 * DAY)


def fill(shop: Shop) -> None:
    """Many customers for whom something happens in each campaign; batches are small, so that processes meet."""
    shop.write({"config/rapport.yaml": SETTINGS + "delivery: {batch: 4}\ncaps: [{at_most: 2, per: 2 days}]\n"})
    shop.segment("gold", "{attribute: tier, is: gold}")
    for name, keys in CAMPAIGNS.items():
        shop.campaign(name, journey(offers=OFFERS, steps=STEPS, **keys))
    shop.publish()
    for n in range(MANY):
        key = f"c{n:02}"
        fields = {"email": ...} if n % 5 == 3 else {}
        tier = {"attributes": {"tier": "gold"}} if n % 2 else {}
        shop.customer(key, time_zone="UTC", birthday=f"--06-{15 + n % 3}", **fields, **tier)
        shop.event(key, "signed_up", HOUR)
        shop.event(key, "order", NOON + HOUR if n % 5 == 4 else 10 * DAY)


def one_alone(shop: Shop) -> list[tuple[object, ...]]:
    for now in INSTANTS:
        shop.tick(now)
    return shop.ledger()


def two_at_once(shop: Shop, url: str) -> None:
    with child("tick", url, shop) as first, child("tick", url, shop) as second:
        both = (first, second)
        assert [heard(process) for process in both] == ["ready", "ready"]
        for now in INSTANTS:
            tick_all(now, *both)
            assert sums_hold(shop)


def test_two_processes_at_once_give_the_ledger_of_one(store_url: str, tmp_path: Path) -> None:
    root = tmp_path / "one"
    with shop_on(store_url, root) as shop:
        fill(Shop.open(root, shop.store))
    shutil.copytree(root, tmp_path / "two")
    with copy_of(store_url) as copy:
        with shop_on(store_url, root) as alone:
            expected, enrolments = one_alone(alone), sorted(alone.enrolments(), key=str)
        with shop_on(copy, tmp_path / "two") as shop:
            two_at_once(shop, copy)
            assert shop.ledger() == expected
            assert sorted(shop.enrolments(), key=str) == enrolments
            shop.tick(INSTANTS[-1])
            mails = [path.name for path in (shop.root / "outbox").glob("*/*.eml")]
    assert len(expected) > 5 * MANY
    assert len(mails) == sum(row[4] == "sent" for row in expected)
    assert not [name for name in mails if "-" in name]
    assert {row[5] for row in expected} >= {None, "cap"}
