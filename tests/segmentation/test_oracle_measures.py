"""Events against the oracle: among, silences, usual gaps, every measure, several currencies, top and bottom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.store import Store
from tests.conftest import CASES
from tests.segmentation.oracle import Condition
from tests.segmentation.population import NOWS
from tests.segmentation.strategies_full import (
    event_base,
    from_anchors,
    full_events,
    in_gaps,
    measures_of,
)
from tests.segmentation.worlds import Worlds

nows = st.sampled_from(NOWS)
HALF = settings(max_examples=max(CASES // 2, 1))  # of each of many kinds


@pytest.fixture(scope="module")
def worlds(both_stores: Sequence[Store]) -> Worlds:
    return Worlds.full(both_stores, seed=33, count=200, zone=ZoneInfo("Europe/Berlin"))


KINDS = ("order", "visit", "signed_up")
of_kinds = st.sampled_from(KINDS)


@HALF
@given(who=of_kinds.flatmap(lambda kind: event_base([kind])), now=nows)
def test_filters(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=st.tuples(of_kinds, from_anchors), now=nows)
def test_windows_from_what_a_customer_did_or_is(worlds: Worlds, who: tuple[str, Condition], now: datetime) -> None:
    worlds.agree({"event": who[0], **who[1]}, now)


@HALF
@given(who=st.tuples(of_kinds, in_gaps), now=nows)
def test_windows_of_usual_gaps(worlds: Worlds, who: tuple[str, Condition], now: datetime) -> None:
    worlds.agree({"event": who[0], **who[1]}, now)
    worlds.agree({"event": who[0], "last": who[1]}, now)


def measured(kinds: list[str]) -> st.SearchStrategy[Condition]:
    return measures_of(kinds).map(lambda measure: {"event": kinds, **measure})


@HALF
@given(who=st.sampled_from([["order"], ["visit"], ["order", "visit"]]).flatmap(measured), now=nows)
def test_measures(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=full_events(), now=nows)
def test_events(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=full_events(ranked=True), now=nows)
def test_top_and_bottom(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)
