"""smtp: a mail server of your own or a relay: several connections, commands in one go where the server lets us.

The standard library's client says hello, STARTTLS and AUTH; mails travel by our own loop, because it waits for every
answer. What is said before the dot that ends a mail is a definite no; a dot without an answer leaves the mail in doubt.
"""

from __future__ import annotations

import os
import smtplib
import socket
import ssl
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, NamedTuple

from crm_store.content.channels import read_env_name
from crm_store.content.fields import Fields, one_of, sure, text
from crm_store.content.literals import read_port, read_whole
from crm_store.content.settings import read_address
from crm_store.ledger.dispatch import Answer, Refusal
from outreach.channels.base import Channel, Mail, NotAccepted, Outfit, Unreachable, doubt, in_time
from outreach.wire.addresses import wire_address
from outreach.wire.mime import message
from outreach.wire.sockets import NoConnection, Wire, connect_seconds, no_connection

PORTS = {"starttls": 587, "tls": 465, "none": 25}
PER_CONNECTION = 8  # mails that make another connection worth while
IDLE_SECONDS = 20.0
LATER = timedelta(minutes=10)  # greylisting wants some minutes
POLICY = timedelta(hours=1)
MOST_DEATHS = 3  # connections in a row that the server ends without having taken a mail
LONGEST_REPLY = 100  # lines
CLOSED = Refusal("smtp_closed", permanent=False, after=LATER)
_NOT_TRIED = Refusal("not_tried", permanent=False, gives_up=False)
_ADDRESS = Refusal("address", permanent=True)
_HEADER = Refusal("header", permanent=True)


@dataclass(frozen=True)
class Options:
    """What rapport.yaml says of the server. `parallel`: connections that one request uses at most; `bounces_to`: the
    envelope's sender, if it is not that of the mail."""

    host: str
    port: int
    tls: str = "starttls"
    user: str | None = None
    password_env: str = "SMTP_PASSWORD"
    parallel: int = 4
    per_request: int = 100
    bounces_to: str | None = None


def configured(fields: Fields, outfit: Outfit) -> Smtp:
    """Raises Incomplete with the faults of its keys collected."""
    host = fields.need("host", text)
    tls = fields.get("tls", one_of(*PORTS), "starttls")
    port = fields.get("port", read_port, PORTS[tls])
    user, password_env = fields.maybe("user", text), fields.get("password_env", read_env_name, "SMTP_PASSWORD")
    parallel, per_request = fields.get("parallel", read_whole, 4), fields.get("per_request", read_whole, 100)
    bounces_to = fields.maybe("bounces_to", read_address)
    fields.close()
    return Smtp(Options(sure(host), port, tls, user, password_env, parallel, per_request, bounces_to))


class Smtp(Channel):
    """One mail server, with connections that are kept for the next request."""

    provider: ClassVar = "smtp"

    def __init__(self, options: Options) -> None:
        self.options = options
        self.per_request = options.per_request
        self._idle: deque[_Session] = deque()

    def announce(self, request_id: str) -> None:
        if trouble := self.trouble():
            raise NotAccepted("no_password", trouble)

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        in_time(deadline)
        work = _Work(deque(mails), deadline)
        # The first connection shows whether anybody is there; only then can others be worth while.
        sessions = [self._session(deadline)] if mails else []
        wanted = min(self.options.parallel, -(-len(mails) // PER_CONNECTION))
        if wanted <= 1:
            for session in sessions:
                self._work(session, work)
        else:
            with ThreadPoolExecutor(wanted) as pool:
                list(pool.map(lambda session: self._work(session, work), [*sessions, *[None] * (wanted - 1)]))
        work.refused.update(dict.fromkeys((mail.touch_id for mail in work.queue), _NOT_TRIED))
        return Answer(work.accepted, work.refused, work.doubtful, work.stopped)

    def _work(self, session: _Session | None, work: _Work) -> None:
        """Send mails by one connection, and by a new one when the server ends it, as many do after so many mails."""
        deaths = 0
        try:
            while work.goes_on() and deaths < MOST_DEATHS:
                session = session or self._session(work.deadline)
                session.deliver(work, self.options.bounces_to)
                deaths = 0 if session.answered else deaths + 1
                if session.alive:
                    self._idle.append(session)
                session = None
        except NotAccepted as no:  # other connections go on: a server may allow fewer than we want
            if no.stopped:
                work.stop(no.stopped)

    def _session(self, deadline: float) -> _Session:
        while self._idle:
            session = self._idle.pop()
            if session.wire.quiet(IDLE_SECONDS):
                session.wire.deadline = deadline
                return session
            session.close()
        return _connect(self.options, deadline)

    def trouble(self) -> str | None:
        name = self.options.password_env
        if self.options.user is None or os.environ.get(name):
            return None
        return (
            f"smtp has no password: environment variable {name} is not set; set it to the password of {self.options.user}"
        )

    def drained(self) -> None:
        while self._idle:
            self._idle.pop().quit()


@dataclass
class _Work:
    """The mails of one request, and what has become of them."""

    queue: deque[Mail]
    deadline: float
    accepted: dict[int, str] = field(default_factory=dict)
    refused: dict[int, Refusal] = field(default_factory=dict)
    doubtful: dict[int, str] = field(default_factory=dict)
    stopped: str | None = None
    broken: bool = False

    def goes_on(self) -> bool:
        return bool(self.queue) and not self.broken and time.monotonic() < self.deadline

    def next(self) -> tuple[Mail, bytes] | None:
        """The next mail with its bytes; those that can't be one end here."""
        while self.goes_on():
            try:
                mail = self.queue.popleft()
            except IndexError:  # another connection was quicker
                return None
            if wire_address(mail.to_address) is None:
                self.refused[mail.touch_id] = _ADDRESS
                continue
            try:
                return mail, message(mail)
            except ValueError:
                self.refused[mail.touch_id] = _HEADER
        return None

    def stop(self, why: str | None = None) -> None:
        self.broken, self.stopped = True, self.stopped or why


class _Reply(NamedTuple):
    code: int
    text: bytes

    def is_policy(self) -> bool:
        """Whether a rule of the server speaks, which may be about us and not about the recipient."""
        return self.text.startswith(b"5.7.") or self.code in (530, 535)


class _Waiting(NamedTuple):
    """A mail whose body is to be sent next; None in place of one whose recipient was refused."""

    mail: Mail | None
    body: bytes


_NOBODY = _Waiting(None, b".\r\n")  # the server waits for a mail to nobody: RFC 2920, 3.1


class _Session:
    """A connection on which mails can be sent."""

    def __init__(self, wire: Wire, pipelining: bool, host: str) -> None:
        self.wire = wire
        self.alive = True
        self.answered = 0  # mails, by whatever answer
        self._file = wire.makefile("rb")
        self._pipelining = pipelining
        self._host = host
        self._reset = False  # a transaction that was refused is still open
        self._dot: int | None = None  # the number of the byte that ends the mail on its way

    def deliver(self, work: _Work, bounces_to: str | None) -> None:
        """Send mails until none is left or the connection ends."""
        waiting, mail = None, None
        try:
            while self.alive:
                mail, body = work.next() or (None, b"")
                if mail is None and waiting is None:
                    break
                commands = self._commands(mail, bounces_to) if mail else []
                self._write(waiting, b"".join(commands) if self._pipelining else b"")
                if waiting:
                    self._ended(work, waiting.mail, self._reply())
                    waiting = None
                waiting, mail = (self._opened(work, mail, body, commands) if mail else None), None
        except (OSError, ValueError) as error:
            self._lost(work, waiting.mail if waiting else None, mail, error)
        if not self.alive:
            self.close()

    def _commands(self, mail: Mail, bounces_to: str | None) -> list[bytes]:
        sender = wire_address(bounces_to or mail.from_address) or ""
        lines = [f"MAIL FROM:<{sender}>", f"RCPT TO:<{wire_address(mail.to_address)}>", "DATA"]
        self._reset, lines = False, ["RSET", *lines] if self._reset else lines
        return [f"{line}\r\n".encode() for line in lines]

    def _write(self, waiting: _Waiting | None, commands: bytes) -> None:
        """The body that the server waits for, and what may follow it at once."""
        body = waiting.body if waiting else b""
        self._dot = self.wire.handed + len(body) if waiting else None
        self.wire.sendall(body + commands)

    def _opened(self, work: _Work, mail: Mail, body: bytes, commands: list[bytes]) -> _Waiting | None:
        """The answers to the commands: None if there is no body to be sent."""
        replies = [self._asked(command) for command in commands] if not self._pipelining else [
            self._reply() for _ in commands
        ]  # fmt: skip
        sender, recipient, data = replies[-3:]
        if data.code == 354 and sender.code == 250 and recipient.code in (250, 251):
            return _Waiting(mail, body + b".\r\n")
        self._reset = True
        if any(reply.code == 421 for reply in replies):
            self.alive = False
            work.queue.appendleft(mail)
        elif sender.code >= 500:
            work.refused[mail.touch_id] = _NOT_TRIED
            work.stop(f"smtp server {self._host} takes no mails from {mail.from_address} ({sender.code}); ask its owner")
        else:
            reply = next(one for one in (sender, recipient, data) if one.code not in (250, 251, 354))
            work.refused[mail.touch_id] = _refusal(reply)
        return _NOBODY if data.code == 354 else None

    def _ended(self, work: _Work, mail: Mail | None, reply: _Reply) -> None:
        """What the server says to a whole mail."""
        self.answered += 1
        self.alive = self.alive and reply.code != 421
        if mail is None:
            return
        if reply.code == 250:
            work.accepted[mail.touch_id] = mail.message_id
        else:
            work.refused[mail.touch_id] = _refusal(reply)

    def _lost(self, work: _Work, waiting: Mail | None, mail: Mail | None, error: Exception) -> None:
        """The connection has ended: `waiting`, if its dot may have left, is in doubt; `mail` has not been asked for."""
        self.alive = False
        if waiting and self._dot is not None and self.wire.trying >= self._dot:
            work.doubtful[waiting.touch_id] = "odd_reply" if isinstance(error, ValueError) else doubt(error)
            work.stop()
        elif waiting:
            work.refused[waiting.touch_id] = CLOSED
        if mail and (self.answered or work.broken):
            work.queue.appendleft(mail)
        elif mail:
            work.refused[mail.touch_id] = CLOSED

    def _asked(self, command: bytes) -> _Reply:
        self.wire.sendall(command)
        return self._reply()

    def _reply(self) -> _Reply:
        """Raises ConnectionError at the end of the connection, ValueError for what is no reply."""
        for _ in range(LONGEST_REPLY):
            line = self._file.readline(2_000)
            if not line.endswith(b"\n"):
                raise ConnectionResetError("closed")
            if line[3:4] != b"-":
                return _Reply(int(line[:3]), line[4:].strip())
        raise ValueError("a reply without end")

    def quit(self) -> None:
        self.wire.deadline = time.monotonic() + 1
        with suppress(OSError, ValueError):
            self._asked(b"QUIT\r\n")
        self.close()

    def close(self) -> None:
        self.alive = False
        self._file.close()
        self.wire.close()


def _refusal(reply: _Reply) -> Refusal:
    """4xx: later; 5xx: never, unless a rule of the server speaks, which a person can have changed."""
    reason = f"smtp_{reply.code}"
    if reply.code >= 500 and not reply.is_policy():
        return Refusal(reason, permanent=True)
    return Refusal(reason, permanent=False, after=POLICY if reply.code >= 500 else LATER, gives_up=reply.code != 421)


def _connect(options: Options, deadline: float) -> _Session:
    """Raises NotAccepted."""
    where = f"smtp server {options.host}"
    try:
        client = _client(options, deadline)
    except smtplib.SMTPAuthenticationError as error:
        what = f"{where} does not accept the password of {options.user} ({error.smtp_code}); set {options.password_env}"
        raise NotAccepted("stopped", what) from None
    except smtplib.SMTPNotSupportedError:
        what = f"{where} offers no {'STARTTLS' if options.tls == 'starttls' else 'AUTH'}; mend `tls` or `user`"
        raise NotAccepted("stopped", f"{what} in config/rapport.yaml") from None
    except OSError as error:
        found = error if isinstance(error, NoConnection) else no_connection(error, options.host)
        if found.mend:
            raise NotAccepted("unreachable", f"smtp: {found}; mend `host` in config/rapport.yaml") from None
        raise Unreachable("unreachable", wait=timedelta(seconds=30)) from None
    sock, pipelining = client.sock, client.has_extn("pipelining")
    if sock is None:
        raise Unreachable("unreachable", wait=timedelta(seconds=30))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    session = _Session(Wire(sock, deadline), pipelining, options.host)
    if client.file is not None:
        client.file.close()
    return session


def _client(options: Options, deadline: float) -> smtplib.SMTP:
    seconds = connect_seconds(deadline)
    context = None if options.tls == "none" else ssl.create_default_context()
    if options.tls == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL(options.host, options.port, timeout=seconds, context=context)
    else:
        client = smtplib.SMTP(options.host, options.port, timeout=seconds)
    try:
        if options.tls == "starttls":
            client.starttls(context=context)
        client.ehlo_or_helo_if_needed()
        if options.user is not None:
            client.login(options.user, os.environ.get(options.password_env, ""))
    except BaseException:
        client.close()
        raise
    return client
