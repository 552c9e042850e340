"""What SQLite lacks, as Python functions of its connections. PostgreSQL has all of it built in (`crm_store/dialect.py`)."""

from __future__ import annotations

import re
import sqlite3
from datetime import date, time
from decimal import Decimal
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from crm_store.clock import from_micros, local_instant, micros, start_of_day
from crm_store.content.literals import Duration
from crm_store.folding import fold


def register(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    connection.create_function("rapport_fold", 1, _fold, deterministic=True)
    connection.create_function("rapport_matches", 2, _matches, deterministic=True)
    connection.create_function("rapport_plain_number", 1, _plain_number, deterministic=True)
    connection.create_function("rapport_day_start", 2, _day_start, deterministic=True)
    connection.create_function("rapport_local_time", 3, _local_time, deterministic=True)
    connection.create_function("rapport_months_later", 3, _months_later, deterministic=True)
    connection.create_function("rapport_day_months_later", 2, _day_months_later, deterministic=True)


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


@lru_cache(maxsize=100_000)
def _local_time(day: str | None, at: str, zone: str) -> int | None:
    """When it is `09:00` on a day there; None for what is no day."""
    try:
        return (
            None if day is None else micros(local_instant(date.fromisoformat(day), time.fromisoformat(at), ZoneInfo(zone)))
        )
    except ValueError:
        return None


def _plain_number(number: float | int | None) -> str | None:
    return None if number is None else format((Decimal(repr(number)) + 0).normalize(), "f")


def _months_later(instant: int | None, months: int, zone: str) -> int | None:
    return None if instant is None else micros(_months(months).shift(from_micros(instant), _sign(months), ZoneInfo(zone)))


def _day_months_later(day: str | None, months: int) -> str | None:
    try:
        return None if day is None else _months(months).shift_date(date.fromisoformat(day), _sign(months)).isoformat()
    except ValueError:
        return None


def _months(months: int) -> Duration:
    return Duration(abs(months), "month")


def _sign(months: int) -> int:
    return -1 if months < 0 else 1
