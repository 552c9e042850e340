"""The command's entry: three options that hold for all commands, the groups, and what becomes of errors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from console.cli import campaigns, checking, customers, imports, play, running, segments, stores, touches, vocabulary
from console.cli.output import complain
from console.cli.session import Session
from crm_store.clock import parse_now
from crm_store.errors import RapportError, UsageError

# Unknown commands, options and values; typer keeps the class's name to itself.
_CalledWrongly: Any = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="rapport",
    help="Marketing automation: segments choose customers, flows act, every touch is logged.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (checking, play, running, touches):
    group.register(app)
app.add_typer(imports.app, name="import")
app.add_typer(segments.app, name="segment")
app.add_typer(campaigns.app, name="campaign")
app.add_typer(customers.app, name="customer")
app.add_typer(vocabulary.app, name="vocabulary")
app.add_typer(stores.app, name="store")


@app.callback()
def options(
    context: typer.Context,
    workspace: Annotated[
        Path | None, typer.Option(help="The workspace's folder; else RAPPORT_WORKSPACE, else the nearest from here up.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="The store's address; else RAPPORT_STORE, else the workspace's setting.")
    ] = None,
    now: Annotated[str | None, typer.Option(help="The instant that counts as now, in ISO 8601; else the clock's.")] = None,
) -> None:
    """Options for all commands stand before them: rapport --workspace demo --now 2017-12-24T12:00:00Z run."""
    parse_now(now, ZoneInfo("UTC"))  # a wrong one is refused even where nobody asks for it
    context.obj = Session(workspace, store, now)
    context.call_on_close(context.obj.close)


def main() -> None:
    """Run the command. Exit code 0, 1 for what went wrong, 2 for a command that was called wrongly."""
    try:
        sys.exit(app(standalone_mode=False))
    except RapportError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except _CalledWrongly as error:
        complain(f"{error.format_message()} (see `rapport --help`)")
        sys.exit(UsageError.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted; nothing is half done, run the command again to go on")
        sys.exit(130)


if __name__ == "__main__":
    main()
