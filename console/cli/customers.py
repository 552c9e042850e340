"""rapport customer: one customer in one place."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from console.cli.output import counted, say, show, show_one
from console.cli.session import Reason, Session, session
from crm_store.content.faults import did_you_mean
from crm_store.errors import UsageError, no_customer

Key = Annotated[str, typer.Argument(help="The company's own key of the customer.")]
Topic = Annotated[str | None, typer.Option("--topic", help="Of this topic; else of all marketing.")]

app = typer.Typer(help="Customers, one at a time.", no_args_is_help=True, rich_markup_mode=None)


@app.command("show")
def show_customer(
    context: typer.Context,
    key: Key,
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
        raise no_customer(key)
    if as_json:
        show_one(found, as_json)
        return
    show_one({name: value for name, value in found["details"].items() if value is not None}, False)
    for title in ("consents", "pauses", "events", "enrolments", "touches", "changes"):
        say("")
        rows = found[title]
        if title == "pauses":
            rows = [{**row, "until": row["until"] or "it is lifted"} for row in rows]
        told = [name for name in (rows[0] if rows else ()) if any(row[name] not in (None, False) for row in rows)]
        show(rows, False, told, title=title.capitalize())


@app.command("pause")
def pause(
    context: typer.Context,
    key: Key,
    topic: Topic = None,
    length: Annotated[str | None, typer.Option("--for", help="So long, e.g. `30 days`; else until it is lifted.")] = None,
    reason: Reason = None,
) -> None:
    """Send a customer nothing of a topic, or no marketing at all, from now on. What is due waits. It is logged.

    Example: rapport customer pause household-900 --for "30 days" --reason "complaint by phone"
    """
    from crm_store.ledger.log import Order, person
    from crm_store.ledger.pauses import pause_customer

    here = session(context)
    until = here.now + _length(length) if length is not None else None
    here.store.write(pause_customer, key, _known(here, topic), here.now, until, Order(person(), reason))
    lasts = f"until {until:%Y-%m-%d %H:%M} UTC" if until else f"until `rapport customer resume {key}`"
    say(f"{key} gets nothing of {topic} {lasts}" if topic else f"{key} gets no marketing {lasts}")


@app.command("resume")
def resume(context: typer.Context, key: Key, topic: Topic = None, reason: Reason = None) -> None:
    """End a customer's pauses, whoever began them; what they have put off is due now. It is logged.

    Example: rapport customer resume household-900
    """
    from crm_store.ledger.log import Order, person
    from crm_store.ledger.pauses import resume_customer

    here = session(context)
    count = here.store.write(resume_customer, key, _known(here, topic), here.now, Order(person(), reason))
    say(f"{key}: no longer paused, {counted(count, 'pause')} lifted" if count else f"{key} is not paused")


def _known(here: Session, topic: str | None) -> str | None:
    topics = here.workspace.vocabulary.topics
    if topic is not None and topic not in topics:
        raise UsageError(f"topic '{topic}' is not in config/vocabulary.yaml{did_you_mean(topic, topics)}")
    return topic


def _length(said: str) -> timedelta:
    from crm_store.content.faults import Fault, Place
    from crm_store.content.literals import read_duration
    from crm_store.content.nodes import Scalar

    try:
        length = read_duration(Scalar(said, Place("--for", 1)))
    except Fault as fault:
        raise UsageError(f"--for: {fault.what}") from None
    if length.is_calendar or not length.count:
        raise UsageError(f"--for '{said}': months and years differ in length; write days, 1 or more")
    return length.fixed()
