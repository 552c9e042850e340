"""Which program this is."""

from __future__ import annotations

from functools import cache


@cache
def program_version() -> str:
    """As its package says; looked up once, because that reads a file."""
    from importlib.metadata import version

    return version("rapport")
