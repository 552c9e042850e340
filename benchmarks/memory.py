"""How much memory work takes: the PSS of our process, and of the database's process that serves it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Connection

EVERY = 0.02  # seconds


def peak_mb(work: Callable[[], object], processes: Sequence[int]) -> float:
    """The most that the processes have at once while it works, with those that it starts. Reading it slows the work: never
    time this run."""
    done, peaks, others = threading.Event(), [_pss(processes)], set(_children())

    def look() -> None:
        while not done.wait(EVERY):
            peaks.append(_pss([*processes, *(one for one in _children() if one not in others)]))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return round(max(peaks) / 1024, 1)


def processes_of(conn: Connection) -> list[int]:
    """This process, and PostgreSQL's for this connection where it runs on the same machine under the same user."""
    if conn.dialect.name != "postgresql":
        return [os.getpid()]
    backend = int(conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
    return [os.getpid(), *([backend] if _pss([backend]) else [])]


def _children() -> list[int]:
    """The processes that threads of ours have started."""
    found = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [int(one) for file in found for one in _read(file).split()]


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # it has ended
        return ""


def _pss(processes: Sequence[int]) -> int:
    """Kilobytes; 0 for what can't be read."""
    total = 0
    for process in processes:
        try:
            match = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text(), re.MULTILINE)
        except OSError:
            continue
        total += int(match[1]) if match else 0
    return total
