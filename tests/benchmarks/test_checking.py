"""What `benchmarks.checking` compares is what it says: many segments with examples, and one without."""

from __future__ import annotations

from pathlib import Path

from benchmarks.checking import keep_one, multiply
from console.starter import lay_out
from crm_store.content.workspace import load_workspace
from outreach.publishing import check


def test_many_segments_with_their_examples_are_checked(tmp_path: Path) -> None:
    lay_out(tmp_path / "shop")
    examples = multiply(tmp_path / "shop", 12)
    content = check(load_workspace(tmp_path / "shop"))  # raises for any fault
    segments = list((tmp_path / "shop/segments").glob("*.yaml"))
    assert len(content.segments) == len(segments) == 12
    assert examples == sum(path.read_text().count("member:") for path in segments) > 12


def test_one_segment_is_left_alone(tmp_path: Path) -> None:
    lay_out(tmp_path / "shop")
    keep_one(tmp_path / "shop")
    (only,) = (tmp_path / "shop/segments").glob("*.yaml")
    assert "examples:" not in only.read_text()
