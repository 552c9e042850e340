"""A shop for what needs files but hardly a store: on SQLite alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_store.store import open_store
from tests.world import Shop


@pytest.fixture
def plain_shop(tmp_path: Path, sqlite_template: Path) -> Iterator[Shop]:
    """The tests' small content, and an empty store."""
    shutil.copy(sqlite_template, tmp_path / "plain.db")
    store = open_store(f"sqlite:///{tmp_path / 'plain.db'}", tmp_path)
    yield Shop.open(tmp_path / "shop", store)
    store.close()
