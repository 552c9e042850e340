"""rapport check, apply, init: the workspace's files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.output import complain, say, show, show_one, warn
from console.cli.session import Reason, session

if TYPE_CHECKING:
    from console.rehearsal import Rehearsed


def register(app: typer.Typer) -> None:
    app.command("init")(init)
    app.command("check")(check)
    app.command("apply")(apply)


def init(folder: Annotated[Path, typer.Argument(help="An empty or new folder.")]) -> None:
    """Lay out a new workspace with the starter's segments, templates and campaigns.

    Example: rapport init shop
    """
    from console.starter import lay_out

    count = lay_out(folder)
    say(f"{folder} is a workspace now: {count} files. Next: cd {folder}, edit config/rapport.yaml, then `rapport check`.")


def check(context: typer.Context) -> None:
    """Read every file of the workspace, try every template, run every example. All faults are shown, with file and line.

    Example: rapport check
    """
    from crm_store.journeys.hints import campaign_hints, copy_hints
    from crm_store.journeys.purpose import service_lines
    from crm_store.restraint.starving import starving_hints
    from crm_store.segmentation.hints import segment_hints
    from crm_store.segmentation.trying import try_examples
    from outreach.publishing import channel_troubles
    from outreach.publishing import check as check_content
    from outreach.trying import try_campaigns

    here = session(context)
    content = check_content(here.workspace)
    tried = try_examples(content.segments, here.workspace.settings, here.workspace.vocabulary)
    journeys = try_campaigns(content)
    wrong = [*map(str, (*tried.failures, *journeys.failures)), *map(str, channel_troubles(here.workspace))]
    for one in wrong:
        complain(one)
    if wrong:
        raise typer.Exit(1)
    zone = here.workspace.settings.company.zone
    odd = [hint for one in content.segments.values() for hint in segment_hints(one)]
    odd += [hint for one in content.campaigns.values() for hint in campaign_hints(one, here.now, zone)]
    odd += copy_hints(content.campaigns, here.workspace.sources)
    starving = starving_hints(content.campaigns, here.workspace.settings)
    say(*(f"hint: {hint}" for hint in (*content.hints, *odd, *starving)))
    say(*service_lines(content.campaigns))
    counts = f"{len(content.segments)} segments, {len(content.campaigns)} campaigns"
    say(f"{counts}, {tried.count + journeys.count} examples: all fine")


def apply(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be published, and for whom.")] = False,
    reason: Reason = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the workspace and publish it to the store: from then on runs use these definitions.

    With --dry-run it also says who is under way where, and what would become of them; nothing is written.

    Example: rapport apply --dry-run
    """
    from console.alerts import alerts
    from crm_store.journeys.golive import live, openings
    from outreach.publishing import apply as publish
    from outreach.publishing import check as check_content

    here = session(context)
    content = check_content(here.workspace)
    if dry_run:
        from console.rehearsal import rehearse_publishing

        rehearsed = rehearse_publishing(here.store, content, here.now)
        _tell_rehearsed(rehearsed, as_json)
        return
    with here.store.read() as conn:
        before = live(conn)
    changed, held = publish(here.store, content, here.now, reason), alerts(here.store, here.now)
    with here.store.read() as conn:
        opened = [str(one) for one in openings(conn, before, here.now)]
    if as_json:
        show_one({"published": changed, "live_now": opened, "alerts": held}, as_json)
        return
    say(*(f"published: {name}" for name in changed) if changed else (NOTHING_NEW,))
    say(*opened)
    warn(held)


NOTHING_NEW = "nothing has changed since it was published"


def _tell_rehearsed(rehearsed: Rehearsed, as_json: bool) -> None:
    if as_json:
        show_one(vars(rehearsed), as_json)
        return
    changed = rehearsed.would_be_published
    say(*(f"would be published: {name}" for name in changed) if changed else (NOTHING_NEW,))
    say(*rehearsed.live_then)
    if rehearsed.under_way:
        show(rehearsed.under_way, False, ["campaign", "step", "customers", "then"], title="Who is under way, and then")
    warn(rehearsed.alerts)
