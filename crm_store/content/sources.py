"""The content files of a workspace, texts by relative path: read from a folder, or kept with a definition."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from crm_store.content.faults import Faults, Place, did_you_mean
from crm_store.content.nodes import Mapping as MappingNode
from crm_store.content.nodes import parse

SETTINGS = "config/rapport.yaml"
VOCABULARY = "config/vocabulary.yaml"
CAMPAIGNS = "config/campaigns"
SEGMENTS = "segments"
TEMPLATES = "templates"
PLACES = "config/places.yaml"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class Sources:
    """Texts by path, e.g. `segments/coffee-drinkers.yaml`."""

    files: Mapping[str, str]

    def parse(self, path: str, faults: Faults) -> MappingNode:
        """The YAML of a file. Raises Incomplete with the faults collected."""
        return parse(self.files[path], path, faults)

    def names(self, folder: str) -> Iterator[tuple[str, str]]:
        """(name, path) of each YAML file directly in a folder; the name is the file's without `.yaml`."""
        for path in sorted(self.files):
            pure = PurePosixPath(path)
            if str(pure.parent) == folder and pure.suffix == ".yaml":
                yield pure.stem, path

    def subset(self, paths: set[str]) -> Sources:
        return Sources({path: self.files[path] for path in sorted(paths)})


def read_folder(root: Path, faults: Faults) -> Sources:
    """All content files below a workspace's root; what can't be content is a fault."""
    files: dict[str, str] = {}
    for folder in ("config", SEGMENTS, TEMPLATES):
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not path.name.startswith(".") and _belongs(name, faults):
                _read(path, name, files, faults)
    return Sources(files)


def _belongs(name: str, faults: Faults) -> bool:
    """Whether the file is content. A YAML file that nobody would read is a fault: its author thinks it counts."""
    pure = PurePosixPath(name)
    if pure.parts[0] == TEMPLATES:
        return pure.suffix == ".j2"
    if pure.suffix.lower() not in (".yaml", ".yml"):
        return False
    wrong = _misplaced(name, pure)
    if wrong:
        faults.add(Place(name, 1), wrong)
    return not wrong


def _misplaced(name: str, pure: PurePosixPath) -> str | None:
    if pure.suffix != ".yaml":
        return f"is not read; rename it to {pure.stem}.yaml"
    if str(pure.parent) in (SEGMENTS, CAMPAIGNS):
        return None if _NAME.fullmatch(pure.stem) else "the file's name must be lower-case letters, digits, '-' and '_'"
    if name in (SETTINGS, VOCABULARY, PLACES):
        return None
    if str(pure.parent) == "config":
        return "is not read" + did_you_mean(name, (SETTINGS, VOCABULARY, PLACES))
    return f"is not read; YAML stands directly in {SEGMENTS}/ or {CAMPAIGNS}/, not in a folder below"


def _read(path: Path, name: str, files: dict[str, str], faults: Faults) -> None:
    try:
        files[name] = path.read_text(encoding="utf-8-sig")  # Windows' editors begin a file with a byte order mark
    except UnicodeDecodeError as error:
        faults.add(Place(name, 1), f"not UTF-8 text (byte {error.start}); save it as UTF-8")
    except OSError as error:
        faults.add(Place(name, 1), f"can't be read: {error.strerror}")
