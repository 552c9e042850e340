"""rapport touches: what was sent, to whom, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.output import show
from console.cli.session import session
from crm_store.content.faults import did_you_mean
from crm_store.errors import UsageError


def register(app: typer.Typer) -> None:
    app.command("touches")(touches)


def touches(
    context: typer.Context,
    customer: Annotated[str | None, typer.Option(help="Of the customer with this key.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Of this campaign.")] = None,
    state: Annotated[str | None, typer.Option(help="In this state: due, sent, skipped, ...")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every gate's verdict.")] = False,
) -> None:
    """The touches of the ledger, newest first.

    Example: rapport touches --campaign birthday --state skipped
    """
    from crm_store.ledger.find import Wanted
    from crm_store.ledger.find import touches as find
    from crm_store.ledger.states import STATES

    if state is not None and state not in STATES:
        raise UsageError(f"state '{state}' is not known{did_you_mean(state, STATES)}")
    here = session(context)
    with here.store.read() as conn:
        rows = find(conn, Wanted(customer, campaign, state, limit))
    columns = ["id", "customer", "campaign", "occasion", "step", "state", "reason", "due_at", "sent_at", "offer"]
    show(rows, as_json, columns, title="Touches")
