"""The demo's folder: what it makes it may take away again, and nothing else; what it says at its end works as printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.cli.session import STORE_VARIABLE
from console.demo.play import MARK, _prepare, look_around
from console.starter import lay_out
from crm_store.errors import UsageError
from crm_store.store import open_store


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(STORE_VARIABLE, "postgresql://somebody/elses")
    monkeypatch.chdir(tmp_path)


def test_a_second_demo_takes_away_only_what_the_first_has_made(tmp_path: Path) -> None:
    _prepare(Path("demo"))
    kept = ("mine.db", "mine.db-wal", "notes.txt", "outbox.old/letter.eml", "segments/mine.yaml", "old-rapport.db")
    gone = ("rapport.db", "rapport.db-wal", "rapport.db-shm", "outbox/0000/0000001.eml", "rejects/x.jsonl")
    for name in (*kept, *gone):
        path = tmp_path / "demo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("who: {reachable: {channel: email, topic: offers}}\n")
    _prepare(Path("demo"))
    assert [name for name in kept if not (tmp_path / "demo" / name).exists()] == []
    assert [name for name in gone if (tmp_path / "demo" / name).exists()] == []


@pytest.mark.parametrize("line", ["store: sqlite:///mine.db", "outbox: elsewhere"])
def test_a_demo_that_was_given_another_store_or_outbox_is_refused(tmp_path: Path, line: str) -> None:
    _prepare(Path("demo"))
    settings = tmp_path / "demo/config/rapport.yaml"
    key = line.partition(":")[0]
    lines = [one for one in settings.read_text().splitlines() if not one.startswith(f"{key}:")]
    settings.write_text("\n".join([*lines, line]) + "\n")
    (tmp_path / "demo/rapport.db").write_text("kept")
    with pytest.raises(UsageError, match="or name a new folder"):
        _prepare(Path("demo"))
    assert (tmp_path / "demo/rapport.db").read_text() == "kept"


def test_a_folder_that_is_no_demos_is_refused_in_one_line(tmp_path: Path) -> None:
    lay_out(Path("shop"))
    (tmp_path / "shop/rapport.db").write_text("kept")
    with pytest.raises(UsageError, match="shop is not empty; name a new folder"):
        _prepare(Path("shop"))
    assert (tmp_path / "shop/rapport.db").read_text() == "kept"
    assert not (tmp_path / "shop" / MARK).exists()


def test_its_flows_work_on_its_own_store_whatever_the_environment_says() -> None:
    workspace = _prepare(Path("demo"))
    assert os.environ[STORE_VARIABLE] == workspace.settings.store


@pytest.mark.parametrize("on_path", [False, True])
def test_the_hint_at_its_end_works_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_path: bool) -> None:
    workspace = _prepare(Path("a demo"))
    open_store(workspace.settings.store, workspace.root).close()
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin" if on_path else "/usr/bin:/bin")
    hint = look_around(Path("a demo"))
    assert hint.startswith("rapport ") == on_path
    ran = subprocess.run(hint, shell=True, check=True, capture_output=True, text=True)
    assert ran.stdout == "Touches: none\n"


def test_a_program_below_the_folder_where_the_user_is_is_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / ".venv/bin/python"))
    assert look_around(Path("demo")) == ".venv/bin/rapport --workspace demo touches --limit 5"
