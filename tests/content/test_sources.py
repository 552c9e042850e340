"""Which files are content, and what is said of those that look like it and are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_store.content.workspace import find_root, load_workspace
from crm_store.errors import ContentError, UsageError
from tests.content.checking import faults_in, faults_of, shop_with

WHO = "who: {event: order}\n"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("segments/x.yml", "is not read; rename it to x.yaml"),
        ("segments/x.YAML", "is not read; rename it to x.yaml"),
        ("segments/Big Spenders.yaml", "the file's name must be lower-case letters, digits, '-' and '_'"),
        ("segments/größe.yaml", "the file's name must be lower-case letters, digits, '-' and '_'"),
        ("segments/-x.yaml", "the file's name must be lower-case letters, digits, '-' and '_'"),
        ("segments/2026/x.yaml",
         "is not read; YAML stands directly in segments/ or config/campaigns/, not in a folder below"),
        ("config/campaigns/old/x.yaml",
         "is not read; YAML stands directly in segments/ or config/campaigns/, not in a folder below"),
        ("config/vocabulry.yaml", "is not read; did you mean 'config/vocabulary.yaml'?"),
        ("config/rapport.yml", "is not read; rename it to rapport.yaml"),
    ],
)  # fmt: skip
def test_yaml_that_nobody_would_read_is_a_fault(tmp_path: Path, file: str, expected: str) -> None:
    assert faults_of(tmp_path, {file: WHO}) == [f"{file}:1: {expected}"]


@pytest.mark.parametrize(
    "file", ["segments/README.md", "segments/.x.yaml", "segments/x.yaml~", "config/notes.txt", "x.yaml"]
)
def test_other_files_are_left_alone(tmp_path: Path, file: str) -> None:
    assert faults_of(tmp_path, {file: "{{ no yaml"}) == []


@pytest.mark.parametrize("name", ["x", "x-1", "2nd_try", "0"])
def test_a_segment_is_called_as_its_file(tmp_path: Path, name: str) -> None:
    content = shop_with(tmp_path, {f"segments/{name}.yaml": WHO}).check()
    assert list(content.segments) == [name]


def test_a_file_that_is_not_utf_8_is_a_fault(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, {"segments/x.yaml": WHO})
    (shop.root / "segments/x.yaml").write_bytes(b"title: Gr\xf6\xdfe\n")
    assert faults_in(shop.root) == ["segments/x.yaml:1: not UTF-8 text (byte 9); save it as UTF-8"]


@pytest.mark.parametrize("file", ["segments/x.yaml", "config/rapport.yaml", "config/vocabulary.yaml"])
def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path, file: str) -> None:
    shop = shop_with(tmp_path, {"segments/x.yaml": WHO})
    path = shop.root / file
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert shop.check().segments["x"].name == "x"


def test_faults_of_files_come_together_with_faults_of_settings_and_vocabulary(tmp_path: Path) -> None:
    files = {
        "segments/x.yml": WHO,
        "config/rapport.yaml": "compny: {}\n",
        "config/vocabulary.yaml": "topics: {offers: {titel: x}}\n",
    }
    assert faults_of(tmp_path, files) == [
        "config/rapport.yaml:1: rapport.yaml has no 'compny'; did you mean 'company'?",
        "config/rapport.yaml:1: rapport.yaml needs 'company'",
        "config/rapport.yaml:1: rapport.yaml needs 'public_url'",
        "config/rapport.yaml:1: rapport.yaml needs 'senders'",
        "config/vocabulary.yaml:1: topic 'offers' has no 'titel'; did you mean 'title'?",
        "segments/x.yml:1: is not read; rename it to x.yaml",
    ]


def test_a_workspace_without_settings_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"config/rapport\.yaml:1: is missing; `rapport init` lays out a workspace"):
        load_workspace(tmp_path)


def test_the_workspace_is_the_folder_given(tmp_path: Path) -> None:
    shop = shop_with(tmp_path / "shop", {})
    assert find_root(shop.root) == shop.root


def test_the_workspace_is_the_nearest_folder_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = shop_with(tmp_path / "shop", {"segments/x.yaml": WHO})
    monkeypatch.chdir(shop.root / "segments")
    assert find_root(None) == shop.root


def test_the_environment_names_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = shop_with(tmp_path / "here", {}), shop_with(tmp_path / "there", {})
    monkeypatch.chdir(here.root)
    monkeypatch.setenv("RAPPORT_WORKSPACE", str(there.root))
    assert find_root(None) == there.root
    assert find_root(here.root) == here.root


def test_a_folder_that_was_deleted_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UsageError, match="the folder you are in was deleted; go to another"):
        find_root(None)


def test_no_workspace_anywhere_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"no config/rapport\.yaml here or above; .* `rapport init DIR`"):
        find_root(None)
    with pytest.raises(UsageError, match=r"has no config/rapport\.yaml; `rapport init .*` lays one out"):
        find_root(tmp_path)
