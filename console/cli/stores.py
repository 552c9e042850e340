"""rapport store: the database itself."""

from __future__ import annotations

import typer

from console.cli.output import say
from console.cli.session import session

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
