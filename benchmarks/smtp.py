"""Mails to a pipelining server of our own, the ledger on, beside the usual script: Jinja2, EmailMessage, smtplib.

    python -m benchmarks.smtp --size 5k --json

For the mail of 20 kB (`promo`) and the one of 1.7 kB (`small`): every customer is due one of each, through the last look
with consent, suppression and an audience of three conditions. The floor writes mails that are ready to a raw socket, in
the same order of commands: what the server and the wire take. `sink_per_second` shows that the server limits nobody.
The bar for `promo`: 20x the usual script.
"""

from __future__ import annotations

import shutil
import smtplib
import socket
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from benchmarks.measure import Case, arguments, case, empty_store, report, seconds, show
from benchmarks.shape import NOW, SEED
from benchmarks.sinks import mail_sink, mails_taken
from crm_store.clock import machine_instant
from crm_store.content.workspace import Workspace, load_workspace
from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.records import read_customer, read_event
from crm_store.intake.values import Rules
from crm_store.journeys.tick import plan_campaigns, refresh_segments
from crm_store.store import Store, open_store, upgrade_store
from outreach.delivery import drain
from outreach.publishing import apply, check

MAILS = Path(__file__).parent / "mails"
NAMES = ("promo", "small")
SCRIPT_MAILS = 400  # it takes 2 ms and more for each
ROUNDS = 3
CHUNK = 2_000
SETTINGS = """\
company: {{name: Ridge & Vale, address: "1 Main St, 12345 Town", zone: America/New_York, locale: en_US, currency: USD}}
public_url: https://mail.example.com
senders: {{default: {{from: hello@ridge.example.com, name: Ridge & Vale, reply_to: service@ridge.example.com}}}}
channels: {{email: {{provider: smtp, host: 127.0.0.1, port: {port}, tls: none}}}}
"""
VOCABULARY = """\
attributes: {tier: {type: text}, points: {type: number}}
events: {order: {happens: repeatedly, amount: yes, properties: {store: text}}}
topics: {offers: {title: Offers}}
currencies: [USD]
"""
CAMPAIGN = """\
kind: nurture
status: live
topic: offers
enter: {{event: order}}
audience:
  all:
    - {{attribute: points, at_least: 0}}
    - {{attribute: country, is: US}}
    - {{event: order, in_last: 30 days}}
offers: {{spring: {{discount: 15 %, code: unique, valid: 21 days}}}}
steps: [{{send: {name}, offer: spring}}]
"""


def main() -> None:
    wanted = arguments("smtp", "3k")
    names = [name for name in NAMES if not wanted.only or name in wanted.only]
    with tempfile.TemporaryDirectory() as folder, mail_sink() as port, empty_store(wanted.store, Path(folder)) as url:
        upgrade_store(url, Path(folder))
        bench = Bench.open(Path(folder), url, port, wanted.size)
        results = {name: bench.compare(name) for name in names}
        bench.store.close()
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
    """A store full of customers, and the sink they are written to."""

    root: Path
    store: Store
    port: int
    size: int

    @classmethod
    def open(cls, root: Path, url: str, port: int, size: int) -> Bench:
        _lay_out(root, port)
        bench = cls(root, open_store(url, root), port, size)
        bench.fill()
        return bench

    @property
    def workspace(self) -> Workspace:
        return load_workspace(self.root)

    def fill(self) -> None:
        company = self.workspace.settings.company
        rules = Rules(self.workspace.vocabulary, company.zone, company.currency)
        for start in range(0, self.size, CHUNK):
            numbers = range(start, min(start + CHUNK, self.size))
            people = [read_customer(customer(number), rules) for number in numbers]
            orders = [read_event(order(number), rules) for number in numbers]
            self.store.write(Customers().write, people, "benchmark", machine_instant())
            self.store.write(Events().write, orders, "benchmark", machine_instant())

    def compare(self, name: str) -> Compared:
        """Ours once, as a mail goes once; the script and the floor in turns with each other."""
        (self.root / "config/campaigns" / f"{name}.yaml").write_text(CAMPAIGN.format(name=name))
        apply(self.store, check(self.workspace), NOW)
        refresh_segments(self.store, NOW)
        plan_campaigns(self.store, NOW)
        before = mails_taken(self.port)
        ours = seconds(partial(self.deliver, name))
        taken = mails_taken(self.port) - before
        if taken != self.size:
            raise SystemExit(f"{taken} mails of {name} arrived, {self.size} were due")
        ready = [self.plain(name, number) for number in range(SCRIPT_MAILS)]
        rounds = [(seconds(partial(self.script, name)), seconds(partial(self.floor, ready))) for _ in range(ROUNDS)]
        script, floor = (median(times) / SCRIPT_MAILS for times in zip(*rounds, strict=True))
        return Compared(
            case(name, ours, floor * self.size), round(self.size / ours), round(1 / script), round(1 / floor),
            round(script * self.size / ours, 1), len(ready[0]),
        )  # fmt: skip

    def deliver(self, name: str) -> None:
        while drain(self.store, self.workspace, NOW, name).more:
            continue

    def script(self, name: str) -> None:
        """What people write: render, make a message, send it, one after the other by one connection."""
        with smtplib.SMTP("127.0.0.1", self.port) as client:
            for number in range(SCRIPT_MAILS):
                client.send_message(self.message(name, number))

    def message(self, name: str, number: int) -> EmailMessage:
        from outreach.rendering.environment import readable

        values = readable(values_of(number))
        subject, text, html = (template.render(values) for template in templates(self.root, name))
        message = EmailMessage()
        message["From"], message["To"] = "Ridge & Vale <hello@ridge.example.com>", f"c{number}@example.com"
        message["Subject"] = " ".join(subject.split())
        message["List-Unsubscribe"] = f"<{values['links']['unsubscribe']}>"
        message.set_content(text)
        message.add_alternative(html, subtype="html")
        return message

    def plain(self, name: str, number: int) -> bytes:
        return self.message(name, number).as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

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


_templates: dict[str, list[Any]] = {}


def templates(root: Path, name: str) -> list[Any]:
    """Plain Jinja's templates of a mail: loaded once, as the script would."""
    if name not in _templates:
        from outreach.rendering.environment import environment
        from outreach.rendering.prepare import inline_css, text_from_html

        files = {str(path.relative_to(root / "templates")): path.read_text() for path in (root / "templates").rglob("*.j2")}
        html = {path: text for path, text in files.items() if path.endswith(".html.j2")}
        plain = environment(files)
        of_html = environment({**files, **inline_css(plain, html)})
        of_text = environment({**files, **text_from_html(plain, html)}, of_text=True)
        paths = f"{name}/subject.j2", f"{name}/body.html.j2"
        made = of_html.get_template(paths[0]), of_text.get_template(paths[1]), of_html.get_template(paths[1])
        _templates[name] = list(made)
    return _templates[name]


def _lay_out(root: Path, port: int) -> None:
    (root / "config").mkdir()
    (root / "config/rapport.yaml").write_text(SETTINGS.format(port=port))
    (root / "config/vocabulary.yaml").write_text(VOCABULARY)
    (root / "config/campaigns").mkdir()
    shutil.copytree(MAILS, root / "templates")


def customer(number: int) -> Mapping[str, Any]:
    random = Random(SEED + number)
    agreed = {"channel": "email", "topic": "offers", "state": "given", "at": "2024-01-01", "basis": "consent"}
    return {
        "key": f"C{number:08d}",
        "email": f"c{number}@example.com",
        "first_name": random.choice(("Ann", "Zoë", "O'Neil", "Jean-Luc", "Ada")),
        "city": random.choice(("Leeds", "São Paulo", "Köln")),
        "country": "US",
        "time_zone": "America/New_York",
        "attributes": {"tier": random.choice(("gold", "silver")), "points": random.randrange(2_000)},
        "consents": [agreed],
    }


def order(number: int) -> Mapping[str, Any]:
    at = NOW - timedelta(minutes=10, seconds=number % 600)
    amount = f"{Random(number).randrange(500, 20_000) / 100:.2f}"
    return {
        "customer": f"C{number:08d}",
        "event": "order",
        "at": at.isoformat(),
        "amount": amount,
        "properties": {"store": "x"},
    }


def values_of(number: int) -> dict[str, Any]:
    """What the script knows of a customer: the same as our templates get."""
    known, bought = customer(number), order(number)
    nothing: Callable[[], dict[str, None]] = partial(dict.fromkeys, ("last_name", "birthday", "phone"))
    return {
        "customer": {**nothing(), **known, **known["attributes"]},
        "event": {"kind": "order", "at": bought["at"], "amount": bought["amount"], "currency": "USD", "store": "x"},
        "offer": {"name": "spring", "code": f"CODE-{number:06d}", "valid_until": "2026-07-31", "benefit": "15%"},
        "campaign": {"name": "promo", "title": "Spring", "topic": "offers"},
        "company": {"name": "Ridge & Vale", "address": "1 Main St, 12345 Town", "currency": "USD"},
        "links": {name: f"https://mail.example.com/{name[0]}/{number:031x}" for name in ("unsubscribe", "preferences")},
        "locale": "en_US",
        "zone": "America/New_York",
    }


if __name__ == "__main__":
    main()
