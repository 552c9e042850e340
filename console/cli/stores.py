"""rapport store: the database itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.cli.output import confirm, say
from console.cli.session import Reason, session

app = typer.Typer(
    help="The store: one SQLite file or one PostgreSQL database.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def group() -> None:
    """The store: one SQLite file or one PostgreSQL database."""


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the store's tables to this program's version; an SQLite file is copied first.

    Example: rapport --store postgresql://rapport@db/rapport store upgrade
    """
    from crm_store.schema import SCHEMA_VERSION
    from crm_store.store import upgrade_store

    here = session(context)
    version, backup = upgrade_store(here.store_url, here.root)
    if version == SCHEMA_VERSION:
        say(f"the store has schema {version} already")
    else:
        say(f"the store went from schema {version or 'none'} to {SCHEMA_VERSION}")
    if backup:
        say(f"a copy of it as it was: {backup}")


@app.command()
def backup(context: typer.Context, file: Annotated[Path, typer.Argument(help="Where the copy goes.")]) -> None:
    """Copy an SQLite store as it is at one instant; others may go on using it.

    Example: rapport store backup rapport-monday.db
    """
    from crm_store.store import copy_to

    copy_to(session(context).store, file)
    say(f"a copy of the store: {file}")


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A copy to put back; none: it is there already.")] = None,
    reason: Reason = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Put a copy of the store back. What was due when it was made may have been sent since: it is held in doubt, not sent.

    Example: rapport store restore rapport-monday.db
    """
    from crm_store.ledger.log import Order, person
    from crm_store.ledger.restoring import begin_new_life
    from crm_store.store import put_back, refuse_what_is_no_copy

    here = session(context)
    if file is not None:
        refuse_what_is_no_copy(file)
    if not yes:
        confirm("What is due would be held in doubt until events or `rapport settle` end that.")
    if file is not None:
        kept = put_back(here.store_url, here.root, file)
        say(f"the store as it was: {kept}")
    held = begin_new_life(here.store, here.now, Order(person(), reason))
    say(f"{held:,} touches are held in doubt; `rapport import provider-events` or `rapport settle` end that")
