"""The content of a workspace as git has it at a revision; the working tree is not touched."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from crm_store.content.faults import Fault, Place
from crm_store.content.sources import SEGMENTS, SETTINGS, TEMPLATES
from crm_store.errors import ContentError, UsageError
from outreach.publishing import Content, read

FOLDERS = ("config", SEGMENTS, TEMPLATES)
CONTENT = (b".yaml", b".yml", b".j2")


@dataclass(frozen=True)
class Revision:
    """A commit, and what it was called."""

    said: str
    commit: str


def find_revision(root: Path, said: str) -> Revision:
    """The commit of that name in the workspace's repository. Raises UsageError."""
    done = _git(root, "rev-parse", "--is-inside-work-tree")
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip()
        if "not a git repository" not in why:
            raise _unreadable(root, why)
        raise UsageError(f"workspace {root} is not in a git repository; there is no revision to compare with")
    # Without --end-of-options what begins with a hyphen would be an option of git's.
    done = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{said}^{{commit}}")
    if done.returncode:
        raise UsageError(f"revision '{said}' is not known in the git repository of {root}; name a branch, tag or commit")
    return Revision(said, done.stdout.decode().strip())


def content_at(root: Path, revision: Revision) -> Content:
    """The workspace's segments and campaigns as of that revision, checked. Raises UsageError if it was not there yet, and
    ContentError with all faults, each with the revision before its file."""
    from crm_store.content.workspace import load_workspace

    with TemporaryDirectory(prefix="rapport-") as folder:
        for name, content in _files(root, revision.commit):
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if not Path(folder, SETTINGS).is_file():
            raise UsageError(f"revision '{revision.said}' has no {SETTINGS} of workspace {root}; name one that has it")
        try:
            return read(load_workspace(Path(folder)))
        except ContentError as error:
            raise ContentError([_of(revision, fault) for fault in error.faults]) from None


def _of(revision: Revision, fault: Fault) -> Fault:
    return Fault(Place(f"{revision.said}:{fault.place.file}", fault.place.line), fault.what)


def _files(root: Path, commit: str) -> Iterator[tuple[str, bytes]]:
    """(path below the workspace, content) of its content files; links are followed as far as the repository goes."""
    below = _said(root, "rev-parse", "--show-prefix").removesuffix(b"\n")
    listed = _said(root, "ls-tree", "-r", "-z", "--name-only", commit, *FOLDERS)
    names = [name for name in listed.split(b"\0") if name.endswith(CONTENT) and b"\n" not in name]
    asked = b"".join(commit.encode() + b":" + below + name + b"\n" for name in names)
    answers = BytesIO(_said(root, "cat-file", "--batch", "--follow-symlinks", given=asked))
    for name in names:
        what, size = answers.readline().split()[-2:]  # `ID blob SIZE` and the content
        if not size.isdigit():  # `.. missing`
            raise _unreadable(root, f"it lacks {os.fsdecode(name)} of {commit[:8]}")
        content = answers.read(int(size) + 1)[:-1]
        if what == b"blob":  # else a link to nowhere or out of the repository
            yield os.fsdecode(name), content


def _unreadable(root: Path, why: str) -> UsageError:
    return UsageError(f"the git repository of workspace {root} can't be read: {'; '.join(why.splitlines())}")


def _said(root: Path, *words: str, given: bytes = b"") -> bytes:
    done = _git(root, *words, given=given)
    if done.returncode:
        raise _unreadable(root, done.stderr.decode(errors="replace").strip())
    return done.stdout


def _git(root: Path, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    # A hook that runs us names its own repository in GIT_DIR; what git says is looked at in English.
    usual = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(
            ["git", *words], cwd=root, env={**usual, "LC_ALL": "C"}, input=given, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise UsageError("git is not installed; revisions are read with it") from None
