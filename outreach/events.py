"""Provider events on their way into the ledger: read by the provider's own reader, written in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crm_store.consent.keys import link_keys
from crm_store.ledger.events import Provider, ProviderEvent, Told, take_events, take_up_strays
from crm_store.store import Store
from outreach.channels import sendgrid_events

BATCH = 1_000
Reader = Callable[[Iterable[Any]], tuple[list[ProviderEvent], int, list[str]]]
# Providers that tell, and how their events are read.
TELLERS: Mapping[str, tuple[Provider, Reader]] = {"sendgrid": (sendgrid_events.SENDGRID, sendgrid_events.read_events)}


@dataclass(frozen=True)
class Taken:
    """What came of a provider's events. `others`: not about mails of ours; `faults`: could not be read."""

    told: Told
    others: int
    faults: tuple[str, ...]


def take(store: Store, provider: str, raws: Iterable[Any]) -> Taken:
    """Write a provider's events, given as the JSON values it posts, into the ledger."""
    teller, read = TELLERS[provider]
    events, others, faults = read(raws)
    key = first_key(store)
    told = Told()
    for start in range(0, len(events), BATCH):
        told = told.plus(store.write(take_events, teller, events[start : start + BATCH], key))
    return Taken(told.plus(take_up(store)), others, tuple(faults))


def take_up(store: Store) -> Told:
    """Give events that were kept aside to the touches that have appeared since."""
    told, key = Told(), first_key(store)
    after: int | None = 0
    while after is not None:
        more, after = store.write(take_up_strays, key, after, BATCH)
        told = told.plus(more)
    return told


def first_key(store: Store) -> bytes:
    """The link key that touches' references are made with."""
    with store.read() as conn:
        keys = link_keys(conn)
    return keys[min(keys)]
