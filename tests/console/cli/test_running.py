"""The commands that run flows, as a user calls them: a process of their own, with Prefect's own server in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crm_store.ledger.dispatch import Request, dispatch
from crm_store.schema import touch
from tests.content.checking import SETTINGS_FILE
from tests.ledger.rows import LONG_GONE, change, claim_all, run_out_leases
from tests.world import NOON, SETTINGS, Shop

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
RAPPORT = (sys.executable, "-m", "console.cli.app")


def ran(shop: Shop, store_url: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    options = ("--workspace", str(shop.root), "--store", store_url, "--now", NOON.isoformat())
    return subprocess.run([*RAPPORT, *options, *words], check=check, capture_output=True, text=True, timeout=120)


def test_run_publishes_the_working_tree_and_does_what_is_due(small_shop: Shop, store_url: str) -> None:
    done = ran(small_shop, store_url, "run", "--accept", "welcome", "--json")
    (row,) = json.loads(done.stdout)
    assert (row["campaign"], row["runs"], row["entered"], row["planned"], row["sent"]) == ("welcome", [1], 1, 1, 1)
    said = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in said] == [
        "published the working tree",
        "campaign welcome is live now; 1 customer would enter today",
        "nothing of welcome is held or late",
        "starting Prefect's own server (10-20 s) ...",
    ]
    assert "campaign welcome" in said[0]
    assert [mail["To"] for mail in small_shop.mails()] == ["Alice <alice@example.com>"]
    assert (small_shop.root / ".prefect").is_dir()


@pytest.mark.long
def test_a_campaign_can_be_run_alone(small_shop: Shop, store_url: str) -> None:
    text = (small_shop.root / "config/campaigns/welcome.yaml").read_text()
    small_shop.campaign("second", text)
    done = ran(small_shop, store_url, "campaign", "run", "second")
    assert "What was done" in done.stdout
    assert [row[:2] for row in small_shop.touches() if row[3] == "sent"] == [("second", "alice")]


@pytest.mark.long
def test_up_works_until_it_is_stopped_and_finishes_its_tick(small_shop: Shop, store_url: str) -> None:
    small_shop.write({SETTINGS_FILE: f"{SETTINGS}clock: {{every: 2 hours}}\n"})
    words = [*RAPPORT, "--workspace", str(small_shop.root), "--store", store_url, "up"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        child.send_signal(signal.SIGINT)
        rest, errors = child.communicate(timeout=60)
    assert child.returncode == 0
    assert "What was done" in first + rest
    assert "a tick every 2 hours from now on" in errors
    assert "Traceback" not in errors
    assert not list(Path(small_shop.root).glob("*.tmp"))


@pytest.mark.long
def test_an_outbox_that_can_not_be_written_is_one_error_line_and_nothing_is_lost(small_shop: Shop, store_url: str) -> None:
    (small_shop.root / "outbox").write_text("in the way")
    failed = ran(small_shop, store_url, "run", check=False)
    assert failed.returncode == 1, failed.stderr
    said = [line for line in failed.stderr.splitlines() if line.startswith("error: ")]
    assert len(said) == 1
    assert said[0].startswith(f"error: outbox {small_shop.root / 'outbox'} can't be written: ")
    assert "mend the folder" in said[0]
    assert "Traceback" not in failed.stderr
    assert [row[3:] for row in small_shop.touches()] == [("due", "outbox can't be written")]
    (small_shop.root / "outbox").unlink()
    change(small_shop, touch, {"retry_at": LONG_GONE})
    ran(small_shop, store_url, "run")
    assert [row[3] for row in small_shop.touches()] == ["sent"]
    assert "Outbox: 1 mails" in (small_shop.root / "outbox/index.html").read_text()


@pytest.mark.long
def test_what_a_run_leaves_in_doubt_is_in_its_table(small_shop: Shop, store_url: str) -> None:
    small_shop.publish()
    small_shop.plan()
    claimed = claim_all(small_shop, campaign="welcome")
    packed = dict.fromkeys(claimed.touch_ids, b"")
    small_shop.store.write(dispatch, claimed, Request("r1", "email", "outbox", "hash", packed))
    run_out_leases(small_shop)
    (row,) = json.loads(ran(small_shop, store_url, "run", "--json").stdout)
    assert (row["sent"], row["in_doubt"]) == (0, 1)
    assert [row[3] for row in small_shop.touches()] == ["in_doubt"]
