"""A small server for tests of the leash, started as Prefect starts its own. `python -m tests.flows.leashed PORT`"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from flows.clock.environment import set_up_prefect


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Says hello to whoever asks."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


if __name__ == "__main__":
    set_up_prefect(Path.cwd())
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", f"{__spec__.name}:app", "--port", sys.argv[1]], env=os.environ
    )
    sys.stdout.write(f"{server.pid}\n")
    sys.stdout.flush()
    time.sleep(600)
