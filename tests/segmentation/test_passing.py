"""Of whomever a condition says something else at a later instant, it has said that it may: no one is forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from crm_store.segmentation.compile import scope_of, select_ids
from crm_store.segmentation.conditions import KINDS
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.passing import Anybody, Moved, Passing
from crm_store.store import Store
from tests.conftest import CASES
from tests.segmentation.oracle import Condition as Said
from tests.segmentation.population import NOWS
from tests.segmentation.strategies_facts import full_with_segments
from tests.segmentation.worlds import Worlds

BERLIN = ZoneInfo("Europe/Berlin")
OTHERS: dict[str, Said] = {"a": {"event": "order"}, "b": {"event": "visit"}}
SPANS = (timedelta(0), timedelta(microseconds=1), timedelta(hours=3), timedelta(days=1), timedelta(days=40))
before = st.builds(lambda now, span: now - span, st.sampled_from(NOWS), st.sampled_from(SPANS))
# One of each way in which time can matter.
BY_TIME: Mapping[str, Said] = {
    "facts ahead": {"event": "order"},
    "a window": {"event": "order", "in_last": "30 days"},
    "a date": {"attribute": "birthday", "anniversary": {"in_next": "7 days"}},
    "consent": {"consent": {"channel": "email", "topic": "offers"}, "in_last": "30 days"},
}


@pytest.fixture(scope="module")
def worlds(both_stores: Sequence[Store]) -> Worlds:
    return Worlds.full(both_stores, seed=37, count=150, zone=BERLIN)


def changed_and_told(
    worlds: Worlds, store: Store, who: Said, nows: tuple[datetime, datetime]
) -> tuple[set[int], set[int] | None]:
    """Who is in it at one of the instants only, and whom it may concern as the condition says (None: anybody)."""
    segments = worlds.read({"x": who, **OTHERS})
    condition = segments["x"].who
    with store.read() as conn:
        first, last = (scope_of(conn, now, BERLIN, segments) for now in nows)
        moved = condition.moved(Passing(first, last))
        members = [set(conn.execute(select_ids(condition, scope)).scalars()) for scope in (first, last)]
        told = _told(conn, moved)
    return members[0] ^ members[1], told


def _told(conn: Connection, moved: Moved) -> set[int] | None:
    selects = moved.unless_none if isinstance(moved, Anybody) else moved or []
    found = {one for chosen in selects for one in conn.execute(chosen).scalars()}
    return None if moved is None or (isinstance(moved, Anybody) and found) else found


@settings(max_examples=CASES * 3)
@given(who=full_with_segments, first=before, last=st.sampled_from(NOWS))
def test_nobody_is_forgotten(worlds: Worlds, who: Said, first: datetime, last: datetime) -> None:
    for store in worlds.stores:
        changed, told = changed_and_told(worlds, store, who, (min(first, last), max(first, last)))
        event(f"told: {told is not None}, changed: {bool(changed)}")
        assert told is None or changed <= told


@pytest.mark.parametrize("name", BY_TIME)
def test_time_matters_here_and_it_is_not_everybody(worlds: Worlds, name: str) -> None:
    for store in worlds.stores:
        now = NOWS[0]
        changed, told = changed_and_told(worlds, store, BY_TIME[name], (now - timedelta(days=2), now))
        assert changed
        assert told is not None
        assert len(told) < len(worlds.oracle.people) / 2


@pytest.mark.parametrize(
    "who", [{"attribute": "country", "is": "DE"}, {"list": "vips"}, {"sample": "10 %", "salt": "x"}], ids=str
)
def test_where_time_does_not_matter_nobody_is_looked_at(worlds: Worlds, who: Said) -> None:
    for store in worlds.stores:
        assert changed_and_told(worlds, store, who, (NOWS[0] - timedelta(days=400), NOWS[0]))[1] == set()


def test_what_follows_from_others_may_concern_anybody_but_not_for_nothing(worlds: Worlds) -> None:
    ranked: Said = {"event": "order", "in_last": "30 days", "count": {"top": "10"}}
    for who in (ranked, {"not": ranked}, {"all": [{"event": "order"}, ranked]}):
        assert changed_and_told(worlds, worlds.stores[0], who, (NOWS[0] - timedelta(days=20), NOWS[0]))[1] is None
        assert changed_and_told(worlds, worlds.stores[0], who, (NOWS[0], NOWS[0]))[1] == set()


def test_every_kind_has_been_thought_of() -> None:
    """Those that say nothing of it take `moved` from the base: everybody is looked at anew."""
    anew = {one.kind for one in KINDS if one.moved is Condition.moved}
    assert anew <= {"message", "campaign", "offer", "follow_up", "score"}
