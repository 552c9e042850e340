"""rapport campaign pause, resume, stop: a person steps in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.output import counted, say, show_one, warn
from console.cli.session import Reason, Session, session
from crm_store.errors import UsageError

if TYPE_CHECKING:
    from crm_store.ledger.control import Stopped

Names = Annotated[str | None, typer.Argument(help="A campaign that was published.")]
All = Annotated[bool, typer.Option("--all", help="All campaigns, those to come too, service included.")]


def register(app: typer.Typer) -> None:
    app.command("pause")(pause)
    app.command("resume")(resume)
    app.command("stop")(stop)


def pause(context: typer.Context, name: Names = None, every: All = False, reason: Reason = None) -> None:
    """Let nothing more of a campaign be claimed, until `rapport campaign resume`, whatever its file says. It is logged.

    It goes on planning; what expires meanwhile ends skipped(paused).

    Example: rapport campaign pause newsletter --reason "wrong prices"
    """
    from crm_store.ledger.control import pause_campaign
    from crm_store.ledger.log import Order, person

    here = session(context)
    which = _which(here, name, every)
    new = here.store.write(pause_campaign, which, Order(person(), reason))
    say(f"{_words(which)} paused: nothing more is claimed" if new else f"{_words(which)} paused already")


def resume(context: typer.Context, name: Names = None, every: All = False, reason: Reason = None) -> None:
    """Lift a pause that a command began. What --all has paused, only --all lifts. It is logged.

    Example: rapport campaign resume newsletter
    """
    from console.alerts import alerts
    from crm_store.ledger.control import resume_campaign
    from crm_store.ledger.log import Order, person
    from crm_store.ledger.runs import late_ones

    here = session(context)
    which = _which(here, name, every)
    lifted = here.store.write(resume_campaign, which, Order(person(), reason))
    say(f"{_words(which)} no longer paused by a command" if lifted else f"{_words(which)} not paused by a command")
    if lifted and which is not None:
        with here.store.read() as conn:
            late = late_ones(conn, which, here.now)
        say(f"{late:,} of what waited is late by now (its `late`), and will be skipped") if late else None
    warn([alert for alert in alerts(here.store, here.now) if which is None or which in alert.campaigns])


def stop(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A campaign that was published.")],
    run_: Annotated[int | None, typer.Option("--run", help="Only this run of it; the campaign goes on.")] = None,
    reason: Reason = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Cancel all that is due of a campaign, or of one run; the campaign stays paused until `rapport campaign resume`.

    Nothing is claimed any more from its first moment on; what a sender has in hand may still leave. It is logged. If it
    is killed, run it again, or let the next planning do the rest.

    Example: rapport campaign stop newsletter --reason "wrong prices"
    """
    from crm_store.ledger.control import stop_campaign
    from crm_store.ledger.log import Order, person

    here = session(context)
    _which(here, name, False)
    done = stop_campaign(here.store, name, run_, Order(person(), reason), here.now)
    if as_json:
        show_one({"campaign": name, **vars(done)}, True)
        return
    counts = f"{done.sent:,} sent, {done.in_flight:,} in flight, {done.cancelled:,} cancelled"
    doubt = f", {done.in_doubt:,} in doubt: `rapport settle` tells of them" if done.in_doubt else ""
    if run_ is not None and not done.runs:
        say(f"run {run_} of {name} is over: nothing of it is left to stop")
        return
    what = f"run {run_} of {name}" if run_ is not None else name
    say(f"{what} is stopped: {counts}{doubt}")
    if run_ is None:
        say(*_of_runs(name, done))
        say(f"it stays paused until `rapport campaign resume {name}`")


def _of_runs(name: str, done: Stopped) -> Iterator[str]:
    """Which runs were stopped, and what others had sent: a correction has to name them."""
    if done.runs:
        yield f"{counted(len(done.runs), 'run')} stopped: {', '.join(map(str, done.runs))}"
    if done.sent_before:
        last = f"the last in run {done.last_before} (`rapport runs --campaign {name}`)"
        yield f"already sent before: {done.sent_before:,}, {last}"


def _which(here: Session, name: str | None, every: bool) -> str | None:
    """The campaign that is named, None for all."""
    from console.names import published_campaign

    if (name is None) is not every:
        raise UsageError("which? say a campaign's name, or --all")
    return None if name is None else published_campaign(here.store, here.workspace, name)


def _words(name: str | None) -> str:
    return "all campaigns are" if name is None else f"{name} is"
