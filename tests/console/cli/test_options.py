"""Every option does something: each line fails when its option is ignored. Those of other commands are in their tests."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from crm_store.schema import touch
from outreach.channels.gallery import read_mail
from tests.console.cli.command import Rapport, leaves
from tests.content.checking import SETTINGS_FILE
from tests.journeys.files import journey
from tests.ledger.channels import Told, fail_with, use
from tests.ledger.rows import by_customer, change, planned
from tests.world import NOON, SETTINGS, WITHDRAWN, Shop

HOUR = timedelta(hours=1)


def command(
    shop: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], now: str
) -> Rapport:
    return Rapport(monkeypatch, capsys, ("--workspace", str(shop.root), "--store", store_url, "--now", now))


@pytest.fixture
def called(shop: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rapport:
    """A run of c has sent to Alice, a later one not to Bob; one of d lost Alice to a cap, and a mail of Carol's is due."""
    shop.write({SETTINGS_FILE: SETTINGS + "caps: [{at_most: 1, per: 7 days}]\n"})
    shop.campaign("d", journey(enter="{event: order}"))
    planned(shop, "alice")
    shop.deliver()
    shop.customer("bob", consents=WITHDRAWN)
    shop.event("bob", "signed_up", NOON + HOUR)
    shop.event("alice", "order", NOON + HOUR)
    shop.tick(NOON + 2 * HOUR)
    shop.customer("carol")
    shop.event("carol", "order", NOON + 3 * HOUR)
    shop.plan(NOON + 3 * HOUR)
    return command(shop, store_url, monkeypatch, capsys, "2026-06-30T12:00:00Z")


def test_touches_are_chosen(called: Rapport, shop: Shop) -> None:
    message_id = str(read_mail(next((shop.root / "outbox").glob("*/*.eml")))["Message-ID"])
    found = {
        "": ["carol d", "alice d", "bob c", "alice c"],
        "--customer alice": ["alice d", "alice c"],
        "--address bob@example.com": ["bob c"],
        "--campaign d": ["carol d", "alice d"],
        "--state due": ["carol d"],
        "--reason cap": ["alice d"],
        "--run 1": ["alice c"],
        f"--message-id {message_id}": ["alice c"],
        "--since 2026-06-15T15:00:00Z": ["carol d"],
        "--until 2026-06-15T12:00:00Z": ["alice c"],
        "--limit 1": ["carol d"],
    }
    for words, rows in found.items():
        said = called("touches", *words.split(), "--json").json
        assert sorted(f"{row['customer']} {row['campaign']}" for row in said) == sorted(rows), words


def test_runs_losses_and_the_log_are_chosen(called: Rapport) -> None:
    runs = {
        "": ["d", "d", "c", "c"],
        "--campaign d": ["d", "d"],
        "--limit 1": ["d"],
    }
    for words, campaigns in runs.items():
        assert sorted(row["campaign"] for row in called("runs", *words.split(), "--json").json) == sorted(campaigns), words
    assert called("caps", "--json").json["lost"] == []
    assert called("caps", "--days", "30", "--json").json["lost"] == [{"campaign": "d", "to": "c", "touches": 1}]
    called("campaign", "pause", "c")
    log = {"": 2, "--since 2100-01-01": 0, "--who nobody": 0, "--subject campaign": 1, "--limit 1": 1}
    for words, count in log.items():
        assert len(called("log", *words.split(), "--json").json) == count, words


@pytest.fixture
def doubted(shop: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rapport:
    """The command, on a store where Alice's mail is in doubt."""
    use(Told(fail_with(TimeoutError())), monkeypatch)
    planned(shop, "alice")
    shop.deliver()
    return command(shop, store_url, monkeypatch, capsys, "2026-06-15T13:00:00Z")


def test_doubts_are_chosen(doubted: Rapport, shop: Shop) -> None:
    shop.campaign("d", journey())
    number, request = by_customer(shop, "id", "request_id")["alice"]
    for words in (f"--touch {number}", f"--batch {request}", "--campaign c"):
        assert len(doubted("settle", *words.split(), "--json").json) == 1, words
    for words in (f"--touch {number + 1}", "--batch another", "--campaign d"):
        assert doubted("settle", *words.split(), "--json").json == [], words


def test_what_failed_for_its_address_is_resumed(doubted: Rapport, shop: Shop) -> None:
    change(shop, touch, {"state": "failed", "reason": "address"})
    assert doubted("settle", "--campaign", "c", "--resume", "--yes").out == "1 touch of campaign c: resume\n"
    assert by_customer(shop, "state") == {"alice": "due"}


# The commands that keep a reason, with an order of each; of `run` that runs flows, the test is in test_running.py.
ORDERS = {
    "apply": "apply",
    "settle": "settle --campaign c --give-up --yes",
    "campaign enrol": "campaign enrol by-hand --request r1 --customer alice",
    "campaign pause": "campaign pause c",
    "campaign resume": "campaign resume c",
    "campaign stop": "campaign stop c",
    "customer pause": "customer pause alice",
    "customer resume": "customer resume alice",
    "store restore": "store restore copy.db --yes",
}


def test_every_order_keeps_its_reason(
    shop: Shop, store_url: str, doubted: Rapport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_reason = {name for name, one in leaves() if any("--reason" in parameter.opts for parameter in one.params)}
    assert with_reason == {*ORDERS, "run", "touches"}
    monkeypatch.chdir(tmp_path)
    shop.campaign("by-hand", journey(enter="{by_hand: true}"))
    for name, words in ORDERS.items():
        if name == "store restore" and shop.store.dialect != "sqlite":
            continue
        if name == "store restore":
            doubted("store", "backup", "copy.db")
            shop.store.close()
        ran = doubted(*words.split(), "--reason", f"because of {name}")
        assert ran.code == 0, ran
        assert doubted("log", "--limit", "1", "--json").json[0]["reason"] == f"because of {name}"
