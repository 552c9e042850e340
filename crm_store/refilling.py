"""One store in memory, for many lives one after the other."""

from __future__ import annotations

import sqlite3
from typing import cast

from crm_store.store import Store


def refill(store: Store, other: Store) -> None:
    """Make a memory store hold what another one holds, and nothing else. What it has learnt to ask it still knows: a new
    store would translate every statement anew."""
    source, target = other.engine.raw_connection(), store.engine.raw_connection()
    try:
        cast(sqlite3.Connection, source.driver_connection).backup(cast(sqlite3.Connection, target.driver_connection))
    finally:
        source.close()
        target.close()
