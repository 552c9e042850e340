"""What SendGrid's Event Webhook posts, in our words: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event

Its custom arguments stand flat in each event; `rapport_touch` is the reference that the request had for the recipient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from crm_store.clock import from_micros
from crm_store.intake.values import address_key
from crm_store.ledger.events import Provider, ProviderEvent

SENDGRID = Provider("sendgrid", whole=True)
TOUCH = "rapport_touch"  # the custom argument
_KINDS: Mapping[str, str] = {
    "processed": "accepted",
    "deferred": "deferred",
    "delivered": "delivered",
    "dropped": "dropped",
    "bounce": "bounced",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
}
_SUPPRESSES: Mapping[str, str] = {"bounced": "hard_bounce", "complained": "complaint"}
# Why SendGrid drops a mail unsent: what it holds against the address, we must hold as well.
_DROPPED: Mapping[str, str] = {"bounced address": "hard_bounce", "spam reporting address": "complaint"}
_LAST_INSTANT = 32_503_680_000  # the year 3000


def read_event(raw: Any) -> ProviderEvent | None:
    """One event of a post; None for one that is not about a mail of ours. Raises ValueError for what can't be one."""
    if not isinstance(raw, dict):
        raise ValueError("is not a JSON object")
    reference, kind = raw.get(TOUCH), _KINDS.get(str(raw.get("event")))
    if not isinstance(reference, str) or kind is None:
        return None
    if kind == "bounced" and raw.get("type") == "blocked":
        kind = "blocked"
    return ProviderEvent(
        id=_id(raw, reference),
        reference=reference,
        kind=kind,
        at=_instant(raw.get("timestamp")),
        actor="machine" if raw.get("sg_machine_open") is True else "unknown",
        link=_text(raw.get("url")),
        address=address_key(str(raw["email"])) if raw.get("email") else None,
        suppresses=_suppresses(kind, raw),
        withdraws=kind in ("complained", "unsubscribed"),
    )


def _suppresses(kind: str, raw: Mapping[str, Any]) -> str | None:
    if kind == "unsubscribed" and raw.get("event") == "unsubscribe":
        return "unsubscribed"  # from everything: SendGrid drops all that we should send there from now on
    return _DROPPED.get(str(raw.get("reason", "")).casefold()) if kind == "dropped" else _SUPPRESSES.get(kind)


def _id(raw: Mapping[str, Any], reference: str) -> str:
    """SendGrid's own number, or a hash of what makes an event the one it is: not every event has a number."""
    given = _text(raw.get("sg_event_id"))
    parts = (reference, raw.get("event"), raw.get("timestamp"), raw.get("url"))
    return given or sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def _instant(value: Any) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LAST_INSTANT:
        raise ValueError("has no timestamp in seconds since 1970")
    return from_micros(round(value * 1_000_000))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def read_events(raws: Iterable[Any]) -> tuple[list[ProviderEvent], int, list[str]]:
    """The events of ours, how many were not about our mails, and what was wrong with those that can't be read."""
    events: list[ProviderEvent] = []
    others, faults = 0, []
    for number, raw in enumerate(raws, 1):
        try:
            event = read_event(raw)
        except ValueError as error:
            faults.append(f"event {number} {error}")
            continue
        if event is None:
            others += 1
        else:
            events.append(event)
    return events, others, faults
