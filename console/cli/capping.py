"""rapport caps: which campaigns lose touches to which others, and what waits for room."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from console.cli.output import show, show_one
from console.cli.session import session


def register(app: typer.Typer) -> None:
    app.command("caps")(caps)


def caps(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Of so many days up to now.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """How many touches each campaign lost to caps last week, and to whom, and how many wait for room.

    To whom: the campaign whose mail was the last to count under a cap that was full. What waits is of campaigns with
    `when_capped: wait`.

    Example: rapport caps --days 30
    """
    from crm_store.insight.losses import losses, waiting

    here = session(context)
    with here.store.read() as conn:
        found, waits = losses(conn, here.now - timedelta(days=days), here.now), [asdict(one) for one in waiting(conn)]
    if as_json:
        show_one({"lost": [asdict(one) for one in found], "waiting": waits}, True)
        return
    rows = [{"campaign": one.campaign, "lost to": one.to, "touches": one.touches} for one in found]
    show(rows, False, title=f"Lost to caps in {days} days")
    show(waits, False, title="Waiting for room under caps, and when they are looked at again")
