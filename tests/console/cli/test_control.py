"""rapport campaign pause, resume, stop, customer pause, resume, runs, report, log: as people call them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.console.cli.command import Rapport
from tests.ledger.rows import by_customer, planned
from tests.world import NOON, Shop


@pytest.fixture
def called(shop: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rapport:
    """The command, on a store where the mails of Alice and Bob are due."""
    planned(shop, "alice", "bob")
    always = ("--workspace", str(shop.root), "--store", store_url, "--now", "2026-06-15T13:00:00Z")
    return Rapport(monkeypatch, capsys, always)


def test_a_campaign_is_paused_resumed_and_stopped_and_the_log_says_by_whom(called: Rapport, shop: Shop) -> None:
    assert called("campaign", "pause", "c", "--reason", "wrong prices").out == "c is paused: nothing more is claimed\n"
    assert called("campaign", "pause", "c").out == "c is paused already\n"
    assert "campaign 'c' is paused by" in called("campaign", "list").err
    assert called("campaign", "pause", "--all").out == "all campaigns are paused: nothing more is claimed\n"
    of_all, own = called("campaign", "list").err.splitlines()
    assert of_all.startswith("alert: all campaigns are paused by")
    assert own.endswith("; it goes on after `rapport campaign resume c` and `rapport campaign resume --all`")
    resumed = called("campaign", "resume", "c")
    assert resumed.out == "c is no longer paused by a command\n"
    assert resumed.err.splitlines() == [of_all]
    assert called("campaign", "resume", "--all").err == ""
    stopped = called("campaign", "stop", "c", "--reason", "wrong <prices>").out
    assert stopped.splitlines() == [
        "c is stopped: 0 sent, 0 in flight, 2 cancelled",
        "1 run stopped: 1",
        "it stays paused until `rapport campaign resume c`",
    ]
    assert called("campaign", "stop", "c", "--run", "1", "--json").json["cancelled"] == 2
    said = called("log", "--subject", "campaign c", "--json").json
    assert [one["action"] for one in said] == ["stop", "stop", "pause", "resume", "pause"]
    assert said[-1]["reason"] == "wrong prices"
    assert "wrong <prices>" in called("log").out
    assert "no reason given" in called("log", "--subject", "all campaigns").out
    called("campaign", "resume", "c")
    called("campaign", "stop", "c")
    assert "(no reason given); `rapport campaign resume c`" in called("campaign", "list").err
    assert "wrong <prices>" in called("report", "1").out


def test_a_stop_tells_what_runs_that_are_done_had_sent(called: Rapport, shop: Shop) -> None:
    shop.deliver(NOON + timedelta(hours=1))
    assert called("campaign", "stop", "c").out.splitlines()[:2] == [
        "c is stopped: 0 sent, 0 in flight, 0 cancelled",
        "already sent before: 2, the last in run 1 (`rapport runs --campaign c`)",
    ]
    told = called("campaign", "stop", "c", "--json").json
    assert (told["runs"], told["sent_before"], told["last_before"]) == ([], 2, 1)
    named = called("campaign", "stop", "c", "--run", "1", "--json").json
    assert (named["sent_before"], named["last_before"]) == (0, None)


def test_a_customer_is_paused_and_resumed(called: Rapport, shop: Shop) -> None:
    paused = called("customer", "pause", "alice", "--for", "3 days").out
    assert paused == "alice gets no marketing until 2026-06-18 13:00 UTC\n"
    assert called("customer", "pause", "bob", "--topic", "news").out.startswith("bob gets nothing of news until `rapport")
    said = called("customer", "show", "alice")
    assert "all marketing" in said.out.partition("Pauses")[2].partition("Events")[0]
    assert "it is lifted" in called("customer", "show", "bob").out
    (one,) = called("customer", "show", "bob", "--json").json["pauses"]
    assert (one["of"], one["since"], one["until"], one["by"]) == (
        "topic news",
        "2026-06-15T13:00:00+00:00",
        None,
        "a person",
    )
    shop.deliver(NOON + timedelta(hours=1))
    assert by_customer(shop, "state") == {"alice": "due", "bob": "sent"}
    assert called("customer", "resume", "alice", "--topic", "news").out == "alice is not paused\n"
    assert called("customer", "resume", "alice").out == "alice: no longer paused, 1 pause lifted\n"
    assert called("customer", "show", "alice", "--json").json["pauses"] == []
    assert called("customer", "resume", "alice").out == "alice is not paused\n"


def test_runs_and_their_reports_are_shown(called: Rapport, tmp_path: Path) -> None:
    (row,) = called("runs", "--campaign", "c", "--json").json
    assert (row["run"], row["eligible"], row["due"], row["state"], row["sum_law"]) == (1, 2, 2, "open", True)
    assert "open" in called("runs").out
    assert "2 eligible = 2 due" in called("report", "1").out
    assert called("report", "1", "--json").json["claim_to_dispatch_s"] is None
    file = tmp_path / "run.html"
    assert called("report", "1", "--html", str(file)).out == f"written: {file}\n"
    assert "<h1>Run 1 of c</h1>" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("campaign", "pause"), "error: which? say a campaign's name, or --all"),
        (("campaign", "stop", "d"), "error: campaign 'd' is neither published nor in config/campaigns; known are: c"),
        (("campaign", "stop", "c", "--run", "9"), "error: run 9 is not in the store; `rapport runs --campaign c`"),
        (("customer", "pause", "eve"), "error: customer 'eve' is not in the store"),
        (("customer", "pause", "alice", "--topic", "offer"), "is not in config/vocabulary.yaml; did you mean 'offers'?"),
        (("customer", "pause", "alice", "--for", "1 month"), "--for '1 month': months and years differ in length"),
        (("customer", "pause", "alice", "--for", "soon"), "error: --for: 'soon'"),
        (("report", "9"), "error: run 9 is not in the store; `rapport runs` lists those that are"),
    ],
)
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_wrong_order_is_one_clear_error(called: Rapport, words: tuple[str, ...], said: str) -> None:
    assert said in called(*words).error
