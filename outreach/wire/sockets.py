"""A socket of which every use ends by a deadline, and that knows how much it has handed over."""

from __future__ import annotations

import io
import select
import socket
import ssl
import time
from typing import Any

CONNECT_SECONDS = 10.0
# A TLS record: what was not handed over as a whole can't be read at the other end. Without TLS the kernel says how far
# it came, and nothing beyond that has left.
_TLS_RECORD, _PLAIN = 16_384, 262_144


class NoConnection(OSError):
    """No byte of the request has left. `mend`: it is no use to try again before a person has done something."""

    def __init__(self, what: str, mend: bool = False) -> None:
        super().__init__(what)
        self.mend = mend


class Wire:
    """`deadline`: an instant of the monotonic clock; TimeoutError for whoever is still at it then, however fast the other
    end trickles. `handed`: bytes handed over so far; `trying`: the end of those that may have been, when sending failed."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.sock = sock
        self.deadline = deadline
        self._at_once = _TLS_RECORD if isinstance(sock, ssl.SSLSocket) else _PLAIN
        self.handed = 0
        self.trying = 0
        self.used = time.monotonic()
        self.ended = False  # nothing more comes from the other end

    def sendall(self, data: Any) -> None:
        """All of it. After an error, what lies beyond `trying` has not left."""
        view = memoryview(data).cast("B")
        while view:
            piece = view[: self._at_once]
            self.in_time()
            self.trying = self.handed + len(piece)
            count = self.sock.send(piece)
            self.handed += count
            view = view[count:]

    def makefile(self, mode: str) -> io.BufferedReader:
        """For reading; closing it leaves the socket open."""
        return io.BufferedReader(_Reader(self), 65_536)

    def close(self) -> None:
        self.sock.close()

    def quiet(self, longest: float) -> bool:
        """Whether it can be used again: not left alone for longer than so many seconds, not closed at the other end."""
        if time.monotonic() - self.used > longest or self.sock.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)

    def in_time(self) -> None:
        """What is done next with the socket ends by the deadline."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline is over")
        self.sock.settimeout(left)


class _Reader(io.RawIOBase):
    """What is read may outlast the closing of the socket, as the standard library's own readers do."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._reader = wire.sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._wire.in_time()
        count = self._reader.readinto(buffer)
        self._wire.used = time.monotonic()
        self._wire.ended = self._wire.ended or count == 0
        return count

    def close(self) -> None:
        self._reader.close()
        super().close()


def connect_seconds(deadline: float) -> float:
    """How long connecting may take. Raises NoConnection if the deadline is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise NoConnection("the deadline is over")
    return min(CONNECT_SECONDS, left)


def no_connection(error: OSError, host: str) -> NoConnection:
    """What became of an attempt to connect."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return NoConnection(f"{host} has no valid certificate: {error.verify_message}", mend=True)
    return NoConnection(f"{host} can't be reached: {error.strerror or type(error).__name__}")
