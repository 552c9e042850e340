"""Copies of a store: the same world, to be treated in two ways."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from crm_store.store import open_store
from tests.world import Shop


@contextmanager
def copy_of(url: str) -> Iterator[str]:
    """The address of a copy of a store that nobody has open; gone at the end."""
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        copy = file.with_name(f"{secrets.token_hex(6)}.db")
        shutil.copy(file, copy)
        yield f"sqlite:///{copy}"
        copy.unlink()
        return
    parsed = make_url(url)
    name = f"rapport_{os.getpid()}_{secrets.token_hex(6)}"
    with psycopg.connect(url, dbname="postgres", autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {parsed.database}")
        yield parsed.set(database=name).render_as_string(hide_password=False)
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def shop_on(url: str, root: Path) -> Iterator[Shop]:
    """A shop on the store, with the files that are in the folder already."""
    store = open_store(url, Path("/"))
    try:
        yield Shop(root, store)
    finally:
        store.close()
