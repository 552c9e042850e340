"""What docs/campaigns.md shows works as it is shown."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from textwrap import dedent

import pytest

from console.starter import FOLDERS, starter_root
from crm_store.content.workspace import load_workspace
from outreach.publishing import check
from outreach.trying import try_campaigns
from tests.content.checking import CAMPAIGN, said_of
from tests.journeys.files import journey

PAGE = (Path(__file__).parents[2] / "docs/campaigns.md").read_text(encoding="utf-8")
# A row of the table of triggers: the kind, and the first thing that `enter` may be; `..` stands for more than a page holds.
ENTRIES = [
    (kind, entry) for kind, entry in re.findall(r"^\| (\w+) \| `(\{.+?\})`", PAGE, re.MULTILINE) if ".." not in entry
]


def examples() -> str:
    """The block of examples, as a campaign file has it."""
    (block,) = re.findall(r"^    examples:\n(?:     .*\n)+", PAGE, re.MULTILINE)
    return dedent(block)


def starter(root: Path) -> Path:
    """The starter's content, to be changed."""
    for folder in FOLDERS:
        shutil.copytree(starter_root() / folder, root / folder)
    return root


def test_its_example_comes_out_as_it_says(tmp_path: Path) -> None:
    file = starter(tmp_path) / "config/campaigns/win-back.yaml"
    file.write_text(file.read_text(encoding="utf-8").partition("examples:")[0] + examples())
    content = check(load_workspace(tmp_path))
    campaign = content.campaigns["win-back"]
    assert [one.title for one in campaign.examples] == ["comes back after the first voucher"]
    assert try_campaigns(content).failures == []


@pytest.mark.parametrize(("kind", "entry"), ENTRIES)
def test_what_it_says_enters_can_be_written_so(tmp_path: Path, kind: str, entry: str) -> None:
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments/regulars.yaml").write_text("who: {event: order}\n")
    assert said_of(tmp_path, CAMPAIGN, journey(kind=kind, enter=entry)) == []


def test_some_of_them_are_tried() -> None:
    assert len(ENTRIES) >= 2
