"""Claims at once: under no cap do two campaigns slip together, and whoever claims, the same touches win."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import select

from crm_store.ledger import capping
from crm_store.schema import customer, touch
from tests.copies import copy_of, shop_on
from tests.ledger.processes import child, heard, tick_all
from tests.ledger.rows import claim_all
from tests.restraint.test_caps import ONE_A_WEEK, campaigns, company, sign_up
from tests.world import NOON, SETTINGS, Shop

DAY = timedelta(days=1)
PROCESSES, MANY, DAYS = 4, 8, 4


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
    """Four campaigns that all want everybody each day."""
    shop.write({"config/rapport.yaml": f"{SETTINGS}delivery: {{batch: 3}}\ncaps: [{{at_most: 2, per: 2 days}}]\n"})
    daily: dict[str, str | None] = {"enter": "{event: order}", "again": "per event"}
    waits: dict[str, str | None] = {"when_capped": "wait", "priority": "40"}
    campaigns(shop, a=daily, b={**daily, "priority": "60"}, c={**daily, **waits}, d={**daily, "topic": "news"})
    for number in range(MANY):
        shop.customer(f"c{number}")
        for day in range(DAYS):
            shop.event(f"c{number}", "order", NOON + day * DAY, amount="5.00")


def instants() -> Iterator[datetime]:
    yield from (NOON + day * DAY for day in range(DAYS + 2))


def most_in(shop: Shop, per: timedelta) -> int:
    """The most touches any customer got in any such time."""
    chosen = select(customer.c.key, touch.c.decided_at).join(customer, customer.c.id == touch.c.customer_id)
    with shop.store.read() as conn:
        rows = conn.execute(chosen.where(touch.c.state == "sent")).all()
    found: list[int] = [sum(key == one.key and at - per < one.decided_at <= at for one in rows) for key, at in rows]
    return max(found)


def test_four_processes_at_once_give_the_ledger_of_one_and_break_no_cap(store_url: str, tmp_path: Path) -> None:
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
                tick_all(now, *children)
            assert shop.ledger() == expected
            assert most_in(shop, 2 * DAY) == 2
    assert {"sent", "skipped"} <= {row[4] for row in expected}
