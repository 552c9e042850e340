"""rapport campaign: what campaigns say, and running one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.output import show, show_one, warn
from console.cli.session import Session, session
from crm_store.content.faults import did_you_mean
from crm_store.errors import UsageError

if TYPE_CHECKING:
    from outreach.publishing import Content

app = typer.Typer(help="Campaigns: what is said, to whom, when.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="A file of config/campaigns, without .yaml.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All campaigns, and what became of their touches so far.

    Example: rapport campaign list
    """
    from console.alerts import alerts
    from crm_store.ledger.runs import Sum, sums
    from crm_store.ledger.states import CLAIMED, DISPATCHED, DUE, STATES

    here = session(context)
    content = _read(here)
    with here.store.read() as conn:
        totals = {one.campaign: one for one in sums(conn)}
    held = alerts(here.store)
    rows: list[dict[str, Any]] = []
    for one in content.campaigns.values():
        total = totals.get(one.name) or Sum(one.name, 0, 0, dict.fromkeys(STATES, 0))
        counts = {"eligible": total.eligible, **total.states, "sum_law": total.holds}
        rows.append({"campaign": one.name, "kind": one.kind, "status": one.status, "topic": one.topic, **counts})
    passing = [state for state in (CLAIMED, DISPATCHED) if any(row[state] for row in rows)]
    settled = [state for state in STATES if state not in (DUE, CLAIMED, DISPATCHED)]
    columns = ["campaign", "kind", "status", "topic", "eligible", DUE, *passing, *settled]
    show(rows, as_json, columns, title="Campaigns")
    warn(held)


@app.command("show")
def show_campaign(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """What a campaign says, with its defaults and its occasion key.

    Example: rapport campaign show birthday
    """
    from console.describe import describe_campaign

    here = session(context)
    content = _read(here)
    if name not in content.campaigns:
        _refuse_held(here, name)
    show_one(describe_campaign(content, _known(content, name)), as_json)


@app.command("run")
def run_campaign(
    context: typer.Context,
    name: Name,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say who would get what, then undo it.")] = False,
    as_json: Json = False,
) -> None:
    """Publish the working tree, plan, and deliver this campaign; with --dry-run only say what would happen.

    A dry run goes through the real planning and the real last look, drafts included, and is undone.

    Example: rapport campaign run win-back --dry-run
    """
    from outreach.publishing import check

    here = session(context)
    content = check(here.workspace)
    _known(content, name)
    if dry_run:
        from console.rehearsal import rehearse_campaign

        rows = rehearse_campaign(here.store, content, name, here.now)
        show(rows, as_json, title=f"Would happen now in {name} (nothing has)")
        return
    from console.cli.running import publish_working_tree, report, run_flows

    publish_working_tree(here)
    report(run_flows(here, name), as_json)


def _read(here: Session) -> Content:
    from outreach.publishing import read

    return read(here.workspace)


def _refuse_held(here: Session, name: str) -> None:
    """Of a campaign that is held because its file is gone there is nothing to show but that."""
    from console.alerts import alerts

    about = [alert for alert in alerts(here.store) if alert.startswith(f"campaign '{name}' ")]
    if about:
        raise UsageError(about[0])


def _known(content: Content, name: str) -> str:
    if name not in content.campaigns:
        raise UsageError(f"campaign '{name}' is not in config/campaigns{did_you_mean(name, content.campaigns)}")
    return name
