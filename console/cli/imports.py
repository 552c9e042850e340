"""rapport import: customers, events, products and lists from files; the demo's year."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from console.cli.output import progress_bars, say, show_one
from console.cli.session import Session, session
from crm_store.errors import UsageError

if TYPE_CHECKING:
    from crm_store.intake.importing import Intake, Line, Refused
    from crm_store.intake.lists import ListOutcome
    from crm_store.intake.outcome import Outcome
    from crm_store.intake.readers import Rejects
    from crm_store.intake.records import Form
    from crm_store.store import Store

    Lines = Iterator[Line | Refused]
    Progress = Callable[[int], None]

Done = TypeVar("Done", bound="Outcome")
app = typer.Typer(help="Take in customers, events, products and lists.", no_args_is_help=True, rich_markup_mode=None)

File = Annotated[Path, typer.Argument(help="A .csv or .jsonl file, UTF-8.")]
Map = Annotated[list[str] | None, typer.Option("--map", help="field=column, where the file calls a field otherwise.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Do everything, then undo it.")]
Source = Annotated[str, typer.Option(help="Where the facts come from; events are deduplicated per source.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def customers(
    context: typer.Context,
    file: File,
    map_: Map = None,
    dry_run: Dry = False,
    source: Source = "import",
    as_json: Json = False,
) -> None:
    """Customers by key. What the file says replaces what was there; changes are kept; nobody is subscribed again.

    Example: rapport import customers crm.csv --map key=customer_no --map email=mail
    """
    _import(session(context), "customers", file, map_, dry_run, source, as_json)


@app.command()
def events(
    context: typer.Context,
    file: File,
    map_: Map = None,
    dry_run: Dry = False,
    source: Source = "import",
    as_json: Json = False,
) -> None:
    """Events of known customers. Those of unknown ones go to the rejects file and are taken when offered again.

    Example: rapport import events orders.jsonl --source shop --dry-run
    """
    _import(session(context), "events", file, map_, dry_run, source, as_json)


@app.command()
def products(
    context: typer.Context,
    file: File,
    map_: Map = None,
    dry_run: Dry = False,
    as_json: Json = False,
) -> None:
    """The product catalogue, by key. It keeps no history, so there is no --source.

    Example: rapport import products catalogue.csv --map key=sku
    """
    _import(session(context), "products", file, map_, dry_run, "import", as_json)


@app.command("list")
def list_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The list's name, as segments say it; letters, digits, - and _.")],
    file: File,
    map_: Map = None,
    dry_run: Dry = False,
    source: Source = "import",
    as_json: Json = False,
) -> None:
    """A static list: exactly the customers whose keys the file holds, all at once; who is not in the file leaves.

    Example: rapport import list trade-fair visitors.csv --map key=customer_no
    """
    from crm_store.intake.lists import ListMembers, import_list

    here, members = session(context), ListMembers(name)

    def take(store: Store, lines: Lines, rejects: Rejects, progress: Progress) -> ListOutcome:
        return import_list(store, members, lines, rejects, source, progress)

    outcome, rejects = _taken(here, members, take, file, _renamed(map_, members.mapped), dry_run)
    counts = {"new": outcome.new, "left": outcome.left, "already there": outcome.unchanged}
    _report({"list": name, **counts}, outcome, rejects, dry_run, as_json)


@app.command("complete-journey")
def complete_journey(context: typer.Context) -> None:
    """The demo's data: a real retailer's year, with made-up contact details. A second run adds nothing.

    Example: rapport --workspace demo import complete-journey
    """
    from console.demo.year import EXPECTED, import_year

    here = session(context)
    with progress_bars(EXPECTED) as tell:
        done = import_year(here.store, here.root / "rejects", tell)
    for name, outcome in done.items():
        say(f"{name}: {outcome.new} new, {outcome.unchanged} there already, {outcome.rejected} set aside")


def _import(
    here: Session, what: str, file: Path, map_: list[str] | None, dry_run: bool, source: str, as_json: bool
) -> None:
    from crm_store.intake.importing import INTAKES, import_lines

    intake = next(intake for intake in INTAKES if intake.name == what)

    def take(store: Store, lines: Lines, rejects: Rejects, progress: Progress) -> Outcome:
        return import_lines(store, intake, lines, rejects, source, progress, here.now)

    outcome, rejects = _taken(here, intake, take, file, _renamed(map_, intake.form), dry_run)
    counts = {
        "new": outcome.new,
        "changed": outcome.changed,
        "already there": outcome.unchanged,
        "items": outcome.items,
        "stub products": outcome.stubs,
        "consents": outcome.consents,
        "not subscribed again": outcome.not_resubscribed,
        "unknown time zones": outcome.zones_unknown,
    }
    _report(counts, outcome, rejects, dry_run, as_json)
    if outcome.rejected and not (outcome.new or outcome.changed or outcome.unchanged):
        raise typer.Exit(1)  # of all its lines none could be taken: whoever runs this by night must hear of it


def _taken(
    here: Session,
    intake: Intake[Any],
    take: Callable[[Store, Lines, Rejects, Progress], Done],
    file: Path,
    renamed: dict[str, str],
    dry_run: bool,
) -> tuple[Done, Rejects]:
    """What came of a file's lines, and what was set aside."""
    from crm_store.intake.importing import read_lines
    from crm_store.intake.readers import Rejects, open_records
    from crm_store.intake.values import Rules
    from crm_store.store import rehearse

    settings = here.workspace.settings
    rules = Rules(here.workspace.vocabulary, settings.company.zone, settings.company.currency)
    lines = read_lines(intake, open_records(file, renamed), rules)
    lines_told = progress_bars({file.name: _count(file)})
    with Rejects(_rejects_path(here.root, file, dry_run)) as rejects, lines_told as tell:
        progress = partial(tell, file.name)
        if dry_run:
            with rehearse(here.store) as rehearsal:
                return take(rehearsal, lines, rejects, progress), rejects
        return take(here.store, lines, rejects, progress), rejects


def _renamed(map_: list[str] | None, form: Form) -> dict[str, str]:
    renamed: dict[str, str] = {}
    for pair in map_ or []:
        field, equals, column = pair.partition("=")
        if not (field and equals and column):
            raise UsageError(f"--map {pair} is not field=column; write e.g. --map email=mail")
        if field in renamed or column in renamed.values():
            raise UsageError(f"--map {pair} names a field or column that another --map names; keep one")
        if fault := form.fault(field):
            raise UsageError(f"--map {pair}: {fault}")
        renamed[field] = column
    return renamed


def _rejects_path(root: Path, file: Path, dry_run: bool) -> Path:
    """Never the file that is being read: rejects offered again leave their own rejects beside them."""
    path = root / "rejects" / f"{file.stem}{'.dry-run' if dry_run else ''}.rejects.jsonl"
    return path.with_suffix(".again.jsonl") if path.exists() and path.samefile(file) else path


def _count(file: Path) -> int:
    """How many lines there are, about: what a progress bar needs."""
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def _report(counts: dict[str, Any], outcome: Outcome, rejects: Rejects, dry_run: bool, as_json: bool) -> None:
    row = {
        **counts,
        "set aside": outcome.rejected,
        "rejects file": str(rejects.path) if rejects.count else None,
        "dry run": dry_run,
    }
    show_one(row if as_json else {name: value for name, value in row.items() if value or name == "new"}, as_json)
    if not as_json:
        say(*(f"set aside {count}: {reason}" for reason, count in outcome.reasons.most_common(10)))
