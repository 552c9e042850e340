"""HTTP as a sender of mails needs it: kept-alive connections, one deadline, nothing sent twice, nothing logged."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, cast
from urllib.parse import urlsplit

from outreach.wire.sockets import NoConnection, Wire, connect_seconds, no_connection

IDLE_SECONDS = 30.0


@dataclass(frozen=True)
class Reply:
    """What the other end said."""

    status: int
    reason: str
    headers: Message
    body: bytes


def told_wait(headers: Message, usual: timedelta) -> timedelta:
    """How long the other end asks to wait, between a second and an hour: Retry-After in seconds, or X-RateLimit-Reset, an
    instant (seconds since 1970) by its own clock. `usual`: if it says nothing that can be read."""
    try:
        if retry := headers.get("Retry-After"):
            return _bounded(float(retry))
        reset, dated = float(headers["X-RateLimit-Reset"]), headers.get("Date")
        return _bounded(reset - (parsedate_to_datetime(dated).timestamp() if dated else time.time()))
    except (KeyError, TypeError, ValueError):
        return usual


def _bounded(seconds: float) -> timedelta:
    return timedelta(seconds=min(max(seconds, 1.0), 3600.0))


class Http:
    """Connections to one host, kept for the next request.

    A redirect is an answer like any other, and a connection that breaks is not tried again: both would send twice.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self._port, self._base = parts.port, parts.path.rstrip("/")
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._idle: deque[HTTPConnection] = deque()

    def call(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], deadline: float) -> Reply:
        """Raises NoConnection if no byte has left; any other OSError or HTTPException leaves the request in doubt."""
        connection = self._connected(deadline)
        try:
            if time.monotonic() >= deadline:
                raise NoConnection("the deadline is over")
            wire = cast(Wire, connection.sock)
            response = _ask(connection, method, f"{self._base}{path}" or "/", body, headers)
            if wire.ended:  # the standard library takes half a head for a whole one
                raise ConnectionResetError("half an answer")
            reply = Reply(response.status, response.reason, response.headers, response.read())
        except BaseException:
            connection.close()
            raise
        if response.isclosed() and connection.sock is not None:
            self._idle.append(connection)
        else:
            connection.close()
        return reply

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _connected(self, deadline: float) -> HTTPConnection:
        while self._idle:
            connection = self._idle.pop()
            wire = cast(Wire, connection.sock)
            if wire.quiet(IDLE_SECONDS):
                wire.deadline = deadline
                return connection
            connection.close()
        return self._connect(deadline)

    def _connect(self, deadline: float) -> HTTPConnection:
        connection = self._kind(self.host, self._port, timeout=connect_seconds(deadline))
        connection.auto_open = 0  # it must not connect again behind our back
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise no_connection(error, self.host) from error
        connection.sock = cast(Any, Wire(connection.sock, deadline))
        return connection


def _ask(
    connection: HTTPConnection, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
) -> HTTPResponse:
    """A server that will not have a request may say so, and hang up, before it has read it all."""
    try:
        connection.request(method, path, body, dict(headers))
    except (BrokenPipeError, ConnectionResetError) as broken:
        try:
            early = connection.getresponse()
        except (OSError, HTTPException):
            raise broken from None
        if early.status < 400:
            raise
        return early
    return connection.getresponse()
