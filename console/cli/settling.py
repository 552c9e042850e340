"""rapport settle: what nobody knows to have left, and a person's word about it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.output import confirm, counted, say, show
from console.cli.session import Reason, Session, session
from crm_store.clock import span
from crm_store.errors import RapportError, UsageError

if TYPE_CHECKING:
    from crm_store.ledger.doubts import Chosen

ORDERS = {
    "resend": "{count} mails would leave again; those that did arrive arrive twice",
    "give_up": "{count} touches would end as failed; those that did arrive stay unknown",
    "resume": "failed touches would be due again",
}


def register(app: typer.Typer) -> None:
    app.command("settle")(settle)


def settle(
    context: typer.Context,
    touch: Annotated[int | None, typer.Option(help="Of the touch with this number.")] = None,
    batch: Annotated[str | None, typer.Option(help="Of this request.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Of this campaign.")] = None,
    resend: Annotated[bool, typer.Option("--resend", help="Send them again, though they may have arrived.")] = False,
    give_up: Annotated[bool, typer.Option("--give-up", help="End them as failed.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Of failed ones: the template or address is mended.")] = False,
    reason: Reason = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what is in doubt, oldest first, or decide about it: by touch, by batch or by campaign. Orders are logged.

    Example: rapport settle --campaign birthday --give-up
    """
    from console.names import any_campaign
    from crm_store.ledger.doubts import Chosen

    here, chosen = session(context), Chosen(touch, batch, campaign)
    if campaign is not None:
        any_campaign(here.store, here.workspace, campaign)
    orders = [name for name, wanted in (("resend", resend), ("give_up", give_up), ("resume", resume)) if wanted]
    if len(orders) > 1:
        raise UsageError("--resend, --give-up and --resume exclude each other; say one")
    if not orders:
        list_doubts(here, chosen, as_json)
        return
    if not chosen.tests():
        raise UsageError("whose? name them: --touch NUMBER, --batch REQUEST or --campaign NAME")
    order(here, chosen, orders[0], yes, reason)


def list_doubts(here: Session, chosen: Chosen, as_json: bool) -> None:
    from crm_store.ledger.accounts import accounts
    from crm_store.ledger.doubts import doubts

    with here.store.read() as conn:
        rows = [{**row, "age": _age(row["age"])} for row in doubts(conn, chosen, limit=1_000)]
        broken = [one for one in accounts(conn) if one.broken_since is not None]
    columns = ["id", "customer", "campaign", "step", "reason", "age", "request_id"]
    show(rows, as_json, columns, title="In doubt")
    if not as_json:
        say(*(f"channel {one.name} is out of order; the next touch tries it at {one.probe_at:%H:%M:%SZ}" for one in broken))


def _age(age: timedelta | None) -> str | None:
    """In whole seconds, or minutes once it is one."""
    if age is None:
        return None
    unit = timedelta(minutes=1) if age >= timedelta(minutes=1) else timedelta(seconds=1)
    return span(age // unit * unit)


def order(here: Session, chosen: Chosen, what: str, yes: bool, reason: str | None) -> None:
    from crm_store.ledger import doubts
    from crm_store.ledger.log import Order, person

    with here.store.read() as conn:
        count = doubts.count_doubts(conn, chosen)
    if not count and what != "resume":
        raise RapportError(f"nothing of {chosen} is in doubt; `rapport settle` lists what is")
    if not yes:
        confirm(f"{ORDERS[what].format(count=f'{count:,}')}.")
    who = Order(person(), reason)
    if what == "resend":
        done = here.store.write(doubts.resend, chosen, who, here.workspace.settings.delivery.lease, here.now)
    elif what == "give_up":
        done = here.store.write(doubts.give_up, chosen, who)
    else:
        done = here.store.write(doubts.resume, chosen, who, here.now)
    say(f"{counted(done, 'touch', 'touches')} of {chosen}: {what.replace('_', ' ')}")
