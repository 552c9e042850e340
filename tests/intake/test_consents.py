"""Consents from files: the history only grows, the state is its latest, and nobody is subscribed again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from crm_store.clock import machine_instant
from crm_store.consent.record import REFUSED, RESTRAINT, STATES
from crm_store.consent.standing import has_consent
from crm_store.intake.customers import Customers
from crm_store.intake.outcome import Outcome
from crm_store.intake.records import CustomerRecord, read_customer
from crm_store.schema import consent, consent_state, customer
from tests.intake.desk import Desk, Rows, row_counts
from tests.world import Shop

_numbers = count()
START = datetime(2026, 1, 1, tzinfo=UTC)
Said = tuple[int, str]  # day, state


def word(state: str, at: str, **more: Any) -> dict[str, Any]:
    return {"channel": "email", "topic": "offers", "state": state, "at": at, **more}


def offer(desk: Desk, *consents: dict[str, Any]) -> dict[str, Any]:
    return desk.take("customers", desk.json_lines([{"key": "c1", "consents": list(consents)}]))


def states(shop: Shop) -> Rows:
    with shop.store.read() as conn:
        columns = consent_state.c.channel, consent_state.c.topic, consent_state.c.state
        return [tuple(row) for row in conn.execute(select(*columns).order_by(*columns))]


def test_a_first_consent_counts_with_its_basis_and_source(desk: Desk) -> None:
    file = desk.json_lines([{"key": "c1", "consents": [word("given", "2026-01-31", basis="soft opt-in")]}])
    assert desk.take("customers", file, "--source", "crm")["consents"] == 1
    with desk.shop.store.read() as conn:
        row = conn.execute(select(consent)).one()
    assert (row.state, row.basis, row.source) == ("given", "soft opt-in", "crm")
    assert row.at == datetime(2026, 1, 30, 23, tzinfo=UTC)  # the day's beginning in Berlin
    assert states(desk.shop) == [("email", "offers", "given")]


def test_the_same_again_adds_nothing(desk: Desk) -> None:
    said = [word("given", "2026-01-31"), word("withdrawn", "2026-02-01")]
    assert offer(desk, *said)["consents"] == 2
    before = row_counts(desk.shop.store)
    again = offer(desk, *said, *said)
    assert (again["consents"], again["not subscribed again"], again["already there"]) == (0, 0, 1)
    assert row_counts(desk.shop.store) == before


@pytest.mark.parametrize("refusal", REFUSED)
@pytest.mark.parametrize("state", ["given", "pending"])
@pytest.mark.parametrize("at", ["2020-01-01", "2026-02-01", "2030-01-01"], ids=["before", "at the same instant", "after"])
def test_nobody_who_left_is_subscribed_again(desk: Desk, refusal: str, state: str, at: str) -> None:
    offer(desk, word("given", "2026-01-01"), word(refusal, "2026-02-01"))
    before = row_counts(desk.shop.store)
    summary = offer(desk, word(state, at))
    assert (summary["consents"], summary["not subscribed again"]) == (0, 1)
    assert row_counts(desk.shop.store) == before
    assert states(desk.shop) == [("email", "offers", refusal)]


def test_who_left_one_topic_may_join_another(desk: Desk) -> None:
    offer(desk, word("withdrawn", "2026-02-01"))
    later = word("given", "2026-02-02")
    summary = offer(desk, {**later, "topic": "news"}, {**later, "channel": "sms"})
    assert (summary["consents"], summary["not subscribed again"]) == (2, 0)
    assert states(desk.shop) == [
        ("email", "news", "given"),
        ("email", "offers", "withdrawn"),
        ("sms", "offers", "given"),
    ]


def test_a_later_line_of_the_same_file_does_not_subscribe_again_either(desk: Desk) -> None:
    words = word("withdrawn", "2026-02-01"), word("given", "2026-03-01")
    summary = desk.take("customers", desk.json_lines([{"key": "c1", "consents": [said]} for said in words]))
    assert (summary["consents"], summary["not subscribed again"]) == (1, 1)
    assert states(desk.shop) == [("email", "offers", "withdrawn")]


def test_an_old_withdrawal_does_not_undo_a_younger_consent_but_is_kept(desk: Desk) -> None:
    offer(desk, word("given", "2026-02-01"))
    assert offer(desk, word("withdrawn", "2026-01-01"))["consents"] == 1
    assert states(desk.shop) == [("email", "offers", "given")]


words = st.tuples(st.integers(0, 3), st.sampled_from(STATES))
files = st.lists(st.lists(words, min_size=1, max_size=4), min_size=1, max_size=5)


@given(files=files, day=st.integers(-1, 4), cuts=st.sets(st.integers(0, 5)))
def test_the_state_is_always_the_latest_of_the_history(
    shop: Shop, files: list[list[Said]], day: int, cuts: set[int]
) -> None:
    """Of two at one instant the more restrictive; at every `now`; however the records were cut into files."""
    key = f"c{next(_numbers)}"
    records = [_record(shop, key, said) for said in files]
    outcome = Outcome()
    for chunk in _cut(records, cuts):
        outcome.add(shop.store.write(Customers().write, chunk, "test", machine_instant()))
    history, refused = _expected(files)
    assert _history(shop, key) == history
    assert outcome.not_resubscribed == refused
    assert _state(shop, key) == max(history, key=_rank)[1]
    until_then = [said for said in history if said[0] <= day]
    given_then = bool(until_then) and max(until_then, key=_rank)[1] == "given"
    assert _has_consent(shop, key, day) is given_then


def _record(shop: Shop, key: str, said: list[Said]) -> CustomerRecord:
    consents = [word(state, (START + timedelta(days=day)).isoformat()) for day, state in said]
    return read_customer({"key": key, "consents": consents}, shop.rules)


def _cut(records: list[CustomerRecord], cuts: set[int]) -> list[list[CustomerRecord]]:
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(records)), len(records)]
    return [records[start:end] for start, end in pairwise(edges)]


def _expected(files: list[list[Said]]) -> tuple[set[Said], int]:
    """The history, and how many words were not taken: those that give after an earlier record has refused."""
    history: set[Said] = set()
    not_taken = 0
    for said in files:
        barred = any(state in REFUSED for _, state in history)
        new = [one for one in said if one not in history]
        kept = [one for one in new if not barred or one[1] in REFUSED]
        not_taken += len(new) - len(kept)
        history |= set(kept)
    return history, not_taken


def _rank(said: Said) -> tuple[int, int]:
    return said[0], RESTRAINT[said[1]]


def _history(shop: Shop, key: str) -> set[Said]:
    with shop.store.read() as conn:
        found = conn.execute(select(consent.c.at, consent.c.state).join(customer).where(customer.c.key == key))
        return {((row.at - START).days, row.state) for row in found}


def _state(shop: Shop, key: str) -> str | None:
    with shop.store.read() as conn:
        return conn.execute(select(consent_state.c.state).join(customer).where(customer.c.key == key)).scalar()


def _has_consent(shop: Shop, key: str, day: int) -> bool:
    with shop.store.read() as conn:
        given = has_consent("email", "offers", START + timedelta(days=day))
        return conn.execute(select(customer.c.id).where(customer.c.key == key, given)).first() is not None
