"""A small made-up store on each database, made once: the tests only read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from benchmarks.population import fill
from crm_store.store import open_store
from tests.databases import EMPTY, new_database

SIZE = 200


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def filled_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a made-up store of SIZE customers."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('made-up') / 'rapport.db'}"
        fill(url, SIZE)
        yield url
        return
    with new_database(request.getfixturevalue("postgres_url"), EMPTY) as url:
        fill(url, SIZE)
        yield url


@pytest.fixture
def filled(filled_url: str) -> Iterator[Connection]:
    """The store, open for reading."""
    store = open_store(filled_url, Path("/"))
    with store.read() as conn:
        yield conn.execution_options(no_parameters=True)
    store.close()
