"""What SQLite lacks, as Python functions of its connections. PostgreSQL has all of it built in (`crm_store/dialect.py`)."""

from __future__ import annotations

import re
import sqlite3
from datetime import date
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from crm_store.clock import micros, start_of_day
from crm_store.folding import fold


def register(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    connection.create_function("rapport_fold", 1, _fold, deterministic=True)
    connection.create_function("rapport_matches", 2, _matches, deterministic=True)
    connection.create_function("rapport_day_start", 2, _day_start, deterministic=True)


def _fold(text: str | None) -> str | None:
    return None if text is None else fold(text)


def _matches(text: str | None, pattern: str) -> bool | None:
    return None if text is None else _compiled(pattern).search(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@lru_cache(maxsize=100_000)
def _day_start(day: str | None, zone: str) -> int | None:
    """The first instant of a day, `2026-01-31`, in microseconds; None for what is no day."""
    try:
        return None if day is None else micros(start_of_day(date.fromisoformat(day), ZoneInfo(zone)))
    except ValueError:
        return None
