"""rapport follow-up: tasks for people."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer

from console.cli.output import cell, say, show
from console.cli.session import Session, session
from crm_store.content.faults import did_you_mean
from crm_store.errors import UsageError

_ABOUT = "Tasks for people: calls to make, letters to write."
app = typer.Typer(help=_ABOUT, no_args_is_help=True, rich_markup_mode=None)
COLUMNS = ("id", "customer", "kind", "assignee", "due_at", "note")

Kind = Annotated[str | None, typer.Option(help="Of this kind, one of the vocabulary's.")]
Assignee = Annotated[str | None, typer.Option(help="For this person or desk.")]


@app.callback()
def group() -> None:
    """Tasks for people: calls to make, letters to write."""


@app.command("list")
def list_tasks(
    context: typer.Context,
    kind: Kind = None,
    assignee: Assignee = None,
    done: Annotated[bool, typer.Option("--done", help="Those that are done, instead of those that are open.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, most urgent first.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the whole notes.")] = False,
) -> None:
    """The tasks that are open, most urgent first.

    Example: rapport follow-up list --kind call --assignee desk
    """
    from crm_store.ledger.follow_ups import WantedTasks, find_tasks

    here = session(context)
    _check_kind(here, kind)
    with here.store.read() as conn:
        rows = find_tasks(conn, WantedTasks(done, kind, assignee, limit))
    columns = [*COLUMNS, "done_at", "outcome"] if done else list(COLUMNS)
    shown = rows if as_json else [{**row, "note": (row["note"] or "").partition("\n")[0]} for row in rows]
    show(shown, as_json, columns, title="Tasks")


@app.command("done")
def done(
    context: typer.Context,
    task: Annotated[int, typer.Argument(help="The task's number.")],
    outcome: Annotated[str | None, typer.Option(help="What came of it, one of the vocabulary's outcomes.")] = None,
) -> None:
    """Say that a task is done, and what came of it.

    Example: rapport follow-up done 7 --outcome reached
    """
    from crm_store.ledger.follow_ups import finish_task, kind_of_task

    here = session(context)
    with here.store.read() as conn:
        kind = kind_of_task(conn, task)
    known = here.workspace.vocabulary.follow_ups.get(kind or "")
    if outcome is not None and known and known.outcomes and outcome not in known.outcomes:
        hint = did_you_mean(outcome, known.outcomes)
        raise UsageError(f"outcome '{outcome}' is none of '{known.name}' in config/vocabulary.yaml{hint}")
    here.store.write(finish_task, task, outcome, here.now)
    say(f"task {task} is done{f': {outcome}' if outcome else ''}")


@app.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The CSV file to write; it must not be there yet.")],
    kind: Kind = None,
    assignee: Assignee = None,
) -> None:
    """Write all open tasks to a CSV file, most urgent first.

    Example: rapport follow-up export calls.csv --kind call
    """
    from crm_store.ledger.follow_ups import WantedTasks, find_tasks

    here = session(context)
    _check_kind(here, kind)
    with here.store.read() as conn:
        rows = find_tasks(conn, WantedTasks(False, kind, assignee, None))
    try:
        with file.open("x", newline="", encoding="utf-8") as opened:
            writer = csv.writer(opened)
            writer.writerow(COLUMNS)
            writer.writerows(
                [_harmless(cell(row[name]) if name != "id" else str(row[name])) for name in COLUMNS] for row in rows
            )
    except FileExistsError:
        raise UsageError(f"{file} is there already; name a new file") from None
    except OSError as error:
        raise UsageError(f"{file} can't be written: {error.strerror}; name another file") from None
    say(f"{file}: {len(rows)} tasks")


def _harmless(value: str) -> str:
    """Nothing that a spreadsheet takes for a formula: notes hold what customers call themselves."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _check_kind(here: Session, kind: str | None) -> None:
    kinds = here.workspace.vocabulary.follow_ups
    if kind is not None and kind not in kinds:
        raise UsageError(f"kind '{kind}' is not among the follow_ups of config/vocabulary.yaml{did_you_mean(kind, kinds)}")
