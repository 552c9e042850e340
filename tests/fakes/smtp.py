"""A mail server on loopback that forgives nothing, announces PIPELINING and misbehaves on order.

In a test `with FakeSmtp() as fake:`; as a process `python -m tests.fakes.smtp`, which prints its port.
"""

from __future__ import annotations

import argparse
import base64
import re
import socket
import socketserver
import ssl
import struct
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from typing import cast

from tests.fakes.serving import Lenient

COMMAND = re.compile(rb"(EHLO|HELO|MAIL|RCPT|DATA|RSET|NOOP|QUIT|STARTTLS|AUTH)\b ?(.*)\r\n", re.IGNORECASE)
PATH = re.compile(rb"(FROM|TO):<([^<>\s]*)>(.*)", re.IGNORECASE)
ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version")


@dataclass
class FakeSmtp:
    """`mails`: (recipient, message) of what was accepted; `faults`: what a strict server would have minded.

    By recipient: `at_rcpt` and `at_dot` are replies; `closes` says where the connection ends: `rcpt` (before the answer),
    `data` (within the message), `dot` (after it was taken, without a word), `silent` (the same, but nobody hangs up),
    `reset`. `at_mail`: the reply to every MAIL. `eager`: says 354 although no recipient was taken.
    """

    pipelining: bool = True
    port: int = 0
    tls: ssl.SSLContext | None = None
    at_once: bool = False  # TLS from the first byte
    user: tuple[str, str] | None = None
    at_mail: str = "250 2.1.0 ok"
    at_rcpt: dict[str, str] = field(default_factory=dict)
    at_dot: dict[str, str] = field(default_factory=dict)
    closes: dict[str, str] = field(default_factory=dict)
    eager: bool = False
    per_connection: int = 1_000_000
    most_connections: int = 1_000
    mails: list[tuple[str, bytes]] = field(default_factory=list)
    senders: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> FakeSmtp:
        self.leaving = threading.Event()
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leaving.set()
        self._server.shutdown()
        self._server.server_close()

    def counts(self) -> Counter[str]:
        """How often each recipient was written to."""
        return Counter(recipient for recipient, _ in self.mails)

    def raw(self) -> list[bytes]:
        """The messages in the order of the numbers in their Message-IDs."""
        return sorted((message for _, message in self.mails), key=number_of)

    def mind(self, what: str, so: bool = True) -> None:
        if so:
            self.faults.append(what)


def number_of(message: bytes) -> int:
    """The number at the beginning of its Message-ID: the touch's."""
    found = re.search(rb"^Message-ID: <(\d+)", message, re.MULTILINE)
    return int(found[1]) if found else 0


class _Server(Lenient, socketserver.ThreadingTCPServer):
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], fake: FakeSmtp) -> None:
        self.fake = fake
        super().__init__(address, _Handler)


class _Leave(Exception):
    """The server ends the connection."""


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.fake = cast(_Server, self.server).fake
        self.fake.connections += 1
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer may wait 40 ms for another
        self.buffer, self.secure, self.known, self.taken = b"", False, self.fake.user is None, 0
        self.reset()
        try:
            if self.fake.at_once:
                self.start_tls()
            if self.fake.connections > self.fake.most_connections:
                self.say("421 4.7.0 too many connections")
                raise _Leave
            self.say("220 fake ESMTP")
            while True:
                self.command()
        except _Leave:
            pass
        finally:
            self.request.close()

    def reset(self) -> None:
        self.sender: str | None = None
        self.recipient: str | None = None

    def start_tls(self) -> None:
        assert self.fake.tls is not None
        self.request = self.fake.tls.wrap_socket(self.request, server_side=True)
        self.secure = True

    def say(self, *lines: str) -> None:
        last = len(lines) - 1
        said = [line if number == last else f"{line[:3]}-{line[4:]}" for number, line in enumerate(lines)]
        self.request.sendall("".join(f"{line}\r\n" for line in said).encode())

    def more(self) -> None:
        data = self.request.recv(65_536)
        if not data:
            raise _Leave
        self.buffer += data

    def line(self) -> bytes:
        while b"\n" not in self.buffer:
            self.more()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    def command(self) -> None:
        line = self.line()
        found = COMMAND.fullmatch(line)
        self.fake.mind(f"not a command: {line[:80]!r}", found is None or len(line) > 512 or not line.isascii())
        if found is None:
            return self.say("500 5.5.2 what?")
        name, rest = found[1].upper().decode(), found[2]
        ends_group = name in ("EHLO", "HELO", "DATA", "QUIT", "STARTTLS", "AUTH", "NOOP")
        self.fake.mind(f"something follows {name} at once", bool(self.buffer) and (ends_group or not self.fake.pipelining))
        getattr(self, f"do_{name}")(rest)
        return None

    def do_EHLO(self, rest: bytes) -> None:
        self.fake.mind("EHLO without a name", not rest.strip())
        offers = ["PIPELINING"] * self.fake.pipelining + ["8BITMIME", "SIZE 20000000"]
        offers += ["STARTTLS"] * (self.fake.tls is not None and not self.secure)
        offers += ["AUTH PLAIN"] * (self.fake.user is not None)
        self.reset()
        self.say("250 fake", *(f"250 {offer}" for offer in offers))

    do_HELO = do_EHLO

    def do_STARTTLS(self, rest: bytes) -> None:
        self.say("220 2.0.0 go ahead")
        self.start_tls()

    def do_AUTH(self, rest: bytes) -> None:
        _, name, password = base64.b64decode(rest.split()[1]).decode().split("\0")
        self.fake.mind("a password in the clear", self.fake.tls is not None and not self.secure)
        self.known = (name, password) == self.fake.user
        self.say("235 2.7.0 ok" if self.known else "535 5.7.8 no")

    def do_NOOP(self, rest: bytes) -> None:
        self.say("250 2.0.0 ok")

    def do_RSET(self, rest: bytes) -> None:
        self.reset()
        self.say("250 2.0.0 ok")

    def do_QUIT(self, rest: bytes) -> None:
        self.say("221 2.0.0 bye")
        raise _Leave

    def do_MAIL(self, rest: bytes) -> None:
        path = PATH.fullmatch(rest)
        if not self.known:
            return self.say("530 5.7.0 authentication required")
        if self.taken >= self.fake.per_connection:
            self.say("421 4.7.0 enough for one connection")
            raise _Leave
        self.fake.mind("MAIL within a transaction", self.sender is not None)
        if path is None or self.sender is not None:
            return self.say("503 5.5.1 no")
        if self.fake.at_mail.startswith("250"):
            self.sender = path[2].decode()
            self.fake.senders.add(self.sender)
        return self.say(self.fake.at_mail)

    def do_RCPT(self, rest: bytes) -> None:
        path = PATH.fullmatch(rest)
        if path is None or self.sender is None:
            return self.say("503 5.5.1 MAIL first")
        address = path[2].decode()
        if self.fake.closes.get(address) == "rcpt":
            raise _Leave
        reply = self.fake.at_rcpt.get(address, "250 2.1.5 ok")
        self.recipient = address if reply.startswith("250") else None
        return self.say(reply)

    def do_DATA(self, rest: bytes) -> None:
        if self.recipient is None and not (self.fake.eager and self.sender is not None):
            return self.say("554 5.5.1 no valid recipients")
        self.say("354 go ahead")
        closes = self.fake.closes.get(self.recipient or "")
        if closes == "data":
            self.more()
            raise _Leave
        raw = self.data()
        recipient = self.recipient
        self.reset()
        if recipient is None:
            self.fake.mind("a mail to nobody", raw != b"")
            return self.say("554 5.5.1 no valid recipients")
        return self.take(recipient, raw, closes)

    def data(self) -> bytes:
        lines = []
        while (line := self.line()) != b".\r\n":
            self.fake.mind(f"a bare line end: {line[:80]!r}", not line.endswith(b"\r\n") or b"\r" in line[:-2])
            self.fake.mind("a line of more than 998 characters", len(line) > 1_000)
            self.fake.mind("a line that is not ASCII", not line.isascii())
            self.fake.mind("a dot that is not doubled", line.startswith(b".") and not line.startswith(b".."))
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def take(self, recipient: str, raw: bytes, closes: str | None) -> None:
        reply = self.fake.at_dot.get(recipient, "250 2.0.0 taken")
        if reply.startswith("250"):
            self.taken += 1
            self.check(recipient, raw)
            self.fake.mails.append((recipient, raw))
        if closes == "silent":
            self.fake.leaving.wait(30)
        if closes == "reset":
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if closes in ("dot", "silent", "reset"):
            raise _Leave
        self.say(reply)

    def check(self, recipient: str, raw: bytes) -> None:
        """The message, as somebody reads it who knows the RFCs."""
        message = message_from_bytes(raw, policy=default)
        for name in ONCE:
            self.fake.mind(f"{name} stands {len(message.get_all(name, []))} times", len(message.get_all(name, [])) != 1)
        self.fake.mind("To is not the recipient", message["To"].addresses[0].addr_spec != recipient)
        for part in message.walk():
            self.fake.mind(f"{part.get_content_type()}: {part.defects}", bool(part.defects))
            self.fake.mind(f"headers: {[h.defects for h in part.values()]}", any(h.defects for h in part.values()))
        body = raw.partition(b"\r\n\r\n")[2]
        self.fake.mind("a line of more than 76 characters", any(len(line) > 76 for line in body.split(b"\r\n")))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.smtp")
    parser.add_argument("--port", type=int, default=0)
    with FakeSmtp(port=parser.parse_args(arguments).port) as fake:
        sys.stdout.write(f"{fake.port}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
