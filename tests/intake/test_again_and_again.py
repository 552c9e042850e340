"""Importing is idempotent: the same records, in any order, cut anywhere, any number of times, give the same store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crm_store.clock import machine_instant
from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.importing import Intake
from crm_store.intake.outcome import Outcome
from tests.intake.desk import holdings, recount, tallies
from tests.world import Shop

_numbers = count()
START = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = ("a", "b", "c")
Raw = dict[str, Any]

instants = st.integers(0, 50).map(lambda hours: (START + timedelta(hours=hours)).isoformat())
amounts = st.one_of(st.none(), st.integers(-100, 10_000).map(lambda minor: f"{minor / 100:.2f}"))
items = st.lists(
    st.fixed_dictionaries({"product": st.sampled_from("xyz")}, optional={"quantity": st.integers(0, 3), "amount": amounts}),
    max_size=3,
)
events = st.lists(
    st.fixed_dictionaries(
        {"customer": st.sampled_from(KEYS), "event": st.sampled_from(["order", "seen"]), "at": instants, "amount": amounts},
        optional={
            "id": st.integers(1, 6).map(str),
            "currency": st.sampled_from(["USD", "EUR"]),
            "items": items,
            "properties": st.fixed_dictionaries({"store": st.sampled_from("12"), "odd": st.sampled_from([0.1, 1.0, 2])}),
        },
    ),
    max_size=12,
)
consents = st.lists(
    st.fixed_dictionaries(
        {
            "channel": st.just("email"),
            "topic": st.sampled_from(["offers", "news"]),
            "state": st.sampled_from(["given", "pending", "withdrawn", "lapsed"]),
            "at": instants,
        }
    ),
    max_size=4,
)
details = st.fixed_dictionaries(
    {},
    optional={
        "city": st.sampled_from(["Bonn", None]),
        "time_zone": st.sampled_from(["Europe/Berlin", "Gotham"]),
        "attributes": st.fixed_dictionaries({"points": st.integers(0, 9), "share": st.sampled_from([0.1, 0.7])}),
        "consents": consents,
    },
)
orders = st.randoms(use_true_random=False)


def one_word_an_id(drawn: list[Raw]) -> list[Raw]:
    """The events without those that give an id another meaning: of two such, whichever comes first is the one."""
    first: dict[Any, Raw] = {}
    return [one for one in drawn if "id" not in one or first.setdefault(one["id"], one) == one]


@given(events=events.map(one_word_an_id), shuffle=orders, chunk=st.integers(1, 13))
def test_events_in_any_order_and_any_chunks(shop: Shop, events: list[Raw], shuffle: Any, chunk: int) -> None:
    ones, others = f"{next(_numbers)}-", f"{next(_numbers)}-"
    for prefix in (ones, others):
        take(shop, Customers(), [{"key": prefix + key} for key in KEYS], prefix, 100)
    once = take(shop, Events(), of(ones, events), ones, 100)
    shuffled = events + events
    shuffle.shuffle(shuffled)
    twice = take(shop, Events(), of(others, shuffled), others, chunk)
    assert holdings(shop.store, ones) == holdings(shop.store, others)
    assert (once.new, once.items) == (twice.new, twice.items)
    assert twice.unchanged == len(shuffled) - twice.new
    assert tallies(shop.store) == recount(shop.store)
    again = take(shop, Events(), of(others, shuffled), others, 100)
    assert (again.new, again.items, again.unchanged) == (0, 0, len(shuffled))


@given(people=st.dictionaries(st.sampled_from(KEYS), details), shuffle=orders, chunk=st.integers(1, 7))
def test_customers_in_any_order_and_any_chunks(shop: Shop, people: dict[str, Raw], shuffle: Any, chunk: int) -> None:
    ones, others = f"{next(_numbers)}-", f"{next(_numbers)}-"
    records = [{"key": key, **said} for key, said in people.items()]
    once = take(shop, Customers(), of(ones, records), ones, 100)
    shuffled = records + records
    shuffle.shuffle(shuffled)
    twice = take(shop, Customers(), of(others, shuffled), others, chunk)
    assert holdings(shop.store, ones) == holdings(shop.store, others)
    assert (once.new, twice.new) == (len(records), len(records))
    assert (twice.changed, twice.unchanged, twice.consents) == (0, len(records), once.consents)


def of(prefix: str, records: list[Raw]) -> list[Raw]:
    """The records, about customers whose keys begin so."""
    return [{**one, **{name: prefix + one[name] for name in ("key", "customer") if name in one}} for one in records]


def take(shop: Shop, intake: Intake[Any], records: Sequence[Raw], source: str, chunk: int) -> Outcome:
    """Write the records, so many in a transaction."""
    read = [intake.read(one, shop.rules) for one in records]
    total = Outcome()
    for start in range(0, len(read), chunk):
        total.add(shop.store.write(intake.write, read[start : start + chunk], source, machine_instant()))
    return total
