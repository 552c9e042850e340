"""rapport runs, report, log: what was done, what came of it, who ordered it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.output import say, show, show_one
from console.cli.session import session
from crm_store.clock import span
from crm_store.errors import UsageError

if TYPE_CHECKING:
    from crm_store.insight.runs import Report, Run
    from crm_store.ledger.log import Entry

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    app.command("runs")(runs)
    app.command("report")(report)
    app.command("log")(log)


def runs(
    context: typer.Context,
    campaign: Annotated[str | None, typer.Option(help="Of this campaign.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """The runs of campaigns, newest first: how many were to be written to, and what became of them.

    Example: rapport runs --campaign newsletter
    """
    from console.names import any_campaign
    from crm_store.insight.runs import runs as find

    here = session(context)
    if campaign is not None:
        any_campaign(here.store, here.workspace, campaign)
    with here.store.read() as conn:
        found = find(conn, campaign, limit)
    columns = ["run", "campaign", "now", "state", "eligible", *_told(found), "sum_law"]
    show([run_facts(one) for one in found], as_json, columns, title="Runs")


def _told(found: list[Run]) -> list[str]:
    """The states that any touch of them is in."""
    return [state for state in (found[0].states if found else ()) if any(one.states[state] for one in found)]


def run_facts(run: Run) -> dict[str, Any]:
    """A run, a value a fact."""
    facts = {"run": run.id, "campaign": run.campaign, "now": run.now, "started_at": run.started_at, "state": run.stands}
    return {**facts, "why": run.why, "eligible": run.eligible, **run.states, "sum_law": run.holds}


def report(
    context: typer.Context,
    run: Annotated[int, typer.Argument(help="The run's number; `rapport runs` lists them.")],
    html: Annotated[Path | None, typer.Option("--html", help="Write it as a page, one file that needs no other.")] = None,
    as_json: Json = False,
) -> None:
    """A run in full: the sum law, reasons with some customers' keys, the longest wait for the dispatch, refusals.

    Example: rapport report 12 --html run-12.html
    """
    from crm_store.insight.runs import report as find

    here = session(context)
    with here.store.read() as conn:
        found = find(conn, run)
    if found is None:
        raise UsageError(f"run {run} is not in the store; `rapport runs` lists those that are")
    if html is not None:
        from console.reporting import page

        html.write_text(page(found, here.workspace.settings.company), encoding="utf-8")
        say(f"written: {html}")
    elif as_json:
        show_one(_plain(found), True)
    else:
        _print(found)


def _plain(found: Report) -> dict[str, Any]:
    slowest = None if found.slowest is None else found.slowest.total_seconds()
    answers = [{"answer": said, "touches": count} for said, count in found.answers]
    reasons = [vars(one) for one in found.reasons]
    return {**run_facts(found.run), "reasons": reasons, "claim_to_dispatch_s": slowest, "provider_errors": answers}


def _print(found: Report) -> None:
    from console.reporting import sum_law

    show_one({name: value for name, value in run_facts(found.run).items() if value is not None}, False)
    say("", sum_law(found.run))
    rows = [{**vars(one), "samples": ", ".join(one.samples)} for one in found.reasons]
    show(rows, False, title="Reasons")
    say(f"longest claim to dispatch: {span(found.slowest) if found.slowest is not None else 'nothing was dispatched'}")
    show([{"answer": said, "touches": count} for said, count in found.answers], False, title="Provider errors")


def log(
    context: typer.Context,
    since: Annotated[str | None, typer.Option(help="From this instant on, in ISO 8601.")] = None,
    who: Annotated[str | None, typer.Option(help="By whoever has this in their name.")] = None,
    subject: Annotated[str | None, typer.Option(help="About what has this in its name.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 100,
    as_json: Json = False,
) -> None:
    """Who has ordered what, and why, newest first: pauses, stops, resumes, accepted runs, settled doubts, publishing.

    Nothing of it is ever changed: the store refuses.

    Example: rapport log --subject newsletter
    """
    from crm_store.ledger.log import entries

    here = session(context)
    with here.store.read() as conn:
        found = entries(conn, here.instant("--since", since), who, subject, limit)
    rows = [vars(one) if as_json else _told_of(one) for one in found]
    show(rows, as_json, ["at", "who", "action", "subject", "reason", "details"], title="Log")


def _told_of(one: Entry) -> dict[str, Any]:
    """A line for people. Who publishes without a word has the commit for a reason."""
    from crm_store.ledger.log import NO_REASON

    silent = NO_REASON if one.action != "publish" else None
    return {**vars(one), "reason": one.reason or silent, "details": _words(one.details)}


def _words(details: Any) -> str:
    return ", ".join(f"{name}: {_listed(value)}" for name, value in details.items() if value not in (None, []))


def _listed(value: Any) -> str:
    return " ".join(str(one) for one in value) if isinstance(value, list) else str(value)
