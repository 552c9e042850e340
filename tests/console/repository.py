"""A git repository around a workspace, for tests of what compares with git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

AUTHOR = ("-c", "user.name=Mia", "-c", "user.email=mia@example.com", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Repository:
    """A repository whose working tree is this folder."""

    folder: Path

    def __call__(self, *words: str) -> str:
        """What git says."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        command = ["git", *AUTHOR, *words]
        done = subprocess.run(command, cwd=self.folder, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, said: str = "as it is") -> str:
        """Keep everything as it is now; the commit's hash."""
        self("add", "--all")
        self("commit", "--quiet", "--allow-empty", "--message", said)
        return self("rev-parse", "HEAD")


def make_repository(folder: Path) -> Repository:
    """A new repository with a commit of all that is in the folder."""
    repository = Repository(folder)
    repository("init", "--quiet", "--initial-branch", "main")
    repository.commit()
    return repository
