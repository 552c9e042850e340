"""The `rapport` command as tests call it: in this process, through its real entry."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from typer.main import get_command

from console.cli.app import main
from console.cli.commands import app


@dataclass(frozen=True)
class Ran:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line that a failed command says."""
        assert self.code in (1, 2), self
        assert self.out == ""
        (line,) = self.err.splitlines()
        return line


@dataclass(frozen=True)
class Rapport:
    """Calls the command. `always`: options that stand before everything."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    always: Sequence[str] = ()

    def __call__(self, *words: str) -> Ran:
        self.monkeypatch.setattr(sys, "argv", ["rapport", *self.always, *words])
        self.capsys.readouterr()
        threshold = gc.get_threshold()
        try:
            main()
        except SystemExit as end:
            said = self.capsys.readouterr()
            return Ran(int(end.code or 0), said.out, said.err)
        finally:
            gc.set_threshold(*threshold)
        raise AssertionError("the command did not exit")


def leaves(command: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something: its words and itself."""
    command = command or get_command(app)
    below = getattr(command, "commands", None)
    if below is None or (path and command.invoke_without_command):
        yield path, command
    for name, one in (below or {}).items():
        yield from leaves(one, f"{path} {name}".strip())
