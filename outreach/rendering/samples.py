"""Made-up customers to try templates with: one of whom everything is known, and one of whom hardly anything is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from crm_store.clock import local_date
from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Send
from crm_store.ledger.material import Material
from crm_store.ledger.offers import Enrolled, valid_until
from outreach.links import Signer
from outreach.rendering.context import Saying, context

_VALUES: dict[str, Any] = {
    "text": "Sample",
    "text path": "Sample/Part",
    "number": 7,
    "yes-no": True,
    "date": "2026-01-31",
    "instant": "2026-01-31T09:00:00+00:00",
    "yearly": "1990-05-17",
    "list": ["Sample"],
    "money": {"minor": 700, "currency": "USD"},
}
_KNOWN = {"email": "sample@example.com", "locale": "en_US", "time_zone": "America/New_York", "country": "US"}
SAMPLE_NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
SAMPLE_CODE = "SAMPL-EC0DE"
SAMPLE_SIGNER = Signer("https://sample.example.com", {1: b"sample"})


def sample_contexts(version: Runnable, step: Send) -> Iterator[tuple[str, dict[str, Any]]]:
    """(who, values) for a customer of whom everything is known and one with an address only."""
    yield "a sample customer with every value", _context(version, step, full=True)
    yield "a sample customer with nothing but an address", _context(version, step, full=False)


def _context(version: Runnable, step: Send, full: bool) -> dict[str, Any]:
    customer: dict[str, Any] = {}
    for one in version.vocabulary.attributes.values():
        if one.name != "age" and (full or one.built_in):  # mails get the birthday, which has no age of its own
            _put(customer, one.name, (one.values or (_VALUES[one.type],))[0] if full else None)
    customer |= _KNOWN if full else {"email": "sample@example.com"}
    material = Material(0, 0, "sample@example.com", customer, _event(version, full), sample_offer(version, step))
    return context(Saying(version, step, SAMPLE_SIGNER), material)


def _put(into: dict[str, Any], name: str, value: Any) -> None:
    first, dot, rest = name.partition(".")
    if dot:
        _put(into.setdefault(first, {}), rest, value)
    else:
        into[first] = value


def _event(version: Runnable, full: bool) -> dict[str, Any] | None:
    name = version.campaign.trigger.event()
    if name is None:
        return None
    kind = version.vocabulary.events[name]
    event: dict[str, Any] = {}
    for key, spec in kind.properties.items() if full else ():
        _put(event, key, _VALUES[spec])
    amount = "49.90" if kind.amount and full else None
    return {
        **event,
        "kind": name,
        "at": "2026-01-31T09:00:00+00:00",
        "amount": amount,
        "currency": amount and version.settings.company.currency,
    }


def sample_offer(version: Runnable, step: Send, now: datetime = SAMPLE_NOW) -> dict[str, Any] | None:
    """The step's offer as if issued `now` to somebody who has entered just now, on the occasion's own day; a code for each
    is a marked sample."""
    if step.offer is None:
        return None
    terms, zone = version.campaign.offers[step.offer], version.settings.company.zone
    until = valid_until(terms, Enrolled(None, now, now, local_date(now, zone)), now, zone)
    return {"name": step.offer, "code": terms.code or SAMPLE_CODE, "valid_until": until.isoformat() if until else None}
