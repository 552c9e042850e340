"""Starting children, talking to them, and killing them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tests.world import Shop

ROOT = Path(__file__).parents[2]
Child = subprocess.Popen[str]


@contextmanager
def child(mode: str, url: str, shop: Shop) -> Iterator[Child]:
    """A process of tests.ledger.child on the shop; killed at the end if it still runs."""
    command = [sys.executable, "-m", "tests.ledger.child", mode, url, str(shop.root)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: Child) -> str:
    """The next line it says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tick_all(now: datetime, *children: Child) -> None:
    """All of them plan and deliver as of `now` at once; waits until all are done."""
    for process in children:
        tell(process, now.isoformat())
    assert [heard(process) for process in children] == ["done"] * len(children)


def tell(process: Child, line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
