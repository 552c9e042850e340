"""Claims at once: under no cap do two campaigns slip together, and whoever claims, the same touches win."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from zoneinfo import ZoneInfo

import pytest

from crm_store.ledger import capping
from tests.copies import copy_of, shop_on
from tests.ledger.processes import child, heard, tick_all
from tests.ledger.rows import claim_all
from tests.restraint.laws import Delivery, Said, Touch, Where, broken
from tests.restraint.test_caps import ONE_A_WEEK, campaigns, company, sign_up
from tests.restraint.watching import touches_of
from tests.world import NOON, SETTINGS, Shop

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PROCESSES, MANY, DAYS = 4, 8, 3
ZONES = ("Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu")
COMPANY: Said = {"caps": [{"at_most": 2, "per": "2 days"}], "hours": "08:00-21:30"}
DAILY: Mapping[str, str | None] = {"enter": "{event: order}", "again": "per event"}
SERVICE: Said = {"purpose": "service", "basis": "the order", "topic": None}
CAMPAIGNS: Mapping[str, Said] = {
    "a": {},
    "b": {"priority": 60, "hours": "00:00-20:15"},
    "c": {"priority": 40, "when_capped": "wait"},
    "d": {"topic": "news", "caps": [{"at_most": 1, "per": "2 days"}]},
    "e": SERVICE,
}


def test_no_two_campaigns_slip_under_a_cap_when_both_look_before_either_commits(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    company(shop, ONE_A_WEEK)
    campaigns(shop, a={}, b={"priority": "40"})
    sign_up(shop, "alice", "bob")
    shop.plan()
    looked, tried = Event(), Event()
    look = capping._counted

    def look_and_wait(*args: object) -> object:
        found = look(*args)  # type: ignore[arg-type]
        if not looked.is_set():
            looked.set()
            tried.wait(0.5)  # on SQLite the other can't begin before this one commits
        return found

    monkeypatch.setattr(capping, "_counted", look_and_wait)
    first = Thread(target=claim_all, args=(shop,), kwargs={"campaign": "a", "who": "first"})
    first.start()
    assert looked.wait(30)
    second = claim_all(shop, campaign="b", who="second")
    tried.set()
    first.join()
    assert not second.touch_ids
    claim_all(shop, campaign="b", who="second")
    assert {row[0]: row[3] for row in shop.touches()} == {"a": "claimed", "b": "skipped"}


def fill(shop: Shop) -> None:
    """Campaigns that all want everybody each day, wherever she lives."""
    restraint = "".join(f"{name}: {json.dumps(said)}\n" for name, said in COMPANY.items())
    shop.write({"config/rapport.yaml": f"{SETTINGS}delivery: {{batch: 3}}\n{restraint}"})
    campaigns(shop, **{name: {**DAILY, **_written(said)} for name, said in CAMPAIGNS.items()})
    for number in range(MANY):
        shop.customer(f"c{number}", time_zone=ZONES[number % len(ZONES)])
        for day in range(DAYS):
            shop.event(f"c{number}", "order", NOON + day * DAY, amount="5.00")


def _written(said: Said) -> dict[str, str | None]:
    return {name: None if value is None else json.dumps(value) for name, value in said.items()}


def instants() -> Iterator[datetime]:
    """In the morning, at noon and at night, in turn."""
    yield from (NOON + number * 16 * HOUR for number in range(2 * DAYS))


def broken_by(shop: Shop, before: Mapping[int, Touch], now: datetime) -> list[str]:
    people = {f"c{number}": Where(ZoneInfo(ZONES[number % len(ZONES)]), "") for number in range(MANY)}
    said = {name: {"status": "live", **said} for name, said in CAMPAIGNS.items()}
    return broken(Delivery(now, before, touches_of(shop), COMPANY, said, people))


def test_four_processes_at_once_give_the_ledger_of_one_and_keep_all_laws(store_url: str, tmp_path: Path) -> None:
    root = tmp_path / "one"
    with shop_on(store_url, root) as shop:
        fill(Shop.open(root, shop.store))
    shutil.copytree(root, tmp_path / "four")
    with copy_of(store_url) as copy:
        with shop_on(store_url, root) as alone:
            for now in instants():
                alone.tick(now)
            expected = alone.ledger()
        with shop_on(copy, tmp_path / "four") as shop, ExitStack() as stack:
            children = [stack.enter_context(child("tick", copy, shop)) for _ in range(PROCESSES)]
            assert [heard(one) for one in children] == ["ready"] * PROCESSES
            for now in instants():
                before = touches_of(shop)
                tick_all(now, *children)
                assert not broken_by(shop, before, now)
            assert shop.ledger() == expected
    found = {(row[0], row[4], row[5]) for row in expected}
    assert {("b", "sent", None), ("c", "due", "cap"), ("d", "skipped", "cap"), ("e", "sent", None)} <= found
    assert any(due_at > right_at for campaign, *_, right_at, due_at, _, _, _ in expected if campaign == "b")  # by hours
