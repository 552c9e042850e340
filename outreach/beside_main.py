"""The other end of `beside.py`: reads a job, does it, writes what came of it. It stops when its input ends."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from threading import Event, Thread

from crm_store.store import connect, parse_url
from outreach.beside import Drained, Job
from outreach.delivery import drain_beside


def main() -> None:
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
        return error
    finally:
        store.close()


if __name__ == "__main__":
    main()
