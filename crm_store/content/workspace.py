"""The folder a company works in: where it is, and what its files say."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from crm_store.content.faults import Faults, Incomplete
from crm_store.content.settings import Settings, load_settings
from crm_store.content.sources import CAMPAIGNS, SEGMENTS, SETTINGS, Sources, read_folder
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
    here = _here()
    for folder in (here, *here.parents):
        if (folder / SETTINGS).is_file():
            return folder
    raise UsageError(f"no {SETTINGS} here or above; go to a workspace, name one with --workspace, or `rapport init DIR`")


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the folder you are in was deleted; go to another, e.g. `cd ~`") from None


def load_workspace(root: Path) -> Workspace:
    """The workspace with settings and vocabulary read.

    Raises ContentError with all their faults. What the other files mean can't be told then, but whether they are YAML can.
    """
    faults = Faults()
    sources = read_folder(root, faults)
    settings = faults.attempt(load_settings, sources, faults)
    vocabulary = faults.attempt(load_vocabulary, sources, faults)
    if faults.found or settings is None or vocabulary is None:
        others = [path for folder in (SEGMENTS, CAMPAIGNS) for _, path in sources.names(folder)]
        for path in others:
            faults.attempt(sources.parse, path, faults)
        raise ContentError(faults.found, _unread(others, faults))
    return Workspace(root, sources, settings, vocabulary)


def _unread(paths: list[str], faults: Faults) -> str:
    """What is said of the files that are YAML, and no more is known of them."""
    count = len(set(paths) - {fault.place.file for fault in faults.found})
    files = "1 segment or campaign file is" if count == 1 else f"{count} segment and campaign files are"
    return f"{files} checked once this is mended" if count else ""


def load_basics(sources: Sources) -> tuple[Settings, Vocabulary]:
    """Settings and vocabulary of a definition's closure, as they were when it was published."""
    faults = Faults()
    try:
        return load_settings(sources, faults), load_vocabulary(sources, faults)
    except Incomplete:
        raise ContentError(faults.found) from None
