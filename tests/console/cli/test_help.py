"""Every command explains itself, with an example that can be run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

import pytest
from typer.main import get_command

from console.cli.commands import app
from tests.console.cli.command import Rapport, leaves

COMMANDS = dict(leaves())
GROUPS = ["segment", "campaign", "customer", "import", "store", "vocabulary", "follow-up"]


def parsed(words: Sequence[str]) -> Any:
    """The command that these words call, with its parameters read."""
    command: Any = get_command(app)
    name, parent, rest = "rapport", None, list(words)
    while hasattr(command, "commands"):
        parent = command.make_context(name, rest, parent=parent)
        if command.invoke_without_command and not (parent._protected_args or parent.args):
            return parent
        name, command, rest = command.resolve_command(parent, [*parent._protected_args, *parent.args])
    return command.make_context(name, rest, parent=parent)


def example(name: str) -> str:
    found = re.search(r"Example: (rapport .+)", COMMANDS[name].help)
    assert found, name
    return found[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_begins_with_what_it_does_and_ends_with_an_example(name: str) -> None:
    lines = COMMANDS[name].help.strip().splitlines()
    assert lines[0].rstrip().endswith(".")
    assert lines[-1].strip().startswith("Example: rapport ")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_calls_this_command_with_options_it_has(name: str) -> None:
    words = shlex.split(example(name))
    assert parsed(words[1:]).command_path == f"rapport {name}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_parameter_is_explained(name: str) -> None:
    for parameter in COMMANDS[name].params:
        assert parameter.help, parameter.name


@pytest.mark.parametrize("name", ["", *GROUPS, *COMMANDS])
def test_help_is_printed_and_nothing_else_happens(nowhere: Rapport, name: str) -> None:
    ran = nowhere(*name.split(), "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: rapport {name}".strip())
    assert name not in COMMANDS or "Example: rapport" in ran.out


def test_the_three_options_that_hold_for_all_are_in_the_help(nowhere: Rapport) -> None:
    said = nowhere("--help").out
    for option in ("--workspace", "--store", "--now", "RAPPORT_WORKSPACE", "RAPPORT_STORE"):
        assert option in said


@pytest.mark.parametrize("name", ["", *GROUPS])
def test_a_group_alone_shows_its_help_and_is_called_wrongly(nowhere: Rapport, name: str) -> None:
    ran = nowhere(*name.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"Usage: rapport {name}".strip())
    assert "see `rapport --help`" not in ran.err


def test_every_group_says_what_it_is_about(nowhere: Rapport) -> None:
    said = nowhere("--help").out
    for name in GROUPS:
        assert re.search(rf"^  {name} +\w.*\.$", said, re.MULTILINE), name
