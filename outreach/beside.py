"""Lanes of a drain in a process of their own, which ends with the one that started it, however that came to its end."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from threading import Event

from crm_store.errors import StoreError
from crm_store.ledger.judging import Group
from crm_store.ledger.states import CANCELLED, DUE, SKIPPED

_LOOKS_EVERY = 0.1


@dataclass(frozen=True)
class Drained:
    """What a drain did: of those that it judged, how many went which way. `more`: it stopped at its limits, and something
    is still due."""

    judged: int = 0
    sent: int = 0
    skipped: int = 0
    cancelled: int = 0
    put_off: int = 0
    failed: int = 0
    in_doubt: int = 0
    more: bool = False

    @classmethod
    def judging(cls, count: int, written_off: Mapping[str, int]) -> Drained:
        """What a claim has judged, and what became at once of those it did not take, by their states."""
        skipped, cancelled, put_off = (written_off.get(state, 0) for state in (SKIPPED, CANCELLED, DUE))
        return cls(judged=count, skipped=skipped, cancelled=cancelled, put_off=put_off)

    def plus(self, other: Drained) -> Drained:
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return Drained(**counts, more=other.more)


COUNTS = tuple(one.name for one in fields(Drained) if one.name != "more")


@dataclass(frozen=True)
class Job:
    """What another process is to do. `store` is an address, with its password."""

    store: str
    root: str
    now: datetime
    groups: tuple[Group, ...]
    lanes: int


@dataclass(frozen=True)
class Beside:
    """A process for a job. `stop`: it ends after the batches it is at."""

    job: Job
    stop: Event

    def run(self) -> Drained:
        """Start it and wait for its end. Raises what ended it early."""
        command = [sys.executable, "-m", "outreach.beside_main"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                # The job goes through a pipe, which nobody else reads: its address has a password.
                process.stdin.write(pickle.dumps(self.job))
                process.stdin.flush()
                self._wait(process)
            finally:
                process.stdin.close()
            return self._said(process.stdout.read())

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None and not self.stop.wait(_LOOKS_EVERY):
            continue

    def _said(self, told: bytes) -> Drained:
        if not told:
            self.stop.set()
            raise StoreError("a process that delivers beside this one has died; run again when its lease is over")
        said = pickle.loads(told)  # of our own process
        if isinstance(said, Exception):
            self.stop.set()
            raise said
        assert isinstance(said, Drained)
        return said
