"""Segments that are followed: what was written and what the clock has passed is looked at again, and nothing is missed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from crm_store.changes import marks
from crm_store.clock import machine_instant
from crm_store.consent.record import ConsentFact, SuppressionFact, record_consents, suppress
from crm_store.schema import METADATA, customer, followed_segment, list_member, segment_member, static_list
from crm_store.segmentation import membership
from crm_store.segmentation.compile import scope_of, select_ids
from crm_store.segmentation.membership import Following, refresh
from crm_store.segmentation.segment import Segment
from crm_store.store import Store
from tests.conftest import CASES
from tests.segmentation.asking import Audience
from tests.world import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PEOPLE = ("ann", "bob", "cleo", "dora")
# What is written, what time passes over, both; with its exact rest beside it; what can only be looked at anew.
FOLLOWED: Mapping[str, str] = {
    "ordered": "event: order",
    "not-lately": "not: {event: order, in_last: 2 days}",
    "often": "event: order, in_last: 3 days, count: {at_least: 2}",
    "big": "event: order, during: today, sum: {of: amount, at_least: 100 EUR}",
    "last-lately": "event: order, last: {in_last: 36 hours}",
    "new-then": "event: order, first: {before: 2 days ago}",
    "regular": "event: order, regular: {at_least: 2, of_last: 4 days}",
    "after-visit": "sequence: [{event: signed_up}, {event: order, within: 1 day}], in_last: 5 days",
    "gold": "attribute: tier, is: gold",
    "gold-long": "attribute: tier, is: gold, for: {at_least: 2 days}",
    "tier-new": "attribute: tier, changed: {in_last: 1 day}",
    "birthday": "attribute: birthday, anniversary: {in_next: 2 days}",
    "age": "attribute: age, at_least: 30",
    "joined": "attribute: joined_on, in_last: 3 days",
    "since": "event: order, since: joined_on",
    "said-yes": "consent: {channel: email, topic: offers}, in_last: 2 days",
    "reachable": "reachable: {channel: email, topic: offers}",
    "barred": "suppressed: {channel: email}",
    "best": "event: order, count: {top: 1}",
    "best-lately": "event: order, in_last: 3 days, count: {top: 1}",
    "oldest": "attribute: age, top: 1",
    "not-best": "all: [{attribute: tier, is: gold}, {not: {event: order, in_last: 2 days, sum: {of: amount, top: 1}}}]",
    "both": "all: [{segment: gold}, {any: [{event: signed_up, in_last: 1 day}, {segment: often}]}]",
}
_ids = count()


@pytest.fixture
def people(audience: Audience) -> Audience:
    """Nobody is in the store yet."""
    audience.shop.store.write(_empty)
    return audience


def _empty(conn: Any) -> None:
    for table in reversed(METADATA.sorted_tables):
        conn.execute(delete(table))


def follow(people: Audience, conditions: Mapping[str, str], at_start: bool = False) -> list[Following]:
    segments = people.read(conditions)
    return [Following(name, segments, people.workspace.settings.company.zone, at_start) for name in sorted(segments)]


def members(store: Store, name: str) -> set[int]:
    inside = segment_member.c.segment == name, segment_member.c.left_at.is_(None)
    with store.read() as conn:
        return set(conn.execute(select(segment_member.c.customer_id).where(*inside)).scalars())


def found(people: Audience, segments: Mapping[str, Segment], name: str, now: datetime) -> set[int]:
    with people.shop.store.read() as conn:
        scope = scope_of(conn, now, people.workspace.settings.company.zone, segments)
        return set(conn.execute(select_ids(segments[name].who, scope)).scalars())


def order(people: Audience, whom: str, at: datetime, kind: str = "order") -> None:
    said = {"customer": whom, "event": kind, "at": at.isoformat(), "id": str(next(_ids))}
    amount = {"amount": 60, "currency": "EUR"} if kind == "order" else {}
    people.fill([], [{**said, **amount}])


def consent(people: Audience, whom: str, at: datetime, state: str) -> None:
    people.shop.store.write(record_consents, [ConsentFact(number(people, whom), "email", "offers", state, at, "test")], at)


def number(people: Audience, key: str) -> int:
    with people.shop.store.read() as conn:
        return int(conn.execute(select(customer.c.id).where(customer.c.key == key)).scalar_one())


def known(people: Audience, whom: str, **values: Any) -> None:
    people.fill([{"key": whom, "email": f"{whom}@example.com", **values}])


def bar(people: Audience, whom: str, at: datetime) -> None:
    people.shop.store.write(suppress, [SuppressionFact("email", f"{whom}@example.com", "complaint", "test", at)])


whom, hours = st.sampled_from(PEOPLE), st.integers(-120, 60)
# (what, to whom, so many hours from the instant of the next refresh, a word)
deeds = st.one_of(
    st.tuples(st.just("order"), whom, hours, st.sampled_from(["order", "signed_up"])),
    st.tuples(st.just("consent"), whom, hours, st.sampled_from(["given", "withdrawn"])),
    st.tuples(st.just("tier"), whom, st.just(0), st.sampled_from(["gold", "silver"])),
    st.tuples(st.just("bar"), whom, hours, st.just("")),
    st.tuples(st.just("born"), whom, st.just(0), st.sampled_from(["1990-06-15", "1996-06-17", "2000-06-18"])),
    st.tuples(st.just("joined"), whom, st.just(0), st.sampled_from(["2026-06-12", "2026-06-15", "2026-06-16"])),
)
DEEDS: Mapping[str, Callable[[Audience, str, datetime, str], None]] = {
    "order": order,
    "consent": consent,
    "tier": lambda people, whom, at, word: known(people, whom, attributes={"tier": word}),
    "bar": lambda people, whom, at, word: bar(people, whom, at),
    "born": lambda people, whom, at, word: known(people, whom, birthday=word),
    "joined": lambda people, whom, at, word: known(people, whom, joined_on=word),
}
steps = st.lists(st.tuples(st.lists(deeds, max_size=4), st.sampled_from([0, 1, 7, 24, 60])), min_size=1, max_size=5)


@settings(max_examples=max(CASES // 2, 1))
@given(steps=steps)
def test_what_has_changed_is_enough(people: Audience, steps: Sequence[tuple[Sequence[Any], int]]) -> None:
    """After any deeds and any time, the members are those whom a look at everybody would find."""
    people.shop.store.write(_empty)
    for whom in PEOPLE:
        known(people, whom, attributes={"tier": "silver"}, time_zone="Pacific/Auckland" if whom == "bob" else None)
    followed, now = follow(people, FOLLOWED), NOON
    refresh(people.shop.store, followed, now)
    for done, hours in steps:
        now += hours * HOUR
        for what, whom, distance, word in done:
            DEEDS[what](people, whom, now + distance * HOUR, word)
        refresh(people.shop.store, followed, now)
        for one in followed:
            assert members(people.shop.store, one.name) == found(people, one.segments, one.name, now), one.name
    with people.shop.store.read() as conn:
        assert not marks(conn).customers


def spoil(people: Audience, name: str, whom: str) -> None:
    """Somebody is a member who should not be: a look at everybody would put it right."""
    values = {"segment": name, "customer_id": number(people, whom), "n": 1, "entered_at": NOON, "at_start": False}
    people.shop.store.write(lambda conn: conn.execute(insert(segment_member).values(values)))


def many(people: Audience) -> None:
    """So many that four of them are few."""
    people.fill([{"key": whom} for whom in PEOPLE] + [{"key": f"c{number}"} for number in range(60)])


def is_mended(people: Audience, name: str, whom: str) -> bool:
    return number(people, whom) not in members(people.shop.store, name)


def test_only_those_whom_it_may_concern_are_looked_at(people: Audience) -> None:
    many(people)
    followed = follow(people, {"ordered": FOLLOWED["ordered"], "lately": "event: order, in_last: 2 days"})
    refresh(people.shop.store, followed, NOON)
    for name in ("ordered", "lately"):
        spoil(people, name, "ann")
        spoil(people, name, "bob")
    order(people, "bob", NOON - 4 * DAY)
    refresh(people.shop.store, followed, NOON + HOUR)
    assert not is_mended(people, "lately", "ann")  # nothing was written about her
    assert is_mended(people, "lately", "bob")
    assert not is_mended(people, "ordered", "bob")  # he has ordered indeed


def test_rankings_are_looked_at_when_anything_may_have_changed_them(people: Audience) -> None:
    many(people)
    store, followed = people.shop.store, follow(people, {"best": "event: order, in_last: 2 days, count: {top: 1}"})
    order(people, "ann", NOON - DAY)
    refresh(store, followed, NOON)
    spoil(people, "best", "cleo")
    refresh(store, followed, NOON + HOUR)
    assert not is_mended(people, "best", "cleo")  # nothing was written, and no order has left the window
    order(people, "bob", NOON - 4 * DAY)
    refresh(store, followed, NOON + HOUR)
    assert is_mended(people, "best", "cleo")
    spoil(people, "best", "dora")
    refresh(store, followed, NOON + 2 * DAY)
    assert is_mended(people, "best", "dora")
    assert is_mended(people, "best", "ann")  # her order is too long ago by now


@pytest.mark.parametrize(
    "why", ["another meaning", "an earlier now", "long unfollowed", "most have changed", "another list"]
)
def test_where_that_can_t_be_told_everybody_is_looked_at(people: Audience, why: str) -> None:
    many(people)
    store, now = people.shop.store, NOON + HOUR
    store.write(_lists, 1)
    said = {"x": "any: [{event: order}, {list: fair}]"}
    refresh(store, follow(people, said), NOON)
    spoil(people, "x", "ann")
    if why == "another meaning":
        said = {"x": "any: [{event: signed_up}, {list: fair}]"}
    elif why == "an earlier now":
        now = NOON - HOUR
    elif why == "long unfollowed":
        refresh(store, [], NOON)
    elif why == "most have changed":
        people.fill([{"key": f"c{number}", "country": "DE"} for number in range(60)])
    else:
        store.write(_lists, 2)
    refresh(store, follow(people, said), now)
    assert is_mended(people, "x", "ann")


def _lists(conn: Any, number: int) -> None:
    conn.execute(delete(static_list))
    conn.execute(insert(static_list).values(id=number, name="fair", source="test", imported_at=NOON))


def test_a_list_that_was_imported_again_counts_at_once(people: Audience) -> None:
    many(people)
    store = people.shop.store
    store.write(_lists, 1)
    followed = follow(people, {"x": "list: fair"})
    refresh(store, followed, NOON)
    store.write(_lists, 2)
    store.write(lambda conn: conn.execute(insert(list_member).values(list_id=2, customer_id=number(people, "ann"))))
    assert refresh(store, followed, NOON) == 1
    assert members(store, "x") == {number(people, "ann")}


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> None:
    """That happens once, while the next refresh is at work: after it has looked, before it writes."""
    differences = membership._differences

    def slow(*args: Any) -> Any:
        seen = differences(*args)
        monkeypatch.setattr(membership, "_differences", differences)
        what()
        return seen

    monkeypatch.setattr(membership, "_differences", slow)


def test_a_slow_refresh_writes_nothing_once_another_has_begun(people: Audience, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it found may be out of date; and its marks stay for the later one."""
    many(people)
    store, followed = people.shop.store, follow(people, {"x": "event: order"})
    refresh(store, followed, NOON)
    order(people, "ann", NOON)
    another = update(followed_segment).values(turn=followed_segment.c.turn + 1)
    meanwhile(monkeypatch, lambda: store.write(lambda conn: conn.execute(another)))
    assert refresh(store, followed, NOON) == 0
    assert members(store, "x") == set()
    assert refresh(store, followed, NOON) == 1
    assert members(store, "x") == {number(people, "ann")}


def test_who_is_marked_while_a_refresh_is_at_work_stays_marked(people: Audience, monkeypatch: pytest.MonkeyPatch) -> None:
    many(people)
    store, followed = people.shop.store, follow(people, {"x": "event: order, count: {at_least: 2}"})
    refresh(store, followed, NOON)
    order(people, "ann", NOON)
    meanwhile(monkeypatch, lambda: order(people, "ann", NOON))
    assert refresh(store, followed, NOON) == 0
    assert refresh(store, followed, NOON) == 1


def test_entries_are_counted_and_their_instants_kept(people: Audience) -> None:
    known(people, "ann", attributes={"tier": "gold"})
    (gold,) = follow(people, {"gold": "attribute: tier, is: gold"}, at_start=True)
    store = people.shop.store
    refresh(store, [gold], NOON)
    known(people, "ann", attributes={"tier": "silver"})
    refresh(store, [replace(gold, at_start=False)], NOON + DAY)
    known(people, "ann", attributes={"tier": "gold"})
    refresh(store, [replace(gold, at_start=False)], NOON + 2 * DAY)
    columns = segment_member.c.n, segment_member.c.entered_at, segment_member.c.left_at, segment_member.c.at_start
    with store.read() as conn:
        rows = conn.execute(select(*columns).order_by(segment_member.c.n)).all()
    assert [tuple(row) for row in rows] == [(1, NOON, NOON + DAY, True), (2, NOON + 2 * DAY, None, False)]


def test_it_goes_by_slices(people: Audience, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "SLICE", 7)
    many(people)
    (everybody,) = follow(people, {"x": "not: {event: order}"})
    assert refresh(people.shop.store, [everybody], machine_instant()) == 64
    for whom in ("ann", "bob"):
        order(people, whom, NOON)
    assert refresh(people.shop.store, [everybody], machine_instant()) == 2
    assert len(members(people.shop.store, "x")) == 62
