"""The values a mail may use: plain JSON, so that they can be kept with the touch and give the same mail again."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from crm_store.clock import local_date, only_zone_of_country, start_of_day, zone_or_none
from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Send
from crm_store.ledger.material import Material
from outreach.links import Link, Purpose, Signer
from outreach.offers.wording import benefit

CACHED = 2_000  # answers that many customers share
NAMES = ("customer", "event", "offer", "campaign", "company", "links", "locale", "zone")


@dataclass(frozen=True)
class Saying:
    """What all mails of one step have in common."""

    version: Runnable
    step: Send
    signer: Signer

    @cached_property
    def shared(self) -> dict[str, dict[str, Any]]:
        """The values that are the same in all these mails."""
        campaign, company = self.version.campaign, self.version.settings.company
        address = self.version.settings.senders[self.step.sender_of(campaign)].postal or company.address
        return {
            "campaign": {"name": campaign.name, "title": campaign.title, "topic": campaign.topic},
            "company": {"name": company.name, "address": address, "currency": company.currency},
        }

    @cached_property
    def attributes(self) -> frozenset[str]:
        """Those that the company's vocabulary declares."""
        return frozenset(one.name for one in self.version.vocabulary.attributes.values() if not one.built_in)


def context(saying: Saying, material: Material) -> dict[str, Any]:
    """The values of one mail. Every declared attribute and property is there, None where it is missing."""
    version, company = saying.version, saying.version.settings.company
    locale = locale_for(material.customer.get("locale"), company.locale)
    return {
        "customer": with_nothing(saying.attributes, material.customer),
        "event": _event(version, material),
        "offer": _offer(saying, material, locale),
        **saying.shared,
        "links": {
            "unsubscribe": _url(saying.signer, Purpose.UNSUBSCRIBE, material),
            "preferences": _url(saying.signer, Purpose.PREFERENCES, material),
        },
        "locale": locale,
        "zone": _zone(material.customer, company.zone.key),
    }


def with_nothing(declared: Set[str], values: dict[str, Any]) -> dict[str, Any]:
    """The values, with None for what is declared (`address.street` in a table `address`) and missing."""
    if values.keys() >= declared:
        return values
    result = dict(values)
    for name in declared:
        first, dot, rest = name.partition(".")
        if not dot:
            result.setdefault(name, None)
        elif isinstance(inside := result.get(first) or {}, dict):
            result[first] = with_nothing({rest}, inside)
    return result


def _event(version: Runnable, material: Material) -> dict[str, Any] | None:
    if material.event is None:
        return None
    kind = version.vocabulary.events.get(material.event["kind"])
    return with_nothing(kind.properties.keys() if kind else frozenset(), material.event)


def _offer(saying: Saying, material: Material, locale: str) -> dict[str, Any] | None:
    if material.offer is None:
        return None
    terms = saying.version.campaign.offers[material.offer["name"]]
    zone = ZoneInfo(_zone(material.customer, saying.version.settings.company.zone.key))
    until = material.offer["valid_until"]
    return {**material.offer, "valid_until": until and _last(until, zone), "benefit": benefit(terms, locale)}


@lru_cache(maxsize=CACHED)
def _last(until: str, zone: ZoneInfo) -> str:
    """The last day on which a code works that ends with a day of the customer's; else the instant at which it ends."""
    end = datetime.fromisoformat(until)
    day = local_date(end, zone)
    return (day - timedelta(days=1)).isoformat() if end == start_of_day(day, zone) else until


def _url(signer: Signer, purpose: Purpose, material: Material) -> str:
    return signer.url(Link(purpose, material.customer_id, material.touch_id))


def _zone(customer: Mapping[str, Any], company: str) -> str:
    name = customer.get("time_zone")
    return name if name and zone_or_none(name) else only_zone_of_country(customer.get("country")) or company


@lru_cache(maxsize=CACHED)
def locale_for(wanted: str | None, usual: str) -> str:
    """How dates and amounts are written: as the customer's locale does where it is of the mails' language, the company's.

    A Spanish date in an English sentence helps nobody.
    """
    from babel import Locale, UnknownLocaleError

    try:
        found = Locale.parse(wanted or usual)
    except (UnknownLocaleError, ValueError):
        return usual
    return str(found) if found.language == Locale.parse(usual).language else usual
