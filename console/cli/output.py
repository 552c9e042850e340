"""How things are printed: tables for people, JSON for programs, one line for an error."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from crm_store.errors import RapportError

if TYPE_CHECKING:
    from rich.console import Console

Row = Mapping[str, Any]


def say(*lines: str) -> None:
    """Print lines as they are."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def counted(count: int, one: str, many: str | None = None) -> str:
    """How many of them: "1 run", "2 runs"."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def complain(text: str) -> None:
    """Print an error."""
    sys.stderr.write(f"error: {text}\n" if "\n" not in text else f"{text}\n")


def confirm(what: str) -> None:
    """Ask whether to go on. Raises RapportError if the answer is no, or nobody is there to give one."""
    import typer

    try:
        if typer.confirm(f"{what} Go on?"):
            return
    except typer.Abort:
        say("")
    raise RapportError("not confirmed, so nothing is done; --yes goes on without asking")


def warn(alerts: Iterable[object]) -> None:
    """Print what people must see, beside what programs read."""
    sys.stderr.write("".join(f"alert: {alert}\n" for alert in alerts))


def advise(hints: Iterable[object]) -> None:
    """Print what is hardly meant, beside what programs read."""
    sys.stderr.write("".join(f"hint: {hint}\n" for hint in hints))


def show(rows: Sequence[Row], as_json: bool, columns: Sequence[str] | None = None, title: str | None = None) -> None:
    """Rows as a table, or as a JSON list with all their values."""
    if as_json:
        say(json.dumps([dict(row) for row in rows], default=_plain, indent=2, ensure_ascii=False))
        return
    if not rows:
        say(f"{title}: none" if title else "none")
        return
    console().print(table(rows, columns or list(rows[0]), title))


def show_one(row: Row, as_json: bool) -> None:
    """One thing, a line a value, or a JSON object."""
    if as_json:
        say(json.dumps(dict(row), default=_plain, indent=2, ensure_ascii=False))
        return
    width = max(len(name) for name in row)
    say(*(f"{name.ljust(width)}  {cell(value)}" for name, value in row.items()))


def table(rows: Iterable[Row], columns: Sequence[str], title: str | None = None) -> Any:
    from rich import box
    from rich.table import Table

    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    rows = list(rows)
    for name in columns:
        numeric = all(isinstance(row.get(name), (int, float, Decimal)) for row in rows)
        made.add_column(name.replace("_", " "), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell(row.get(name)) for name in columns))
    return made


def console() -> Console:
    from rich.console import Console

    # A file or a pipe has no width; a fixed one keeps its lines whole.
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 140)


def cell(value: Any) -> str:
    """A value as people read it; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


SECONDS_A_LINE = 10.0


class Lines:
    """Progress for whoever reads a pipe or a log: a line on standard error now and then, as a sign of life."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def say(self, line: str) -> None:
        now = time.monotonic()
        if now - self._last >= SECONDS_A_LINE:
            self._last = now
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()


@contextmanager
def progress_bars(totals: Mapping[str, int | None]) -> Iterator[Callable[[str, int], None]]:
    """A bar for each name, told how many more are done, on standard error while people watch; lines elsewhere."""
    if not sys.stderr.isatty():
        lines, done = Lines(), Counter[str]()

        def count(name: str, more: int) -> None:
            done[name] += more
            total = totals.get(name)
            lines.say(f"{name}: {done[name]:,}" + (f" of {total:,}" if total else ""))

        yield count
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks: dict[str, Any] = {}

        def advance(name: str, more: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=totals.get(name))
            progress.advance(tasks[name], more)

        yield advance
