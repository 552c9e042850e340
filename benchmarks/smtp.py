"""Mails to a pipelining server of our own, the ledger on, beside the usual script: Jinja2, EmailMessage, smtplib.

    python -m benchmarks.smtp --size 5k --json

For the mail of 20 kB (`promo`) and the one of 1.7 kB (`small`): every customer is due one of each, through the last look
with consent, suppression and an audience of three conditions. The floor writes mails that are ready to a raw socket, in
the same order of commands: what the server and the wire take. `sink_per_second` shows that the server limits nobody.
The bar for `promo`: 20x the usual script.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.mailing import NAMES, SCRIPT_MAILS, Mailing
from benchmarks.measure import Case, arguments, case, empty_store, report, seconds, show
from benchmarks.sinks import mail_sink, mails_taken
from crm_store.store import upgrade_store

ROUNDS = 3
CHANNEL = "{{provider: smtp, host: 127.0.0.1, port: {port}, tls: none, per_request: 500}}"


def main() -> None:
    wanted = arguments("smtp", "3k")
    names = [name for name in NAMES if not wanted.only or name in wanted.only]
    with tempfile.TemporaryDirectory() as folder, mail_sink() as port, empty_store(wanted.store, Path(folder)) as url:
        upgrade_store(url, Path(folder))
        mailing = Mailing.open(Path(folder), url, CHANNEL.format(port=port), wanted.size)
        bench = Bench(mailing, port)
        results = {name: bench.compare(name) for name in names}
        mailing.store.close()
    cases = [one.case for one in results.values()]
    first = results[names[0]]
    more = {
        "against": {"usual_script": first.against},
        "per_second": first.per_second,
        "mails": {name: vars(one) | {"case": None} for name, one in results.items()},
    }
    show(report("smtp", wanted, cases, more), wanted.as_json)


@dataclass(frozen=True)
class Compared:
    """One mail. `against`: times the usual script's mails a second."""

    case: Case
    per_second: int
    script_per_second: int
    sink_per_second: int
    against: float
    size: int


@dataclass(frozen=True)
class Bench:
    """Customers, and the sink that takes their mails."""

    mailing: Mailing
    port: int

    def compare(self, name: str) -> Compared:
        """Ours once, as a mail goes once; the script and the floor in turns with each other."""
        mailing, size = self.mailing, self.mailing.size
        mailing.plan(name, name)
        before = mails_taken(self.port)
        ours = seconds(partial(mailing.deliver, name))
        taken = mails_taken(self.port) - before
        if taken != size:
            raise SystemExit(f"{taken} mails of {name} arrived, {size} were due")
        ready = [self.plain(name, number) for number in range(SCRIPT_MAILS)]
        rounds = [
            (seconds(partial(mailing.script, name, self.port)), seconds(partial(self.floor, ready))) for _ in range(ROUNDS)
        ]
        script, floor = (median(times) / SCRIPT_MAILS for times in zip(*rounds, strict=True))
        return Compared(
            case(name, ours, floor * size), round(size / ours), round(1 / script), round(1 / floor),
            round(script * size / ours, 1), len(ready[0]),
        )  # fmt: skip

    def plain(self, name: str, number: int) -> bytes:
        return self.mailing.message(name, number).as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def floor(self, ready: Sequence[bytes]) -> None:
        """Mails that are there already, by one connection, with the next one's commands behind each."""
        with socket.create_connection(("127.0.0.1", self.port)) as sock, sock.makefile("rb") as replies:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(b"EHLO x\r\n")
            for _ in range(3):
                replies.readline()
            body = b""
            for number, message in enumerate(ready):
                sock.sendall(body + f"MAIL FROM:<a@b.c>\r\nRCPT TO:<c{number}@example.com>\r\nDATA\r\n".encode())
                for _ in range(4 if body else 3):
                    replies.readline()
                body = message + b"\r\n.\r\n"
            sock.sendall(body)
            replies.readline()


if __name__ == "__main__":
    main()
