"""rapport touches: what was sent, to whom, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from console.cli.output import say, show, show_one, warn
from console.cli.session import Session, session
from crm_store.content.faults import did_you_mean
from crm_store.errors import UsageError, no_customer

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def touches(
    context: typer.Context,
    customer: Annotated[str | None, typer.Option(help="Of the customer with this key.")] = None,
    address: Annotated[str | None, typer.Option(help="Of whoever has this address, or had it once.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Of this campaign.")] = None,
    state: Annotated[str | None, typer.Option(help="In this state: due, sent, skipped, ...")] = None,
    reason: Annotated[str | None, typer.Option(help="For this reason: no_consent, template, ...")] = None,
    run_: Annotated[int | None, typer.Option("--run", help="Of the campaign run with this number.")] = None,
    message_id: Annotated[str | None, typer.Option(help="With this Message-ID, ours or the provider's.")] = None,
    since: Annotated[str | None, typer.Option(help="Due at this instant or later, in ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(help="Due at this instant or before, in ISO 8601.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every gate's verdict.")] = False,
) -> None:
    """The touches of the ledger, newest first; `rapport touches show NUMBER` says everything of one.

    Example: rapport touches --campaign birthday --state skipped
    """
    if context.invoked_subcommand is not None:
        return
    from console.alerts import leases
    from crm_store.ledger.find import Wanted
    from crm_store.ledger.find import touches as find
    from crm_store.ledger.states import CLAIMED, DISPATCHED, STATES

    if state is not None and state not in STATES:
        raise UsageError(f"state '{state}' is not known{did_you_mean(state, STATES)}")
    here = session(context)
    _known(here, customer, campaign)
    asked: dict[str, Any] = {"address": address, "message_id": message_id, "run": run_, "reason": reason}
    wanted = Wanted(customer, campaign, state, limit, here.instant("--until", until), here.instant("--since", since))
    with here.store.read() as conn:
        rows = find(conn, replace(wanted, **asked))
    columns = ["id", "customer", "campaign", "occasion", "step", "state", "reason", "due_at", "sent_at", "offer"]
    show(rows, as_json, columns, title="Touches")
    if any(row["state"] in (CLAIMED, DISPATCHED) for row in rows):
        warn(leases(here.store))


@app.command("show")
def show_touch(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="The touch's number.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """One touch: each gate's verdict, the definitions it was made from, what its provider told, the mail as it left.

    Example: rapport touches show 4711
    """
    from console.preview import shown_as_sent
    from crm_store.insight.capped import barred_by
    from crm_store.ledger.find import sent_mail_of, whole_touch

    here = session(context)
    with here.store.read() as conn:
        found, sent = whole_touch(conn, number), sent_mail_of(conn, number)
        caps = [str(one) for one in barred_by(conn, number)] if found else []
    if found is None:
        raise UsageError(f"touch {number} is not in the store; `rapport touches` lists those that are")
    mail = shown_as_sent(here.store, sent) if sent else None
    if as_json:
        parts = {"verdicts": found.verdicts, "definitions": found.definitions, "events": found.events, "barred_by": caps}
        show_one({**found.facts, **parts, "mail": mail and {**mail.headers, "text": mail.text, "html": mail.html}}, True)
        return
    show_one({name: value for name, value in found.facts.items() if value is not None}, False)
    say(*(f"the cap that barred it: {one}" for one in caps))
    show([{"gate": gate, "verdict": said} for gate, said in found.verdicts.items()], False, title="Gates")
    show(found.definitions, False, title="Definitions")
    show(found.events, False, title="What its provider told")
    if mail:
        say(*(f"{name}: {value}" for name, value in mail.headers.items()), "", mail.text.rstrip())


def _known(here: Session, customer: str | None, campaign: str | None) -> None:
    """Raise UsageError for a customer or campaign that nobody knows: no touches of theirs would be no news."""
    from console.names import any_campaign
    from crm_store.ledger.find import has_customer

    with here.store.read() as conn:
        if customer is not None and not has_customer(conn, customer):
            raise no_customer(customer)
    if campaign is not None:
        any_campaign(here.store, here.workspace, campaign)
