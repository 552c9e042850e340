"""Sinks in processes of their own, so that they take no time from what is measured; each prints its port and serves."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


async def serve(protocol: Callable[[], asyncio.Protocol]) -> None:
    """Print the port, then serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def port_of(module: str) -> Iterator[int]:
    """The port of a module that serves when it is run, for as long as it is asked for."""
    with subprocess.Popen([sys.executable, "-m", module], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()
