"""The folder a company works in: where it is, and what its files say."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from crm_store.content.faults import Faults, Incomplete
from crm_store.content.settings import Settings, load_settings
from crm_store.content.sources import SETTINGS, Sources, read_folder
from crm_store.content.vocabulary import Vocabulary, load_vocabulary
from crm_store.errors import ContentError, UsageError


@dataclass(frozen=True)
class Workspace:
    """A workspace's root and the content read from it."""

    root: Path
    sources: Sources
    settings: Settings
    vocabulary: Vocabulary


def find_root(given: Path | None) -> Path:
    """The folder given, else RAPPORT_WORKSPACE, else the nearest from here upwards that has config/rapport.yaml."""
    chosen = given or (Path(os.environ["RAPPORT_WORKSPACE"]) if os.environ.get("RAPPORT_WORKSPACE") else None)
    if chosen is not None:
        if not (chosen / SETTINGS).is_file():
            raise UsageError(f"workspace {chosen} has no {SETTINGS}; `rapport init {chosen}` lays one out")
        return chosen.resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / SETTINGS).is_file():
            return folder
    raise UsageError(f"no {SETTINGS} here or above; go to a workspace, name one with --workspace, or `rapport init DIR`")


def load_workspace(root: Path) -> Workspace:
    """The workspace with settings and vocabulary read. Raises ContentError with all their faults."""
    faults = Faults()
    sources = read_folder(root, faults)
    settings = faults.attempt(load_settings, sources, faults)
    vocabulary = faults.attempt(load_vocabulary, sources, faults)
    if faults.found or settings is None or vocabulary is None:
        raise ContentError(faults.found)
    return Workspace(root, sources, settings, vocabulary)


def load_basics(sources: Sources) -> tuple[Settings, Vocabulary]:
    """Settings and vocabulary of a definition's closure, as they were when it was published."""
    faults = Faults()
    try:
        return load_settings(sources, faults), load_vocabulary(sources, faults)
    except Incomplete:
        raise ContentError(faults.found) from None
