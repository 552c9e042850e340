"""rapport run, preview: making things happen, and looking at a mail before it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.output import complain, counted, say, show, warn
from console.cli.session import Reason, Session, session
from crm_store.clock import machine_instant, span
from crm_store.errors import UsageError

if TYPE_CHECKING:
    from console.alerts import Alert
    from flows.tick import Ticked


def register(app: typer.Typer) -> None:
    app.command("run")(run)
    app.command("up")(up)
    app.command("preview")(preview)


def run(
    context: typer.Context,
    accept: Annotated[
        str | None, typer.Option(help="Let this campaign's held runs go, and late touches (`late: ask`).")
    ] = None,
    reason: Reason = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Publish the working tree, then do everything that is due, once, as Prefect flow runs.

    Example: rapport --now 2017-12-24T17:00:00Z run
    """
    from console.names import any_campaign

    here = session(context)
    if accept is not None:
        any_campaign(here.store, here.workspace, accept)
    told = publish_working_tree(here)
    if accept is not None:
        accept_runs(here, accept, reason)
    report(run_flows(here, None), as_json)
    warn_of_what_waits(here, told)


def up(context: typer.Context) -> None:
    """Publish the working tree, then do what is due again and again, until stopped (Ctrl-C finishes the tick first).

    Example: rapport up
    """
    here = session(context)
    if here.now_option is not None:
        raise UsageError("--now stands still, `rapport up` goes by the clock; use `rapport --now .. run`")
    publish_working_tree(here)
    from flows.clock.ticking import tick_forever

    every = here.workspace.settings.clock.every
    typer.echo(f"a tick every {span(every)} from now on; Prefect's own server starts (10-20 s) ...", err=True)
    tick_forever(here.root, every, _telling(here), lambda stopped: complain(str(stopped)))


def _telling(here: Session) -> Callable[[Ticked], None]:
    """Tells what each tick did, and alerts that the tick before did not have."""
    from console.alerts import alerts, new_since

    known = alerts(here.store, here.now)

    def told(tick: Ticked) -> None:
        tell(tick)
        found = alerts(here.store, machine_instant())
        warn(new_since(known, found))
        known[:] = found

    return told


def tell(tick: Ticked) -> None:
    """What a tick did, under the time of day; one line if it had nothing to do."""
    at = f"{machine_instant():%Y-%m-%d %H:%M:%SZ}"
    rows = [row for row in totals([tick]) if any(value for name, value in row.items() if name != "campaign")]
    if rows:
        _show(rows, f"What was done at {at}")
    else:
        say(f"{at} nothing to do")


def publish_working_tree(here: Session) -> list[Alert]:
    """On one machine the files are what runs; say so, and what people must know. Returns that."""
    from console.alerts import alerts
    from crm_store.journeys.golive import live, openings
    from outreach.publishing import apply, check

    with here.store.read() as conn:
        before = live(conn)
    changed = apply(here.store, check(here.workspace), here.now)
    if changed:
        typer.echo(f"published the working tree: {in_short(changed)}", err=True)
        with here.store.read() as conn:
            for opening in openings(conn, before, here.now):
                typer.echo(str(opening), err=True)
    found = alerts(here.store, here.now)
    warn(found)
    return found


def in_short(changed: Sequence[str]) -> str:
    """What was published, of each kind its names, or how many there are if they are more than a few."""
    names: dict[str, list[str]] = {}
    for one in changed:
        kind, _, name = one.partition(" ")
        names.setdefault(kind, []).append(name)
    of_kinds = (
        f"{kind} {', '.join(those)}" if len(those) <= _FEW else f"{len(those)} {kind}s" for kind, those in names.items()
    )
    more = "; `rapport log --subject workspace` names them" if max(map(len, names.values())) > _FEW else ""
    return "; ".join(of_kinds) + more


_FEW = 3


def accept_runs(here: Session, name: str, reason: str | None) -> None:
    from crm_store.ledger.log import Order, person
    from crm_store.ledger.runs import accept

    runs = here.store.write(accept, name, here.now, Order(person(), reason))
    went = f"accepted: what {counted(runs, 'run')} of {name} kept back, held or late, may go"
    typer.echo(went if runs else f"nothing of {name} is held or late: there is nothing to accept", err=True)


def warn_of_what_waits(here: Session, told: list[Alert]) -> None:
    """What was not known before the ticks: a run that its guard holds, a stale feed, what a killed delivery left behind."""
    from console.alerts import alerts, leases, new_since

    warn([*new_since(told, alerts(here.store, here.now)), *leases(here.store)])


def run_flows(here: Session, only: str | None) -> list[Ticked]:
    from flows.clock.embedded import run_everything_due

    typer.echo("starting Prefect's own server (10-20 s) ...", err=True)
    return run_everything_due(here.root, here.now, only)


def report(ticks: list[Ticked], as_json: bool) -> None:
    """What the ticks did, a row a campaign."""
    rows = totals(ticks)
    if as_json:
        show(rows, True)
    else:
        _show(rows, "What was done")


def _show(rows: list[dict[str, Any]], title: str) -> None:
    """What nothing happened of is left out, if it is rare."""
    told = [name for name in rows[0] if name not in _RARE or any(row[name] for row in rows)] if rows else None
    show([{**row, "runs": ", ".join(map(str, row["runs"]))} for row in rows], False, told, title)
    if any(row["runs"] for row in rows):
        say("`rapport report RUN` says what became of a run's touches, and why")


def totals(ticks: list[Ticked]) -> list[dict[str, Any]]:
    """What the ticks did to each campaign, added up."""
    from outreach.beside import COUNTS

    found: dict[str, Counter[str]] = {}
    runs: dict[str, set[int]] = {}
    for tick in ticks:
        for planned in tick.planned:
            row = found.setdefault(planned.campaign, Counter())
            row.update({name: getattr(planned, of) for name, of in _PLANNED.items()})
            runs.setdefault(planned.campaign, set()).update([planned.run_id] if planned.run_id is not None else [])
        for name, drained in tick.drained.items():
            found[name].update({key: getattr(drained, key) for key in COUNTS})
    counted = *_PLANNED, *COUNTS
    return [
        {"campaign": name, "runs": sorted(runs[name]), **{key: row[key] for key in counted}}
        for name, row in sorted(found.items())
    ]


# `expired`: what nobody claimed before its expiry, or before it was stopped.
_PLANNED = {"entered": "entered", "moved": "moved", "left": "left", "planned": "touches", "expired": "expired"}
_RARE = ("runs", "expired", "cancelled", "in_doubt")


def preview(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(help="A campaign of config/campaigns.")],
    step: Annotated[str | None, typer.Argument(help="A step's name; else the first mail.")] = None,
    customer: Annotated[str, typer.Option("--customer", help="The customer's key.")] = "",
    html: Annotated[bool, typer.Option("--html", help="Print the HTML part instead of the text.")] = False,
) -> None:
    """Show a mail as a customer got it or would get it; sending uses the same renderer. Nothing is sent.

    Example: rapport preview birthday --customer household-900
    """
    from console.preview import preview_mail

    here = session(context)
    shown = preview_mail(here.workspace, here.store, here.now, campaign, step, customer)
    say(
        *(f"{name}: {value}" for name, value in shown.headers.items()),
        "",
        (shown.html if html else shown.text).rstrip(),
    )
