"""The tree of commands, and the three options that hold for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from console.cli import (
    campaigns,
    capping,
    checking,
    control,
    customers,
    followups,
    imports,
    play,
    providerevents,
    running,
    runs,
    schemas,
    segments,
    settling,
    stores,
    touches,
    vocabulary,
)
from console.cli.session import Session
from crm_store.clock import parse_now

app = typer.Typer(
    name="rapport",
    help="Marketing automation: segments choose customers, flows act, every touch is logged.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (checking, play, running, settling, capping, runs, schemas):
    group.register(app)
control.register(campaigns.app)
imports.app.command("provider-events")(providerevents.provider_events)
app.add_typer(imports.app, name="import")
app.add_typer(segments.app, name="segment")
app.add_typer(campaigns.app, name="campaign")
app.add_typer(customers.app, name="customer")
app.add_typer(followups.app, name="follow-up")
app.add_typer(vocabulary.app, name="vocabulary")
app.add_typer(stores.app, name="store")
app.add_typer(touches.app, name="touches")


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
