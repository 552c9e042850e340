"""The embedded server's leash: it ends with the process that started it, however that came to its end.

Prefect stops its server when our process exits; one that is killed exits without a word, and its server ran for ever.
uvicorn makes its event loop by what UVICORN_LOOP names: the one place where something of ours runs in Prefect's server.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from threading import Thread

HOLDER = "RAPPORT_SERVER_OF"
LOOKS_EVERY = 1.0
GRACE = 10.0


def leash() -> dict[str, str]:
    """The environment in which a server that this process starts ends with it."""
    return {"UVICORN_LOOP": f"{__name__}:{new_loop.__name__}", HOLDER: str(os.getpid())}


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop for a process that ends when the one that started it does."""
    Thread(target=_end_with, args=(int(os.environ[HOLDER]),), daemon=True).start()
    return asyncio.new_event_loop()


def _end_with(holder: int) -> None:
    while os.getppid() == holder:
        time.sleep(LOOKS_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)  # in which a server that can still hear ends in good order
    os._exit(1)
