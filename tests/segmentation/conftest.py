"""A store for a whole module, on either database: filled once, asked often."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from crm_store.store import Store, open_store
from tests.databases import new_database
from tests.segmentation.asking import Audience


@contextmanager
def module_store(request: pytest.FixtureRequest, dialect: str, folder: Path) -> Iterator[Store]:
    """A new, migrated, empty store, gone at the end."""
    with _url(request, dialect, folder) as url:
        store = open_store(url, Path("/"))
        yield store
        store.close()


@contextmanager
def _url(request: pytest.FixtureRequest, dialect: str, folder: Path) -> Iterator[str]:
    if dialect == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "rapport.db")
        yield f"sqlite:///{folder / 'rapport.db'}"
        return
    with new_database(request.getfixturevalue("postgres_url")) as url:
        yield url


@pytest.fixture(scope="module")
def both_stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Store]]:
    """A store on SQLite and one on PostgreSQL, to be asked the same."""
    yield from _one_of_each(request, tmp_path_factory.mktemp("both"))


@pytest.fixture(scope="module")
def more_stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Store]]:
    """Another of each, for people who come and go."""
    yield from _one_of_each(request, tmp_path_factory.mktemp("more"))


def _one_of_each(request: pytest.FixtureRequest, folder: Path) -> Iterator[Sequence[Store]]:
    with module_store(request, "sqlite", folder) as one, module_store(request, "postgresql", folder) as other:
        yield one, other


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def audience(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audience]:
    """An audience without people, with the module's FILES, for its fixture `people` to fill once."""
    folder = tmp_path_factory.mktemp("audience")
    with module_store(request, request.param, folder) as store:
        yield Audience.of(folder / "shop", store, getattr(request.module, "FILES", {}))
