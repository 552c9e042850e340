"""rapport touches: what was sent, to whom, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.output import show
from console.cli.session import Session, session
from crm_store.content.faults import did_you_mean
from crm_store.errors import RapportError, UsageError


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
    _known(here, customer, campaign)
    with here.store.read() as conn:
        rows = find(conn, Wanted(customer, campaign, state, limit))
    columns = ["id", "customer", "campaign", "occasion", "step", "state", "reason", "due_at", "sent_at", "offer"]
    show(rows, as_json, columns, title="Touches")


def _known(here: Session, customer: str | None, campaign: str | None) -> None:
    """Raise RapportError for a customer or campaign that nobody knows: no touches of theirs would be no news."""
    from crm_store.content.sources import CAMPAIGNS
    from crm_store.journeys.published import standings
    from crm_store.ledger.find import has_customer

    with here.store.read() as conn:
        published = {one.name for one in standings(conn)}
        known = customer is None or has_customer(conn, customer)
    if not known:
        raise RapportError(f"customer '{customer}' is not in the store; keys are the company's own, as its files say them")
    if campaign is not None and campaign not in published:
        names = published | {name for name, _ in here.workspace.sources.names(CAMPAIGNS)}
        if campaign not in names:
            hint = did_you_mean(campaign, names)
            raise RapportError(f"campaign '{campaign}' is neither published nor in config/campaigns{hint}")
