"""A mail server that takes everything as fast as it can and counts: `python -m benchmarks.sinks` prints its port."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager

from benchmarks.ownprocess import port_of, serve

END = b"\r\n.\r\n"
_TAKEN = b"250 taken\r\n"
_REPLIES = {b"MAIL": b"250 ok\r\n", b"RCPT": b"250 ok\r\n", b"RSET": b"250 ok\r\n", b"NOOP": b"250 ok\r\n"}


class _Sink(asyncio.Protocol):
    """One connection; commands may come together (RFC 2920)."""

    mails = 0
    size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer, self.in_mail = transport, b"", False
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        _Sink.size += len(data)
        self.buffer = self.buffer + data if self.buffer else data
        replies: list[bytes] = []
        at = 0
        while (end := self.buffer.find(END if self.in_mail else b"\r\n", at)) >= 0:
            replies.append(self._taken() if self.in_mail else self._command(self.buffer[at : at + 4].upper()))
            at = end + (len(END) if replies[-1] is _TAKEN else 2)
        self.buffer = self.buffer[at if not self.in_mail else max(at, len(self.buffer) - len(END)) :]
        if replies:
            self.transport.write(b"".join(replies))

    def _taken(self) -> bytes:
        _Sink.mails, self.in_mail = _Sink.mails + 1, False
        return _TAKEN

    def _command(self, word: bytes) -> bytes:
        if word == b"DATA":
            self.in_mail = True
            return b"354 go\r\n"
        if word == b"QUIT":
            self.transport.close()
        if word == b"COUN":
            return f"250 {_Sink.mails} {_Sink.size}\r\n".encode()
        return b"250-sink\r\n250 PIPELINING\r\n" if word in (b"EHLO", b"HELO") else _REPLIES.get(word, b"221 bye\r\n")


def mail_sink() -> AbstractContextManager[int]:
    """The port of a sink in a process of its own."""
    return port_of("benchmarks.sinks")


def mails_taken(port: int) -> int:
    """How many mails a sink has taken."""
    import smtplib

    with smtplib.SMTP("127.0.0.1", port) as client:
        return int(client.docmd("COUNT")[1].split()[0])


if __name__ == "__main__":
    asyncio.run(serve(_Sink))
