"""What `rapport check` says of content files, as an author sees it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from crm_store.content.workspace import Workspace, load_workspace
from crm_store.errors import ContentError
from crm_store.segmentation.trying import try_examples
from crm_store.store import memory_store
from outreach.publishing import Content, check
from outreach.trying import try_campaigns
from tests.world import Shop

SEGMENT = "segments/x.yaml"
CAMPAIGN = "config/campaigns/c.yaml"
SETTINGS_FILE = "config/rapport.yaml"
VOCABULARY_FILE = "config/vocabulary.yaml"


def shop_with(root: Path, files: Mapping[str, str]) -> Shop:
    """The tests' shop with these files beside, or in place of, its own; it has no store to speak of."""
    shop = Shop.open(root, memory_store())
    shop.write(files)
    return shop


def checked(root: Path, files: Mapping[str, str]) -> Content:
    """The content of such a shop, which has no faults."""
    return shop_with(root, files).check()


def loaded(root: Path, files: Mapping[str, str]) -> Workspace:
    return shop_with(root, files).workspace


def faults_of(root: Path, files: Mapping[str, str]) -> list[str]:
    """Every fault of such a shop, as `file:line: what`, in the order in which they are shown."""
    shop = shop_with(root, files)
    return faults_in(shop.root)


def faults_in(root: Path) -> list[str]:
    """Every fault of a workspace."""
    try:
        check(load_workspace(root))
    except ContentError as error:
        return [str(fault) for fault in error.faults]
    return []


def said_of(root: Path, file: str, text: str) -> list[str]:
    """The faults of one file, without its name: `line: what`."""
    found = faults_of(root, {file: text})
    assert all(fault.startswith(f"{file}:") for fault in found), found
    return [fault.removeprefix(f"{file}:") for fault in found]


def tried(root: Path, files: Mapping[str, str]) -> list[str]:
    """What `rapport check` says of the examples of such a shop's segments and campaigns."""
    content = checked(root, files)
    settings, vocabulary = content.workspace.settings, content.workspace.vocabulary
    segments = try_examples(content.segments, settings, vocabulary).failures
    return [str(fault) for fault in (*segments, *try_campaigns(content).failures)]
