"""rapport caps: which campaigns lose touches to which others."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from console.cli.output import show
from console.cli.session import session


def register(app: typer.Typer) -> None:
    app.command("caps")(caps)


def caps(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Of so many days up to now.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """How many touches each campaign lost to caps last week, and to whom: the campaign that the customer heard from last.

    Example: rapport caps --days 30
    """
    from crm_store.insight.losses import losses

    here = session(context)
    with here.store.read() as conn:
        found = losses(conn, here.now - timedelta(days=days), here.now)
    rows = [{"campaign": one.campaign, "lost to": one.to, "touches": one.touches} for one in found]
    show([asdict(one) for one in found] if as_json else rows, as_json, title=f"Lost to caps in {days} days")
