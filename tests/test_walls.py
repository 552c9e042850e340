"""The walls of the house: which folder may import what, where SQL and providers' programs live, where no code is.

Each wall is a function that lists its breaches; a small bad example shows that it sees one.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Imports run one way: each may use itself and those before it.
LAYERS = ("crm_store", "outreach", "flows", "console")
CONTENT = ("segments", "templates", "config")
ENGINES = {"prefect", "apscheduler"}
DATABASES = {"sqlalchemy", "alembic", "sqlite3", "psycopg", "asyncpg", "aiosqlite"}
FOR_TESTS = {"tests", "benchmarks", "pytest", "hypothesis"}
# A provider's program, and the one file that may use it.
PROVIDERS = {"sendgrid": "outreach/channels/sendgrid.py", "smtplib": "outreach/channels/smtp.py"}
SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s.+\sSET|DELETE\s+FROM|CREATE\s+TABLE|ALTER\s+TABLE)\b", re.DOTALL
)

Breaches = Iterator[str]


def sources(root: Path, *folders: str) -> Iterator[tuple[str, ast.Module]]:
    """(path, syntax tree) of every module below these folders."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            yield path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """(first part of the module's name, line) of every import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are written in full"
            yield (node.module or "").partition(".")[0], node.lineno


def one_way(root: Path) -> Breaches:
    for number, layer in enumerate(LAYERS):
        for path, tree in sources(root, layer):
            yield from (f"{path}:{line} imports {name}" for name, line in imports(tree) if name in LAYERS[number + 1 :])


def no_tests_in_code(root: Path) -> Breaches:
    for path, tree in sources(root, *LAYERS):
        yield from (
            f"{path}:{line} imports {name}" for name, line in imports(tree) if name in {"tests", "benchmarks", "pytest"}
        )


def engines_in_flows(root: Path) -> Breaches:
    for path, tree in sources(root, "crm_store", "outreach", "console"):
        yield from (f"{path}:{line} imports {name}" for name, line in imports(tree) if name in ENGINES)


def databases_in_the_store(root: Path) -> Breaches:
    for path, tree in sources(root, "outreach", "flows", "console"):
        yield from (f"{path}:{line} imports {name}" for name, line in imports(tree) if name in DATABASES)


def sql_in_the_store(root: Path) -> Breaches:
    for path, tree in sources(root, "outreach", "flows", "console"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value):
                yield f"{path}:{node.lineno} holds SQL"
            if isinstance(node, ast.Attribute) and node.attr in {"execute", "exec_driver_sql"}:
                yield f"{path}:{node.lineno} executes statements"


def providers_at_home(root: Path) -> Breaches:
    for path, tree in sources(root, *LAYERS):
        for name, line in imports(tree):
            if name in PROVIDERS and path != PROVIDERS[name]:
                yield f"{path}:{line} imports {name}"


def content_without_code(root: Path) -> Breaches:
    for folder in CONTENT:
        yield from (str(path.relative_to(root)) for path in sorted((root / folder).rglob("*.py*")))


WALLS: dict[Callable[[Path], Breaches], tuple[str, str]] = {
    one_way: ("crm_store/a.py", "def f():\n    from outreach.links import Signer"),
    no_tests_in_code: ("console/a.py", "import tests.world"),
    engines_in_flows: ("outreach/a.py", "import prefect.client"),
    databases_in_the_store: ("flows/a.py", "from sqlalchemy import select"),
    sql_in_the_store: ("console/a.py", "x = 'SELECT 1 FROM customer'"),
    providers_at_home: ("outreach/channels/other.py", "import sendgrid"),
    content_without_code: ("segments/a.py", ""),
}


@pytest.mark.parametrize("wall", WALLS, ids=lambda wall: wall.__name__)
def test_a_wall_stands(wall: Callable[[Path], Breaches]) -> None:
    assert list(wall(ROOT)) == []


@pytest.mark.parametrize("wall", WALLS, ids=lambda wall: wall.__name__)
def test_a_wall_sees_a_breach(wall: Callable[[Path], Breaches], tmp_path: Path) -> None:
    name, text = WALLS[wall]
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    (breach,) = wall(tmp_path)
    assert breach.startswith(name)


MORE_BREACHES = [
    (one_way, "outreach/a.py", "import flows.tick"),
    (one_way, "flows/a.py", "if TYPE_CHECKING:\n    from console import cli"),
    (engines_in_flows, "console/a.py", "from apscheduler.schedulers import asyncio"),
    (databases_in_the_store, "console/a.py", "import sqlite3"),
    (sql_in_the_store, "outreach/a.py", "conn.execute(statement)"),
    (providers_at_home, "console/a.py", "import smtplib"),
]


@pytest.mark.parametrize(("wall", "name", "text"), MORE_BREACHES)
def test_walls_see_these_breaches_too(wall: Callable[[Path], Breaches], name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert len(list(wall(tmp_path))) == 1


ALLOWED = [
    (one_way, "console/a.py", "from crm_store.store import Store\nfrom flows.tick import tick"),
    (engines_in_flows, "flows/a.py", "from prefect import flow"),
    (databases_in_the_store, "crm_store/a.py", "import sqlalchemy"),
    (sql_in_the_store, "console/a.py", "x = 'select a segment from the list, then update it'"),
    (providers_at_home, "outreach/channels/sendgrid.py", "import sendgrid"),
]


@pytest.mark.parametrize(("wall", "name", "text"), ALLOWED)
def test_walls_let_through_what_may_pass(wall: Callable[[Path], Breaches], name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert list(wall(tmp_path)) == []


def test_the_store_and_the_outreach_can_be_used_without_prefect() -> None:
    modules = [path.removesuffix(".py").replace("/", ".") for path, _ in sources(ROOT, "crm_store", "outreach")]
    names = [name.removesuffix(".__init__") for name in modules if ".migrations." not in name]
    lines = [
        "import sys",
        *(f"sys.modules[{name!r}] = None" for name in sorted(ENGINES)),
        *(f"import {name}" for name in names),
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, check=True)
