"""The other end of `beside.py`: reads a job, does it, writes what came of it. It stops when its input ends."""

from __future__ import annotations

import gc
import os
import pickle
import sys
from pathlib import Path
from threading import Event, Thread

from crm_store.errors import StoreError
from crm_store.store import connect, parse_url
from outreach.beside import Drained, Job
from outreach.delivery import drain_beside


def main() -> None:
    gc.set_threshold(100_000)  # as in console/cli/app.py: batches are no cycles, and looking through them takes a tenth
    job, stop = pickle.load(sys.stdin.buffer), Event()
    Thread(target=_hold, args=(sys.stdin.fileno(), stop), daemon=True).start()
    pickle.dump(_done(job, stop), sys.stdout.buffer)


def _hold(leash: int, stop: Event) -> None:
    """Whoever gave the job holds the other end: when that is gone, so are they."""
    os.read(leash, 1)
    stop.set()


def _done(job: Job, stop: Event) -> Drained | Exception:
    store = connect(parse_url(job.store, Path("/")))
    try:
        return drain_beside(store, job, stop)
    except Exception as error:
        return _portable(error)
    finally:
        store.close()


def _portable(error: Exception) -> Exception:
    """The error as it comes out at the other end; some libraries' errors can't be sent."""
    try:
        sent = pickle.loads(pickle.dumps(error))
    except Exception:
        sent = None
    if isinstance(sent, Exception):
        return sent
    return StoreError(f"a process that delivers beside this one has ended with {type(error).__name__}; run again")


if __name__ == "__main__":
    main()
