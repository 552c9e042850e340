"""A provider over HTTP, on loopback, that counts what it has accepted; and the channel to it. It can prove nothing."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from crm_store.ledger.dispatch import Answer
from outreach.channels.base import Channel, Mail, NotAccepted, in_time


class Counting(ThreadingHTTPServer):
    """Takes a list of touches as JSON, whole or not at all."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.accepted: Counter[int] = Counter()
        self.requests = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients die here all the time."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Counting

    def do_POST(self) -> None:  # the standard library's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(body) == int(self.headers["Content-Length"]):
            with self.server.lock:
                self.server.accepted.update(json.loads(body))
                self.server.requests += 1
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Posting(Channel):
    """One POST a request; a connection for each."""

    provider: ClassVar = "posting"

    def __init__(self, port: int, per_request: int) -> None:
        self.port = port
        self.per_request = per_request

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.connect()
        except OSError:
            raise NotAccepted("connect") from None
        try:
            in_time(deadline)
            connection.request("POST", "/", json.dumps([mail.touch_id for mail in mails]))
            answer = connection.getresponse()
            answer.read()
            if answer.status != 202:
                raise ConnectionError(answer.status)
        finally:
            connection.close()
        return Answer(accepted={mail.touch_id: mail.message_id for mail in mails})
