"""The command's entry: a quick start, and what becomes of errors."""

from __future__ import annotations

import atexit
import gc
import sys
from functools import cache
from typing import Any

import typer

from console.cli.output import complain
from crm_store.errors import RapportError, UsageError

# Unknown commands, options and values; typer keeps the class's name to itself.
_CalledWrongly: Any = typer.BadParameter.__bases__[0]


def main() -> None:
    """Run the command. Exit code 0, 1 for what went wrong, 2 for a command that was called wrongly (README, "A tour
    for ops")."""
    _start_quickly()
    try:
        sys.exit(_run())
    except RapportError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except _CalledWrongly as error:
        said = error.format_message()
        complain(said if "\n" in said else f"{said} (see `rapport --help`)")  # a group alone says its help
        sys.exit(UsageError.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        complain(f"{error.filename}: {error.strerror}")
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted; nothing is half done, run the command again to go on")
        sys.exit(130)


def _start_quickly() -> None:
    """Looking for garbage among freshly imported modules took 30 ms of a command, taking them apart at the end 80 ms."""
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)


def _run() -> Any:
    return _command()(prog_name="rapport", standalone_mode=False)


@cache
def _command() -> Any:
    """All commands there are, put together once: it takes longer than what a quick one then does."""
    from typer.main import get_command

    from console.cli.commands import app
    from console.cli.parameters import take_plainly

    command = get_command(app)
    take_plainly(command)
    return command


if __name__ == "__main__":
    main()
