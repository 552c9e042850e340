"""How long the quick commands take on a small workspace, beside `python -c 'import sqlalchemy, pydantic, typer'`.

The bar is 1.3x for every command that needs no Prefect. Run it with `bin/bench startup --size 100 --store sqlite`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measure import Wanted, arguments, case, empty_store, in_turns, report, run, show
from console.starter import lay_out

ROUNDS = 11
FLOOR = (sys.executable, "-c", "import sqlalchemy, pydantic, typer")
RAPPORT = str(Path(sys.executable).with_name("rapport"))
COMMANDS = (
    "--help",
    "segment list",
    "segment show regulars",
    "segment count regulars --json",
    "campaign list",
    "campaign show birthday",
    "touches",
    "customer show customer-1",
    "vocabulary suggest",
    "check",
)


def main() -> None:
    wanted = arguments("startup", "100")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "shop"
        lay_out(folder)
        with empty_store(wanted.store, folder) as url:
            _fill(folder, url, wanted)
            works = {command: partial(run, (RAPPORT, "--store", url, *command.split()), folder) for command in COMMANDS}
            taken = in_turns({"floor": partial(run, FLOOR, folder), **works}, ROUNDS)
    cases = [case(command, taken[command], taken["floor"]) for command in COMMANDS]
    show(report("startup", wanted, cases), wanted.as_json)


def _fill(folder: Path, url: str, wanted: Wanted) -> None:
    """So many customers with an order each, and the starter's content published."""
    customers: list[dict[str, object]] = [
        {"key": f"customer-{number}", "country": "US"} for number in range(1, wanted.size + 1)
    ]
    orders: list[dict[str, object]] = [
        {"customer": one["key"], "event": "order", "at": "2026-01-31T12:00:00Z", "amount": 20} for one in customers
    ]
    for what, records in {"customers": customers, "events": orders}.items():
        file = folder.parent / f"{what}.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        if what == "customers":
            run((RAPPORT, "--store", url, "store", "upgrade"), folder)
        run((RAPPORT, "--store", url, "import", what, str(file)), folder)
    run((RAPPORT, "--store", url, "apply"), folder)


if __name__ == "__main__":
    main()
