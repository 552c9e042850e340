"""A provider that takes every request as fast as it can and counts: `python -m benchmarks.posts` prints its port.

`GET /` says what it has taken; `PUT /0.3` makes it wait 0.3 s before each answer from then on.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from http.client import HTTPConnection

from benchmarks.ownprocess import port_of, serve

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RECIPIENT = b'"custom_args"'  # every mail of a touch has one


@dataclass
class Taken:
    """What the sink has taken so far."""

    recipients: int = 0
    size: int = 0
    requests: int = 0


class _Sink(asyncio.Protocol):
    """One connection, kept alive."""

    taken = Taken()
    wait = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer, self.needed = transport, bytearray(), 0

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if len(self.buffer) < self.needed:
            return
        head, found, _ = bytes(self.buffer[:4_096]).partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        self.needed = len(head) + 4 + (int(length[1]) if length else 0)
        if len(self.buffer) >= self.needed:
            self._answer(head)
            self.buffer, self.needed = bytearray(), 0

    def _answer(self, head: bytes) -> None:
        if head.startswith(b"GET"):
            body = json.dumps(vars(_Sink.taken)).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return
        if head.startswith(b"PUT"):
            _Sink.wait = float(head.split()[1].removeprefix(b"/"))
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return
        _Sink.taken.recipients += self.buffer.count(_RECIPIENT)
        _Sink.taken.size += len(self.buffer)
        _Sink.taken.requests += 1
        said = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: sink-%d\r\nContent-Length: 0\r\n\r\n" % _Sink.taken.requests
        asyncio.get_running_loop().call_later(_Sink.wait, self.transport.write, said)


def post_sink() -> AbstractContextManager[int]:
    """The port of a sink in a process of its own."""
    return port_of("benchmarks.posts")


def posts_taken(port: int) -> Taken:
    return Taken(**json.loads(_said(port, "GET", "/")))


def wait_for_answers(port: int, wait: float) -> None:
    """The sink answers after so many seconds from now on."""
    _said(port, "PUT", f"/{wait}")


def _said(port: int, method: str, path: str) -> bytes:
    with closing(HTTPConnection("127.0.0.1", port)) as client:
        client.request(method, path)
        return client.getresponse().read()


if __name__ == "__main__":
    asyncio.run(serve(_Sink))
