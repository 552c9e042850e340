"""rapport check, apply, init: the workspace's files."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from console.cli.output import complain, say
from console.cli.session import session


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
    from crm_store.journeys.hints import campaign_hints
    from crm_store.journeys.purpose import service_lines
    from crm_store.segmentation.hints import segment_hints
    from crm_store.segmentation.trying import try_examples
    from outreach.publishing import channel_troubles
    from outreach.publishing import check as check_content

    here = session(context)
    content = check_content(here.workspace)
    tried = try_examples(content.segments, here.workspace.settings, here.workspace.vocabulary)
    wrong = [*map(str, tried.failures), *map(str, channel_troubles(here.workspace))]
    for one in wrong:
        complain(one)
    if wrong:
        raise typer.Exit(1)
    zone = here.workspace.settings.company.zone
    odd = [hint for one in content.segments.values() for hint in segment_hints(one)]
    odd += [hint for one in content.campaigns.values() for hint in campaign_hints(one, here.now, zone)]
    say(*(f"hint: {hint}" for hint in (*content.hints, *odd)))
    say(*service_lines(content.campaigns))
    counts = f"{len(content.segments)} segments, {len(content.campaigns)} campaigns, {tried.count} examples"
    say(f"{counts}: all fine")


def apply(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be published.")] = False,
) -> None:
    """Check the workspace and publish it to the store: from then on runs use these definitions.

    Example: rapport apply --dry-run
    """
    from crm_store.journeys.golive import live, openings
    from crm_store.store import rehearse
    from outreach.publishing import apply as publish
    from outreach.publishing import check as check_content

    here = session(context)
    content = check_content(here.workspace)
    with here.store.read() as conn:
        before = live(conn)
    with rehearse(here.store) if dry_run else nullcontext(here.store) as store:
        changed = publish(store, content, here.now)
        with store.read() as conn:
            opened = openings(conn, before, here.now)
    verb = "would be published" if dry_run else "published"
    say(*(f"{verb}: {name}" for name in changed) if changed else ("nothing has changed since it was published",))
    say(*map(str, opened))
