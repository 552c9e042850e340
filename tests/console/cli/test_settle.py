"""rapport settle, store backup and restore, import provider-events, touches show: as people call them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from crm_store.ledger.accounts import accounts
from tests.console.cli.command import Rapport
from tests.journeys.files import start
from tests.ledger.channels import Told, fail_with, use
from tests.ledger.rows import by_customer, planned
from tests.world import Shop


@pytest.fixture
def called(shop: Shop, store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rapport:
    """The command, on a store where Alice's mail is in doubt."""
    use(Told(fail_with(TimeoutError())), monkeypatch)
    planned(shop, "alice")
    shop.deliver()
    always = ("--workspace", str(shop.root), "--store", store_url, "--now", "2026-06-15T13:00:00Z")
    return Rapport(monkeypatch, capsys, always)


def test_it_lists_doubts_and_the_channel_that_is_out_of_order(called: Rapport) -> None:
    said = called("settle").out
    assert "no_answer" in said
    assert "alice" in said
    assert "channel email is out of order" in said
    (row,) = called("settle", "--json").json
    assert (row["customer"], row["reason"]) == ("alice", "no_answer")


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_it_asks_before_it_obeys(called: Rapport, shop: Shop, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))  # a person says no, or there is nobody
    refused = called("settle", "--campaign", "c", "--give-up")
    assert (refused.code, refused.err) == (1, "error: not confirmed, so nothing is done; --yes goes on without asking\n")
    assert by_customer(shop, "state") == {"alice": "in_doubt"}
    assert called("settle", "--campaign", "c", "--give-up", "--yes").out == "1 touch of campaign c: give up\n"
    assert by_customer(shop, "state", "reason") == {"alice": ("failed", "gave_up")}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--give-up",), "error: whose? name them"),
        (("--give-up", "--resend", "--campaign", "c"), "exclude each other"),
        (("--give-up", "--touch", "4711"), "error: nothing of touch 4711 is in doubt"),
        (("--resend", "--campaign", "c", "--yes"), "came into doubt too lately"),
    ],
)
def test_a_wrong_order_is_one_clear_error(called: Rapport, words: tuple[str, ...], said: str) -> None:
    assert said in called("settle", *words).error


def test_events_of_a_file_end_the_doubt(called: Rapport, shop: Shop, tmp_path: Path) -> None:
    from tests.ledger.test_events import RAW, references

    file = tmp_path / "events.json"
    file.write_text(json.dumps([{**RAW, "rapport_touch": references(shop)["alice"]}]))
    assert called("import", "provider-events", str(file), "--json").json["doubts ended"] == 1
    file.write_text("not json")
    assert f"{file}:1 is not JSON" in called("import", "provider-events", str(file)).error
    assert "tells nothing that is known" in called("import", "provider-events", str(file), "--provider", "x").error
    number = by_customer(shop, "id")["alice"]
    shown = called("touches", "show", str(number))
    assert "consent" in shown.out
    assert "Subject: Hello Alice" in shown.out
    assert called("touches", "show", str(number), "--json").json["outcome"] == "delivered"
    assert "touch 4711 is not in the store" in called("touches", "show", "4711").error
    assert "--since 'noon' is not a date" in called("touches", "--since", "noon").error
    assert [row["customer"] for row in called("touches", "--address", "alice@example.com", "--json").json] == ["alice"]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_backup_is_put_back_and_what_was_due_is_held(called: Rapport, shop: Shop, tmp_path: Path) -> None:
    shop.customer("bob")
    start(shop)
    assert called("store", "backup", str(tmp_path / "copy.db")).code == 0
    shop.store.close()
    assert "0 touches are held in doubt" in called("store", "restore", str(tmp_path / "copy.db"), "--yes").out
    with shop.store.read() as conn:
        assert [one.name for one in accounts(conn)] == ["email"]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_what_is_no_copy_is_refused_before_anything_is_asked(called: Rapport, tmp_path: Path) -> None:
    (tmp_path / "mail.html").write_text("<p>Hello</p>" * 200)
    for name, said in {"nothere.db": "is not there", "mail.html": "is not an SQLite database"}.items():
        refused = called("store", "restore", str(tmp_path / name))
        assert said in refused.error
        assert "Go on?" not in refused.out
