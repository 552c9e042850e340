"""What the benchmarks of sending share: customers who are due a mail, the mail itself, and the usual script that sends it.

Every customer is due, through the last look with consent, suppression and an audience of three conditions.
"""

from __future__ import annotations

import shutil
import smtplib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.shape import NOW, SEED
from crm_store.clock import machine_instant
from crm_store.content.workspace import Workspace, load_workspace
from crm_store.intake.bulk import gather_statistics
from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.records import read_customer, read_event
from crm_store.intake.values import Rules
from crm_store.journeys.tick import plan_campaigns, refresh_segments
from crm_store.store import Store, open_store
from outreach.delivery import drain
from outreach.publishing import apply, check

MAILS = Path(__file__).parent / "mails"
NAMES = ("promo", "small")
SCRIPT_MAILS = 400  # it takes 2 ms and more for each
CHUNK = 2_000
SETTINGS = """\
company: {{name: Ridge & Vale, address: "1 Main St, 12345 Town", zone: America/New_York, locale: en_US, currency: USD}}
public_url: https://mail.example.com
senders: {{default: {{from: hello@ridge.example.com, name: Ridge & Vale, reply_to: service@ridge.example.com}}}}
channels: {{email: {channel}}}
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
steps: [{{send: {mail}, offer: spring}}]
"""


# Of every kind of restraint so much that it keeps nobody back: of the company, and of a campaign.
OF_ALL = "caps: [{at_most: 100, per: 7 days}, {at_most: 50, per: 1 day, topic: offers}]\nholidays: [DE]\n"
OF_ONE = "caps: [{at_most: 90, per: 7 days}]\npriority: 60\nhours: 00:00-23:59\npace: 999999 per 1 minute\n"


@dataclass(frozen=True)
class Mailing:
    """A workspace and its store full of customers, who get mails through `channel`, written as rapport.yaml has it."""

    root: Path
    store: Store
    size: int

    @classmethod
    def open(cls, root: Path, url: str, channel: str, size: int) -> Mailing:
        (root / "config/campaigns").mkdir(parents=True)
        (root / "config/rapport.yaml").write_text(SETTINGS.format(channel=channel))
        (root / "config/vocabulary.yaml").write_text(VOCABULARY)
        shutil.copytree(MAILS, root / "templates")
        mailing = cls(root, open_store(url, root), size)
        mailing._fill()
        return mailing

    @property
    def workspace(self) -> Workspace:
        return load_workspace(self.root)

    def _fill(self) -> None:
        company = self.workspace.settings.company
        rules = Rules(self.workspace.vocabulary, company.zone, company.currency)
        for start in range(0, self.size, CHUNK):
            numbers = range(start, min(start + CHUNK, self.size))
            people = [read_customer(customer(number), rules) for number in numbers]
            orders = [read_event(order(number), rules) for number in numbers]
            self.store.write(Customers().write, people, "benchmark", machine_instant())
            self.store.write(Events().write, orders, "benchmark", machine_instant())
        self.store.write(gather_statistics, self.size)  # as an import does

    def plan(self, campaign: str, mail: str, more: str = "") -> None:
        """A new campaign by which everybody is due the mail; `more`: further keys of its file."""
        (self.root / "config/campaigns" / f"{campaign}.yaml").write_text(CAMPAIGN.format(mail=mail) + more)
        apply(self.store, check(self.workspace), NOW)
        refresh_segments(self.store, NOW)
        plan_campaigns(self.store, NOW)

    @contextmanager
    def restrained(self, campaign: str, mail: str) -> Iterator[None]:
        """The same with every kind of restraint; for all campaigns, as long as this lasts."""
        settings = self.root / "config/rapport.yaml"
        usual = settings.read_text()
        settings.write_text(usual + OF_ALL)
        self.plan(campaign, mail, OF_ONE)
        yield
        settings.write_text(usual)

    def deliver(self, campaign: str) -> None:
        while drain(self.store, self.workspace, NOW, campaign).more:
            continue

    def script(self, mail: str, port: int) -> None:
        """What people write: render, make a message, send it, one after the other by one connection."""
        with smtplib.SMTP("127.0.0.1", port) as client:
            for number in range(SCRIPT_MAILS):
                client.send_message(self.message(mail, number))

    def message(self, mail: str, number: int) -> EmailMessage:
        from outreach.rendering.environment import readable

        values = readable(values_of(number))
        subject, text, html = (template.render(values) for template in templates(self.root, mail))
        message = EmailMessage()
        message["From"], message["To"] = "Ridge & Vale <hello@ridge.example.com>", f"c{number}@example.com"
        message["Subject"] = " ".join(subject.split())
        message["List-Unsubscribe"] = f"<{values['links']['unsubscribe']}>"
        message.set_content(text)
        message.add_alternative(html, subtype="html")
        return message


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
