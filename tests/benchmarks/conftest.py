"""A small made-up store on each database, made once: the tests only read it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection

from benchmarks.population import fill
from crm_store.store import open_store
from tests.conftest import database_url

SIZE = 200


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def filled_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a made-up store of SIZE customers."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('made-up') / 'rapport.db'}"
        fill(url, SIZE)
        yield url
        return
    server: str = request.getfixturevalue("postgres_url")
    name = f"rapport_made_up_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
        fill(database_url(server, name), SIZE)
        yield database_url(server, name)
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def filled(filled_url: str) -> Iterator[Connection]:
    """The store, open for reading."""
    store = open_store(filled_url, Path("/"))
    with store.read() as conn:
        yield conn.execution_options(no_parameters=True)
    store.close()
