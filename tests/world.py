"""A small shop for tests: a workspace of a few files, a store, and short ways to fill it and let time pass.

Fixed people: Alice agreed to offers and news; Bob agreed but his address bounces; Carol withdrew; Dave has no address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import select

from crm_store.clock import machine_instant
from crm_store.consent.record import SuppressionFact, suppress
from crm_store.content.faults import Faults
from crm_store.content.sources import SETTINGS as SETTINGS_FILE
from crm_store.content.sources import VOCABULARY as VOCABULARY_FILE
from crm_store.content.sources import Sources, read_folder
from crm_store.content.workspace import Workspace, load_basics, load_workspace
from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.outcome import Outcome
from crm_store.intake.records import read_customer, read_event
from crm_store.intake.values import Rules
from crm_store.journeys.tick import can_go_on, plan_campaigns, refresh_segments
from crm_store.ledger.runs import Sum, sums
from crm_store.schema import customer, enrolment, touch
from crm_store.segmentation.compile import scope_of, select_ids
from crm_store.segmentation.segment import load_segments
from crm_store.store import Store
from outreach.beside import Drained
from outreach.channels.gallery import read_mail
from outreach.delivery import drain
from outreach.publishing import Content, apply, check

NOON = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)

SETTINGS = """\
company: {name: Test Shop, address: 1 Road, zone: Europe/Berlin, locale: en_US, currency: EUR}
public_url: https://mail.test-shop.example
senders: {default: {from: hello@test-shop.example, name: Test Shop}}
mails_a_day: 9999
"""
VOCABULARY = """\
attributes:
  tier: {type: text, title: tier, values: [gold, silver, bronze]}
  points: {type: number}
  vip: {type: yes-no}
  since: {type: date}
  seen: {type: instant}
  address.street: {type: text}
  interest: {type: text path}
events:
  order: {happens: repeatedly, amount: yes, properties: {store: text, size: number, gift: yes-no, cart_id: text}}
  signed_up: {happens: once, properties: {place: text}}
  cart_updated: {happens: repeatedly, properties: {cart_id: text}}
topics: {offers: {title: Offers}, news: {title: News}}
currencies: [EUR]
"""
MAIL = {
    "subject.j2": "Hello {{ customer.first_name or 'you' }}",
    "body.html.j2": "<p>Dear {{ customer.first_name or 'you' }}, <a href=\"{{ links.unsubscribe }}\">leave</a></p>\n",
}
OFFER_MAIL = {
    "subject.j2": "{{ offer.benefit }} for you",
    "body.html.j2": '<p>Your code: {{ offer.code }}</p><a href="{{ links.unsubscribe }}">leave</a>\n',
}
AGREED = [
    {"channel": "email", "topic": "offers", "state": "given", "at": "2020-01-01", "basis": "consent"},
    {"channel": "email", "topic": "news", "state": "given", "at": "2020-01-01", "basis": "consent"},
]
WITHDRAWN = [*AGREED, {"channel": "email", "topic": "offers", "state": "withdrawn", "at": "2021-01-01"}]


@lru_cache(maxsize=100)
def _rules(settings: str, vocabulary: str) -> Rules:
    known, words = load_basics(Sources({SETTINGS_FILE: settings, VOCABULARY_FILE: vocabulary}))
    return Rules(words, known.company.zone, known.company.currency)


@lru_cache(maxsize=10)
def _workspace(root: Path, files: frozenset[tuple[str, str]], has_faults: bool) -> Workspace:
    return load_workspace(root)


@dataclass
class Shop:
    """A workspace on a store."""

    root: Path
    store: Store

    @classmethod
    def open(cls, root: Path, store: Store) -> Shop:
        """The usual words, no segments, no campaigns, the mails `hello`, `again`, `gift` (with an offer)."""
        shop = cls(root, store)
        shop.write({"config/rapport.yaml": SETTINGS, "config/vocabulary.yaml": VOCABULARY})
        shop.write({f"templates/{name}/{part}": text for name in ("hello", "again") for part, text in MAIL.items()})
        shop.write({f"templates/gift/{part}": text for part, text in OFFER_MAIL.items()})
        return shop

    def write(self, files: Mapping[str, str]) -> None:
        """Write content files by relative path."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def segment(self, name: str, who: str) -> None:
        """A segment file whose `who` is this YAML."""
        indented = "\n".join("  " + line for line in who.strip().splitlines())
        self.write({f"segments/{name}.yaml": f"who:\n{indented}\n"})

    def campaign(self, name: str, text: str) -> None:
        self.write({f"config/campaigns/{name}.yaml": text})

    @property
    def workspace(self) -> Workspace:
        """What the files say; read anew only when they say something new, because each delivery asks."""
        faults = Faults()
        files = read_folder(self.root, faults).files
        return _workspace(self.root, frozenset(files.items()), bool(faults.found))

    def check(self) -> Content:
        return check(self.workspace)

    def publish(self, now: datetime = NOON) -> list[str]:
        return apply(self.store, self.check(), now)

    # Facts

    @property
    def rules(self) -> Rules:
        """What imports go by; read anew only when a file says something new, because properties ask thousands of times."""
        return _rules(*((self.root / path).read_text(encoding="utf-8") for path in (SETTINGS_FILE, VOCABULARY_FILE)))

    def customer(self, key: str, **fields: Any) -> None:
        """Add a customer, or change one; agreed to everything unless `consents` says otherwise."""
        raw = {"email": f"{key}@example.com", "first_name": key.title(), "consents": AGREED, **fields, "key": key}
        record = read_customer({name: value for name, value in raw.items() if value is not ...}, self.rules)
        self.store.write(Customers().write, [record], "test", machine_instant())

    def people(self) -> None:
        """Alice, Bob, Carol and Dave."""
        self.customer("alice")
        self.customer("bob")
        self.store.write(
            suppress, [SuppressionFact("email", "bob@example.com", "hard_bounce", "test", NOON.replace(year=2020))]
        )
        self.customer("carol", consents=WITHDRAWN)
        self.customer("dave", email=...)

    def event(self, key: str, kind: str, at: datetime | timedelta, **fields: Any) -> Outcome:
        """An event at an instant, or so long before NOON; extra fields as in an import (amount, items, properties, id)."""
        instant = NOON - at if isinstance(at, timedelta) else at
        record = read_event({"customer": key, "event": kind, "at": instant.isoformat(), **fields}, self.rules)
        return self.store.write(Events().write, [record], "test", machine_instant())

    # Time passes

    def plan(self, now: datetime = NOON) -> None:
        """What the `plan` flow does."""
        refresh_segments(self.store, now)
        plan_campaigns(self.store, now)

    def deliver(self, now: datetime = NOON, campaign: str | None = None) -> Drained:
        """What a sending flow does."""
        return drain(self.store, self.workspace, now, campaign)

    def tick(self, now: datetime = NOON) -> None:
        """Plan and deliver until nothing is left to do as of `now`."""
        for _ in range(50):
            self.plan(now)
            done = self.deliver(now)
            if not done.judged and not can_go_on(self.store, now):
                return
        raise AssertionError("a tick without end")

    # What came of it

    def members(self, name: str, now: datetime = NOON, among: bool = False) -> list[str]:
        """The keys of a segment's members, in order."""
        workspace, faults = self.workspace, Faults()
        segments = load_segments(workspace.sources, workspace.vocabulary, faults)
        assert not faults.found, [str(fault) for fault in faults.found]
        with self.store.read() as conn:
            zone = workspace.settings.company.zone
            scope = scope_of(conn, now, zone, segments, "among" if among else "all")
            keys = select(customer.c.key).where(customer.c.id.in_(select_ids(segments[name].who, scope)))
            return sorted(conn.execute(keys).scalars())

    def touches(self) -> list[tuple[str, str, str, str, str | None]]:
        """(campaign, customer, step, state, reason) of every touch, in order."""
        chosen = select(touch.c.campaign, customer.c.key, touch.c.step, touch.c.state, touch.c.reason)
        chosen = chosen.join(customer, customer.c.id == touch.c.customer_id)
        return self._rows(chosen.order_by(touch.c.campaign, customer.c.key, touch.c.due_at, touch.c.step))

    def ledger(self) -> list[tuple[Any, ...]]:
        """Everything that must not depend on who planned how often: keys, states, reasons, verdicts, instants."""
        columns = [
            touch.c[name] for name in ("step", "state", "reason", "right_at", "due_at", "expires_at", "verdicts", "attempt")
        ]
        chosen = select(touch.c.campaign, customer.c.key, enrolment.c.occasion, *columns)
        chosen = chosen.join(customer, customer.c.id == touch.c.customer_id)
        chosen = chosen.join(enrolment, enrolment.c.id == touch.c.enrolment_id)
        return self._rows(chosen.order_by(touch.c.campaign, customer.c.key, enrolment.c.occasion, touch.c.step))

    def enrolments(self) -> list[tuple[Any, ...]]:
        """(campaign, customer, occasion, state, reason, step, entered_at, next_at), in order."""
        columns = [enrolment.c[name] for name in ("occasion", "state", "reason", "step", "entered_at", "next_at")]
        chosen = select(enrolment.c.campaign, customer.c.key, *columns)
        chosen = chosen.join(customer, customer.c.id == enrolment.c.customer_id)
        return self._rows(chosen.order_by(enrolment.c.campaign, customer.c.key, enrolment.c.entered_at, enrolment.c.id))

    def goals(self) -> list[tuple[Any, ...]]:
        """(campaign, customer, occasion, goal_at, goal_value, goal_currency, held_out_at) of every enrolment, in order."""
        columns = [enrolment.c[name] for name in ("goal_at", "goal_value", "goal_currency", "held_out_at")]
        chosen = select(enrolment.c.campaign, customer.c.key, enrolment.c.occasion, *columns)
        chosen = chosen.join(customer, customer.c.id == enrolment.c.customer_id)
        return self._rows(chosen.order_by(enrolment.c.campaign, customer.c.key, enrolment.c.occasion))

    def sums(self) -> Sequence[Sum]:
        with self.store.read() as conn:
            return sums(conn)

    def mails(self) -> list[Any]:
        """The mails of the outbox, in the order of touches."""
        return [read_mail(path) for path in sorted((self.root / "outbox").glob("*/*.eml"))]

    def _rows(self, chosen: Any) -> list[tuple[Any, ...]]:
        with self.store.read() as conn:
            return [tuple(row) for row in conn.execute(chosen)]
