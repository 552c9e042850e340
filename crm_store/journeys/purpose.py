"""`purpose`: marketing, which the customer agreed to; or service, which she is owed, and which promotes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm_store.content.fields import Fields, one_of, text
from crm_store.content.vocabulary import Vocabulary

if TYPE_CHECKING:
    from crm_store.journeys.campaign import Campaign

MARKETING, SERVICE = "marketing", "service"
# Even what she is owed can't be sent to an address that takes nothing. Other suppressions are about marketing.
UNDELIVERABLE = ("hard_bounce",)


@dataclass(frozen=True)
class Purpose:
    """`topic`: what marketing needs consent to; `basis`: why service needs none, in words."""

    word: str = MARKETING
    topic: str | None = None
    basis: str | None = None


def read_purpose(fields: Fields, vocabulary: Vocabulary) -> Purpose:
    """`purpose`, `topic` and `basis` of a campaign file; what goes with the other purpose only is a fault."""
    word = fields.maybe("purpose", one_of(MARKETING, SERVICE))
    if word == SERVICE:
        return _service(fields)
    if word is None and fields.has("purpose"):  # of an unknown purpose there is no telling what it needs
        fields.known("topic", "basis")
        return Purpose()
    if fields.has("basis"):
        fields.fault(fields.place_of("basis"), "'basis' goes with `purpose: service`; marketing needs consent to its topic")
    fields.known("basis")
    return Purpose(MARKETING, fields.need("topic", vocabulary.topic))


_NOT_IN_SERVICE = {
    "topic": "a service campaign asks for no consent; take 'topic' out",
    "offers": "a service campaign promotes nothing; take 'offers' out, or make it `purpose: marketing`",
    "hold_out": "a service campaign is owed to everybody; take 'hold_out' out",
}


def _service(fields: Fields) -> Purpose:
    for key, why in _NOT_IN_SERVICE.items():
        if fields.has(key):
            fields.fault(fields.place_of(key), why)
    fields.known("topic")
    return Purpose(SERVICE, None, fields.need("basis", text))


def service_lines(campaigns: Mapping[str, Campaign]) -> list[str]:
    """A line for each service campaign: for `rapport check`, so that nobody makes marketing of it unseen."""
    return [
        f"service: campaign '{one.name}' asks for no consent (basis: {one.purpose.basis})"
        for one in campaigns.values()
        if one.is_service
    ]
