"""rapport customer: one customer in one place."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.output import say, show, show_one
from console.cli.session import session
from crm_store.errors import UsageError

app = typer.Typer(help="Customers, one at a time.", no_args_is_help=True, rich_markup_mode=None)


@app.command("show")
def show_customer(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="The company's own key of the customer.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Everything known about a customer as of now: details, consents, what they did, campaigns, mails.

    Example: rapport customer show household-900
    """
    from crm_store.insight.customer import overview

    here = session(context)
    with here.store.read() as conn:
        found = overview(conn, key, here.now)
    if found is None:
        raise UsageError(f"customer '{key}' is not in the store; keys are the company's own, e.g. of the imported file")
    if as_json:
        show_one(found, as_json)
        return
    show_one({name: value for name, value in found["details"].items() if value is not None}, False)
    for title in ("consents", "events", "enrolments", "touches", "changes"):
        say("")
        rows = found[title]
        told = [name for name in (rows[0] if rows else ()) if any(row[name] not in (None, False) for row in rows)]
        show(rows, False, told, title=title.capitalize())
