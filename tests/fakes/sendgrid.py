"""A SendGrid on loopback: strict about every request, and as unreliable as it is told to be.

In a test `with FakeSendGrid() as fake:`; as a process `python -m tests.fakes.sendgrid`, which prints its address and is
steered by requests: POST /orders (names of ORDERS, in JSON), GET /state, POST /events {"url", "seed", "times"}.
"""

from __future__ import annotations

import argparse
import json
import secrets
import socket
import struct
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from tests.fakes.sendgrid_contract import faults_of
from tests.fakes.sendgrid_events import Events
from tests.fakes.sendgrid_mails import Delivered, expand
from tests.fakes.serving import Lenient

KEY = "SG.only-a-test"
RESET_IN = 7  # seconds that a 429 asks to wait
SEND = "/v3/mail/send"


@dataclass
class FakeSendGrid:
    """`mails`: what was accepted; `refusals`: the faults of every request that was not as the contract wants it; `orders`:
    how the next requests are treated, one each."""

    key: str = KEY
    port: int = 0
    mails: list[Delivered] = field(default_factory=list)
    refusals: list[tuple[str | None, str]] = field(default_factory=list)
    orders: deque[str] = field(default_factory=deque)
    requests: int = 0
    connections: int = 0
    bodies: list[Any] = field(default_factory=list)

    def __enter__(self) -> FakeSendGrid:
        self._lock = threading.Lock()
        self.leaving = threading.Event()
        self.events = Events()
        self._server = _Server(("127.0.0.1", self.port), self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leaving.set()
        self._server.shutdown()
        self._server.server_close()

    def order(self, *names: str) -> None:
        """Raises KeyError for one that is not in ORDERS."""
        for name in names:
            ORDERS[name.split()[0]]
            self.orders.append(name)

    def counts(self) -> Counter[str]:
        """How often each touch was accepted."""
        with self._lock:
            return Counter(mail.touch for mail in self.mails)

    def raw(self) -> list[bytes]:
        """The accepted mails, in the order of their touches."""
        with self._lock:
            return [mail.raw for mail in sorted(self.mails, key=lambda mail: mail.number)]

    def accept(self, raw: bytes) -> str | None:
        """Take the request. None if the contract does not let it pass."""
        faults = faults_of(raw)
        with self._lock:
            self.refusals += faults
            if faults:
                return None
            body, request_id = json.loads(raw), secrets.token_urlsafe(16)
            self.bodies.append(body)
            if not body.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
                self.mails += expand(body, request_id)
            return request_id

    def next_order(self) -> str:
        with self._lock:
            self.requests += 1
            return self.orders.popleft() if self.orders else "accept"

    def state(self) -> dict[str, Any]:
        return {"counts": self.counts(), "refusals": self.refusals, "requests": self.requests, "key": self.events.key}


class _Server(Lenient, ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], fake: FakeSendGrid) -> None:
        self.fake = fake
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def fake(self) -> FakeSendGrid:
        return cast(_Server, self.server).fake

    def setup(self) -> None:
        super().setup()
        self.fake.connections += 1

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self.answer(200, json.dumps(self.fake.state()).encode())

    def do_POST(self) -> None:
        if self.path == "/orders":
            self.fake.order(*json.loads(self.body()))
            self.answer(200)
        elif self.path == "/events":
            asked = json.loads(self.body())
            self.fake.events.post(asked["url"], self.fake.mails, asked.get("seed", 0), asked.get("times", 1))
            self.answer(200)
        elif self.path == SEND:
            name, *words = self.fake.next_order().split()
            ORDERS[name](self, *words)
        else:
            self.answer(404, _errors((None, "not found")))

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def taken(self) -> tuple[int, bytes, dict[str, str]]:
        """The request treated as a good service treats it: the status, body and headers of its answer."""
        raw = self.body()
        if self.headers.get("Authorization") != f"Bearer {self.fake.key}":
            return 401, _errors((None, "The provided authorization grant is invalid, expired, or revoked")), {}
        if self.headers.get("Content-Type") != "application/json":
            return 415, _errors((None, "Content-Type should be application/json.")), {}
        request_id = self.fake.accept(raw)
        if request_id is None:
            return 400, _errors(*self.fake.refusals[-20:]), {}
        sandbox = json.loads(raw).get("mail_settings", {}).get("sandbox_mode", {}).get("enable")
        return (200 if sandbox else 202), b"", {"X-Message-Id": request_id}

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.wfile.write(self.reply(status, body, headers))

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None) -> bytes:
        named = {"Content-Length": str(len(body)), "Date": self.date_time_string(), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        return f"HTTP/1.1 {status} {self.responses.get(status, ('?',))[0]}\r\n{head}\r\n".encode() + body

    def leave(self, reset: bool = False) -> None:
        """Hang up; with a reset, the other end loses what it has not read yet."""
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


def _errors(*faults: tuple[str | None, str]) -> bytes:
    return json.dumps({"errors": [{"message": what, "field": at, "help": None} for at, what in faults]}).encode()


def _accept(handler: _Handler) -> None:
    handler.answer(*handler.taken())


def _refuse(status: int, handler: _Handler) -> None:
    handler.body()
    handler.answer(status, _errors((None, "no")))


def _rate(handler: _Handler) -> None:
    handler.body()
    reset = {
        "X-RateLimit-Limit": "600",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(time.time()) + RESET_IN),
    }
    handler.answer(429, _errors((None, "too many requests")), reset)


def _bad_row(handler: _Handler, *rows: str) -> None:
    """Names the personalizations that it minds; without any, it only says no."""
    handler.body()
    named: list[tuple[str | None, str]] = [(f"personalizations.{row}.to.0.email", "not an address") for row in rows]
    handler.answer(400, _errors(*(named or [(None, "Bad Request")])))


def _too_large(handler: _Handler) -> None:
    handler.body()
    handler.answer(413, b"<html><head><title>413 Request Entity Too Large</title></head></html>")


def _early(handler: _Handler) -> None:
    """Says no before it has read the request, and hangs up."""
    handler.answer(413, b"<html></html>", {"Connection": "close"})
    handler.connection.shutdown(socket.SHUT_WR)
    handler.connection.recv(1_000)
    handler.close_connection = True


def _block(handler: _Handler) -> None:
    handler.body()
    handler.answer(403, _errors((None, "Too many bad requests. Temporary block")))


def _failing(status: int, accepted: bool, handler: _Handler) -> None:
    handler.taken() if accepted else handler.body()
    handler.answer(status, b"<html>oops</html>")


def _silent(accepted: bool, handler: _Handler) -> None:
    handler.taken() if accepted else handler.body()
    handler.fake.leaving.wait(30)
    handler.leave()


def _reset(accepted: bool, handler: _Handler) -> None:
    """In the middle of the request, or when it was taken."""
    if accepted:
        handler.taken()
    else:
        handler.rfile.read(int(handler.headers["Content-Length"]) // 2)
    handler.leave(reset=True)


def _half(handler: _Handler) -> None:
    answer = handler.reply(*handler.taken())
    handler.wfile.write(answer[: len(answer) // 2])
    handler.leave()


def _slow(handler: _Handler) -> None:
    """A byte every now and then: no single read takes long, the whole does."""
    for byte in handler.reply(*handler.taken()):
        handler.wfile.write(bytes([byte]))
        if handler.fake.leaving.wait(0.02):
            break


def _redirect(handler: _Handler) -> None:
    handler.body()
    handler.answer(307, b"", {"Location": f"{handler.fake.url}{SEND}"})


def _last(handler: _Handler) -> None:
    """Accepts, and closes the connection afterwards without having said so."""
    handler.answer(*handler.taken())
    handler.leave()


ORDERS: dict[str, Callable[..., None]] = {
    "accept": _accept, "429": _rate, "bad": _bad_row, "413": _too_large, "early-413": _early, "blocked": _block,
    **{str(status): partial(_refuse, status) for status in (401, 403, 404, 405, 451)},
    **{f"{status}-accepted": partial(_failing, status, True) for status in (500, 502, 503)},
    **{f"{status}-not": partial(_failing, status, False) for status in (500, 502, 503)},
    "silent-accepted": partial(_silent, True), "silent-not": partial(_silent, False),
    "reset-accepted": partial(_reset, True), "reset-not": partial(_reset, False),
    "half": _half, "slow": _slow, "redirect": _redirect, "last": _last,
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.sendgrid")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default=KEY)
    given = parser.parse_args(arguments)
    with FakeSendGrid(given.key, given.port) as fake:
        sys.stdout.write(f"{fake.url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
