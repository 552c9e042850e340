"""What `rapport init` lays out is a workspace that passes its own check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from console.starter import FOLDERS, lay_out, starter_root
from crm_store.content.workspace import load_workspace
from crm_store.errors import UsageError
from crm_store.segmentation.trying import try_examples
from outreach.publishing import check
from outreach.trying import try_campaigns


def files(root: Path) -> dict[str, str]:
    found = [path for name in FOLDERS for path in (root / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in found}


def test_a_laid_out_workspace_has_no_faults_and_its_examples_hold(tmp_path: Path) -> None:
    lay_out(tmp_path / "shop")
    content = check(load_workspace(tmp_path / "shop"))
    assert {one.kind for one in content.campaigns.values()} == {"broadcast", "nurture", "occasion", "winback"}
    tried = try_examples(content.segments, content.workspace.settings, content.workspace.vocabulary)
    assert not tried.failures
    assert tried.count >= len(content.segments)
    journeys = try_campaigns(content)
    assert not journeys.failures
    assert all(len(one.examples) >= 2 for one in content.campaigns.values())


def test_it_is_the_repositorys_own_content_and_a_gitignore(tmp_path: Path) -> None:
    count = lay_out(tmp_path / "shop")
    assert files(tmp_path / "shop") == files(starter_root())
    assert count == len(files(starter_root())) + 1
    ignored = (tmp_path / "shop/.gitignore").read_text().split()
    assert {"outbox/", "rejects/", ".prefect/", "*.db"} <= set(ignored)


def test_an_empty_folder_may_be_there_already(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    assert lay_out(tmp_path / "shop") > 10


@pytest.mark.parametrize("name", ["file", "folder"])
def test_whatever_is_not_empty_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("mine")
    with pytest.raises(UsageError, match=r"is not empty; name a new folder"):
        lay_out(tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "mine"]


def test_the_init_command_says_what_comes_next(tmp_path: Path) -> None:
    run = [sys.executable, "-m", "console.cli.app"]
    done = subprocess.run([*run, "init", "shop"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("shop is a workspace now: ")
    checked = subprocess.run([*run, "check"], cwd=tmp_path / "shop", check=True, capture_output=True, text=True)
    assert checked.stdout.endswith(": all fine\n")
