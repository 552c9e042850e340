"""Flows on Prefect's embedded server: what runs under which name, on both databases, and that it does what plain calls do.

One child process does it all, because a server takes seconds to start; each check below looks at a part of its report.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.copies import copy_of, shop_on
from tests.databases import new_database
from tests.journeys.files import journey
from tests.ledger.processes import ROOT
from tests.world import NOON, SETTINGS, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS = "[{send: hello}, {wait: 1 day}, {send: again}]"
CAMPAIGNS = {
    "welcome": journey(steps=STEPS),
    "birthday": journey(kind="occasion", enter="{date: birthday, at: '11:00'}"),
    "back": journey(kind="winback", enter="{lapse: order, after: 10 days}"),
    "nobody": journey(enter="{event: cart_updated}"),
}
Run = dict[str, Any]
Report = dict[str, Any]


def fill(shop: Shop, url: str) -> None:
    """A shop with work for three kinds of campaigns at noon, and a step a day later."""
    shop.write({"config/rapport.yaml": f"{SETTINGS}store: '{url}'\n"})
    for name, text in CAMPAIGNS.items():
        shop.campaign(name, text)
    shop.publish()
    for key in ("alice", "bob", "eve"):
        shop.customer(key, birthday="--06-15", time_zone="UTC")
        shop.event(key, "signed_up", HOUR)
        shop.event(key, "order", 10 * DAY)


def plain(url: str, root: Path) -> list[list[str]]:
    """The ledger that plain calls give."""
    with shop_on(url, root) as shop:
        shop.tick(NOON)
        shop.tick(NOON + DAY)
        return [[str(value) for value in row] for row in shop.ledger()]


@pytest.fixture
def urls(tmp_path: Path, sqlite_template: Path, postgres_url: str) -> Iterator[dict[str, str]]:
    """An empty store on each database."""
    shutil.copy(sqlite_template, tmp_path / "rapport.db")
    with new_database(postgres_url) as url:
        yield {"sqlite": f"sqlite:///{tmp_path / 'rapport.db'}", "postgresql": url}


def reported(roots: list[Path]) -> Report:
    """What the child says; nothing but that, and nothing on stderr."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RAPPORT_"))}
    command = [sys.executable, "-m", "tests.flows.child", *map(str, roots)]
    done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found: Report = json.loads(done.stdout)
    return found


def names(runs: list[Run]) -> list[tuple[str, str]]:
    return [(run["flow"], run["name"]) for run in runs]


def test_flows_do_what_plain_calls_do_and_say_so(urls: dict[str, str], tmp_path: Path) -> None:
    expected: dict[str, list[list[str]]] = {}
    for name, url in urls.items():
        with shop_on(url, tmp_path / name) as shop:
            fill(Shop.open(shop.root, shop.store), url)
        with copy_of(url) as copy:
            expected[name] = plain(copy, shutil.copytree(tmp_path / name, tmp_path / f"plain-{name}"))
    found = reported([tmp_path / name for name in urls])
    for name in urls:
        assert found[name]["ledger"] == expected[name]
        assert found[name]["mails"] == 12
        a_tick_is_one_plan_and_one_run_a_campaign_with_work(found[name])
        a_tick_without_work_is_one_plan(found[name])
        parameters_name_no_store_and_no_customer(found[name])
        a_tick_takes_up_what_a_crash_has_left(found[name])
        deliver_drains_everything(found[name])
        a_tick_that_fails_is_one_error(found[name])
        a_campaign_that_fails_keeps_no_other_from_its_turn(found[name])
    assert found["clock"]["stopped"] == 1
    assert found["clock"]["clock_that_fails"] == "store is gone"
    assert found["clock"]["home"] == str(tmp_path / "sqlite" / ".prefect")


def a_tick_is_one_plan_and_one_run_a_campaign_with_work(found: Report) -> None:
    assert names(found["first"])[:4] == [
        ("plan", "plan 2026-06-15T12:00:00+00:00"),
        ("winback", "back 2026-06-15"),
        ("occasion", "birthday 2026-06-15"),
        ("nurture", "welcome 2026-06-15"),
    ]
    assert [flow for flow, _ in names(found["first"])[4:]] == ["plan"]  # which settles what was sent
    assert names(found["then"])[:2] == [
        ("plan", "plan 2026-06-16T12:00:00+00:00"),
        ("nurture", "welcome 2026-06-16"),
    ]


def a_tick_without_work_is_one_plan(found: Report) -> None:
    assert [flow for flow, _ in names(found["idle"])] == ["plan"]


def parameters_name_no_store_and_no_customer(found: Report) -> None:
    runs = [run for part in ("first", "then", "draining", "crashed") for run in found[part]]
    for run in runs:
        assert set(run["parameters"]) <= {"workspace", "now", "campaign", "day"}
        assert "://" not in str(run["parameters"])
        assert "alice" not in str(run["parameters"])


def a_tick_takes_up_what_a_crash_has_left(found: Report) -> None:
    assert names(found["crashed"])[1] == ("nurture", "welcome 2026-06-17")


def deliver_drains_everything(found: Report) -> None:
    assert names(found["draining"]) == [("deliver", "deliver 2026-06-18T12:00:00+00:00")]
    assert found["states"] == ["sent"] * 17


def a_tick_that_fails_is_one_error(found: Report) -> None:
    assert found["failing"] == ["StoreError: store is on fire; put it out"] * 2


def a_campaign_that_fails_keeps_no_other_from_its_turn(found: Report) -> None:
    error, touches = found["one_fails"]
    assert error == "no birthdays today"
    assert touches == [["birthday", "last", "hello", "due"], ["welcome", "last", "hello", "sent"]]
