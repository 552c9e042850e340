"""A system of one's own that takes mails by signed posts, and checks them as docs/channels.md tells it to."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

OLDEST = 300


@dataclass
class FakeSystem:
    """`mails`: what it took; `statuses`: what it answers to the next posts, one each."""

    secret: str = "only-a-test"
    mails: list[Any] = field(default_factory=list)
    statuses: deque[tuple[int, dict[str, str]]] = field(default_factory=deque)
    requests: list[str] = field(default_factory=list)

    def __enter__(self) -> FakeSystem:
        self._server = _Server(("127.0.0.1", 0), self)
        self.url = f"http://127.0.0.1:{self._server.server_port}/mails"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def is_signed(self, body: bytes, timestamp: str | None, signature: str | None) -> bool:
        """What docs/channels.md asks for."""
        if timestamp is None or signature is None:
            return False
        wanted = hmac.new(self.secret.encode(), f"{timestamp}.".encode() + body, "sha256").hexdigest()
        return hmac.compare_digest(signature, f"v1={wanted}") and abs(time.time() - int(timestamp)) < OLDEST

    def raw(self) -> list[bytes]:
        """The mails as it would send them, in the order of their touches."""
        return [_message(mail) for mail in sorted(self.mails, key=lambda mail: int(mail["touch"]))]


def _message(mail: dict[str, Any]) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(mail["from"]["name"], addr_spec=mail["from"]["email"])
    message["To"] = Address(mail["to"]["name"], addr_spec=mail["to"]["email"])
    if mail["reply_to"]:
        message["Reply-To"] = mail["reply_to"]
    message["Subject"] = mail["subject"]
    message.set_content(mail["text"], cte="quoted-printable")
    message.add_alternative(mail["html"], subtype="html", cte="quoted-printable")
    date = format_datetime(datetime.fromisoformat(mail["date"]))
    own = {"Message-ID": mail["message_id"], "Date": date, **mail["headers"]}
    return "".join(f"{name}: {value}\r\n" for name, value in own.items()).encode("ascii") + message.as_bytes()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], fake: FakeSystem) -> None:
        self.fake = fake
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        fake = cast(_Server, self.server).fake
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, headers = fake.statuses.popleft() if fake.statuses else (200, {})
        if not fake.is_signed(body, self.headers["X-Rapport-Timestamp"], self.headers["X-Rapport-Signature"]):
            status = 401
        if status == 200:
            said = json.loads(body)
            fake.requests.append(said["request"])
            fake.mails += said["mails"]
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
