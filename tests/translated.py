"""Statements are made SQL once a process: each test has a store of its own, and says to it what others said to theirs.

A store keeps what SQLAlchemy has made of statements as long as it is open; here all stores of a dialect share it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.util import LRUCache

from crm_store import store

Key = tuple[Any, ...]


class _Translated(LRUCache[Key, Any]):
    """SQL by (dialect, statement): of each dialect there is an object for each engine, all of them alike."""

    def get(self, key: Key, default: Any = None) -> Any:
        return super().get(_alike(key), default)

    def __setitem__(self, key: Key, value: Any) -> None:
        super().__setitem__(_alike(key), value)


def _alike(key: Key) -> tuple[Hashable, ...]:
    dialect, *statement = key
    return (dialect.name, *statement)


_TRANSLATED = _Translated(1_000)


def _engine(*address: Any, **options: Any) -> Engine:
    engine = create_engine(*address, **options)
    engine.update_execution_options(compiled_cache=_TRANSLATED)
    return engine


def share() -> None:
    """Let all stores that this process opens from now on have their statements in common."""
    vars(store)["create_engine"] = _engine
