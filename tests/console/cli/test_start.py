"""Commands start quickly because they import little: no Prefect but where flows run, no database for a help text."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console.cli.command import leaves
from tests.console.cli.test_commands import AS_JSON, NEED_PREFECT, WORKS
from tests.world import NOON, Shop

# Runs each command in one fresh process, and says after each which of the modules it was given are there.
RUN_ALL = """
import contextlib, io, json, sys
from console.cli.app import main
commands, modules = json.loads(sys.argv[1])
said = {}
for command in commands:
    sys.argv = ["rapport", *command.split()]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        main()
    assert out.getvalue(), command
    said[command] = [name for name in modules if name in sys.modules]
print(json.dumps(said))
"""


def imported(folder: Path, commands: list[str], modules: list[str]) -> dict[str, list[str]]:
    words = [sys.executable, "-c", RUN_ALL, json.dumps([commands, modules])]
    done = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_a_help_text_needs_no_database(tmp_path: Path) -> None:
    commands = ["--help", *(f"{name} --help" for name, _ in leaves())]
    found = imported(tmp_path, commands, ["sqlalchemy", "prefect", "jinja2", "rich", "yaml", "pydantic.main"])
    assert found == {command: [] for command in commands}


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_commands_that_need_no_prefect_do_not_import_it(small_shop: Shop, store_url: str) -> None:
    (small_shop.root / "beans.csv").write_text("key\nbeans\n")
    needless = [words for name, (words, _) in WORKS.items() if not name.startswith("import")]
    needless += [words for name, words in AS_JSON.items() if not name.startswith("import")]
    needless += ["import products beans.csv", "init laid-out", "apply --dry-run"]
    options = f"--store {store_url} --now {NOON.isoformat()}"
    found = imported(small_shop.root, [f"{options} {words}" for words in needless], ["prefect", "apscheduler", "fastapi"])
    assert {words: modules for words, modules in found.items() if modules} == {}
    assert {name for name, _ in leaves()} - NEED_PREFECT >= set(WORKS)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_an_up_to_date_store_needs_no_alembic(small_shop: Shop, store_url: str) -> None:
    found = imported(small_shop.root, [f"--store {store_url} touches"], ["alembic", "psycopg", "pydantic.main", "jinja2"])
    assert list(found.values()) == [[]]


def test_the_floor_of_the_benchmark_is_what_the_design_names() -> None:
    from benchmarks.startup import FLOOR

    assert (sys.executable, "-c", "import sqlalchemy, pydantic, typer") == FLOOR
