"""The mark beside an SQLite store: how many requests were ever sent from it. A copy that is put back has counted fewer.

The number is written after each request is named and before its first byte leaves (`ledger/epoch.py` counts in the store),
so a store that is behind its mark has forgotten something that was sent. A PostgreSQL server's files are not ours: there
whoever puts a copy back says so (`rapport store restore`).
"""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path

from crm_store.errors import StoreError

_log = logging.getLogger("rapport.store")
_WIDTH = 20


def mark_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.mark")


def read_mark(mark: Path) -> int:
    """The number of requests, 0 where there is no mark."""
    try:
        return int(mark.read_bytes() or 0)
    except FileNotFoundError:
        return 0
    except ValueError:
        raise StoreError(f"{mark} does not hold a number; is it Rapport's? put it back, or take it away") from None


def advance(mark: Path, number: int) -> None:
    """Raise the mark to the number, if it is lower: others may have been faster. Its room on the disk is taken once."""
    opened = os.open(mark, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        if number > int(os.pread(opened, _WIDTH, 0) or 0):
            os.pwrite(opened, b"%0*d" % (_WIDTH, number), 0)
    finally:
        os.close(opened)


def advance_or_warn(mark: Path, number: int) -> None:
    """The same amid a delivery, which must not end for it."""
    try:
        advance(mark, number)
    except OSError as error:
        _log.warning("%s can't be written: %s; a copy that is put back would not be noticed", mark, error.strerror)


def assert_newest(mark: Path, number: int, location: str) -> None:
    """Raise StoreError if more was sent than the store knows of."""
    known = read_mark(mark)
    if number < known:
        raise StoreError(
            f"store {location} is a copy from before the last mails left: it knows of {number:,} requests, {known:,} were "
            "sent; run `rapport store restore` to hold back what may have been sent since, then settle it"
        )
    advance(mark, number)
