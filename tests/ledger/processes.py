"""Starting children, talking to them, and killing them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.ledger.child import live
from tests.world import Shop

ROOT = Path(__file__).parents[2]
# Children are forked from a process that has done nothing but import what they need: half of their time went into that.
_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload([live.__module__])


@dataclass(frozen=True)
class Child:
    """A process of tests.ledger.child, and the pipe to it."""

    process: ForkServerProcess
    pipe: Connection

    def send_signal(self, number: int) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def wait(self) -> int | None:
        """Its exit code, or minus the signal that killed it."""
        self.process.join()
        return self.process.exitcode


@contextmanager
def child(mode: str, url: str, shop: Shop) -> Iterator[Child]:
    """A process of tests.ledger.child on the shop; killed at the end if it still runs."""
    ours, theirs = _FORKS.Pipe()
    process = _FORKS.Process(target=live, args=(mode, url, shop.root, theirs))
    process.start()
    theirs.close()
    try:
        yield Child(process, ours)
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def heard(process: Child) -> str:
    """The next word it says."""
    return str(process.pipe.recv())


def tick_all(now: datetime, *children: Child) -> None:
    """All of them plan and deliver as of `now` at once; waits until all are done."""
    for process in children:
        tell(process, now.isoformat())
    assert [heard(process) for process in children] == ["done"] * len(children)


def tell(process: Child, word: str) -> None:
    process.pipe.send(word)
