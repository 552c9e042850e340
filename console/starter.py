"""The starter workspace: the content that ships with Rapport, laid out for `rapport init` and the demo."""

from __future__ import annotations

import shutil
from pathlib import Path

from crm_store.errors import UsageError

FOLDERS = ("config", "segments", "templates")


def starter_root() -> Path:
    """In a wheel the content lies beside this file; in a checkout it is the repository's own."""
    packaged = Path(__file__).parent / "starter"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent


def lay_out(folder: Path) -> int:
    """Copy the starter into a new or empty folder. Returns how many files. Raises UsageError for any other folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty; name a new folder")
    for name in FOLDERS:
        shutil.copytree(starter_root() / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".gitignore").write_text(".prefect/\noutbox/\nrejects/\n*.db\n*.db-wal\n*.db-shm\n*.db.before-*\n")
    return sum(path.is_file() for path in folder.rglob("*"))
