"""Copies of a store: the same world, to be treated in two ways."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from crm_store.store import open_store
from tests.databases import new_database
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
    with new_database(url, str(make_url(url).database)) as address:
        yield address


@contextmanager
def shop_on(url: str, root: Path) -> Iterator[Shop]:
    """A shop on the store, with the files that are in the folder already."""
    store = open_store(url, Path("/"))
    try:
        yield Shop(root, store)
    finally:
        store.close()
