"""Parameters reach the commands as they are declared, though most of them are spared typer's adapters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from console.cli.parameters import take_plainly

app = typer.Typer(add_completion=False, rich_markup_mode=None)
got: dict[str, Any] = {}


@app.callback()
def options(folder: Annotated[Path | None, typer.Option()] = None) -> None:
    got["folder"] = folder


@app.command()
def take(
    name: str,
    number: Annotated[int, typer.Option(min=1)] = 7,
    several: Annotated[list[str] | None, typer.Option()] = None,
    switch: Annotated[bool, typer.Option("--switch")] = False,
    word: Annotated[str | None, typer.Option()] = None,
    share: float = 0.5,
) -> None:
    got.update(name=name, number=number, several=several, switch=switch, word=word, share=share)


@app.command()
def other() -> None:
    """A second command makes this a group."""


def called(*words: str, plainly: bool) -> dict[str, Any]:
    got.clear()
    command = get_command(app)
    if plainly:
        take_plainly(command)
    command(list(words), standalone_mode=False)
    return dict(got)


CALLS = [
    ["take", "ann"],
    ["--folder", "a/b", "take", "ann", "--number", "12", "--several", "x", "--several", "y=z", "--switch", "--word", ""],
    ["take", "7", "--share", "0.25", "--word", "--number"],
    ["take", ""],
]


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_values_are_those_that_typer_gives(words: list[str]) -> None:
    assert called(*words, plainly=True) == called(*words, plainly=False)


WRONG = [
    ["take"],
    ["take", "ann", "--number", "0"],
    ["take", "ann", "--number", "x"],
    ["take", "ann", "--share", "x"],
    ["take", "ann", "--word"],
    ["take", "ann", "bob"],
]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_wrong_values_are_refused_as_typer_refuses_them(words: list[str]) -> None:
    said = []
    for plainly in (True, False):
        with pytest.raises(Exception, match=r".") as raised:
            called(*words, plainly=plainly)
        said.append((type(raised.value), str(raised.value)))
    assert said[0] == said[1]
