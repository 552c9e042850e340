"""What is known of people, against the oracle: attributes and what they were, campaigns, codes, scores, places."""

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
from tests.segmentation.strategies_facts import (
    campaigns,
    consents,
    follow_ups,
    lists,
    memberships,
    nears,
    offers,
    ranked_scores,
    samples,
    scores,
    suppressions,
)
from tests.segmentation.strategies_full import (
    all_attributes,
    histories,
    of_lists,
    of_money,
    other_histories,
    ranked_attributes,
)
from tests.segmentation.worlds import Worlds

nows = st.sampled_from(NOWS)
HALF = settings(max_examples=max(CASES // 2, 1))  # of each of many kinds


@pytest.fixture(scope="module")
def worlds(both_stores: Sequence[Store]) -> Worlds:
    return Worlds.full(both_stores, seed=34, count=200, zone=ZoneInfo("Europe/Berlin"))


@HALF
@given(who=all_attributes, now=nows)
def test_attributes(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(comparison=of_lists, now=nows)
def test_lists_of_texts(worlds: Worlds, comparison: Condition, now: datetime) -> None:
    worlds.agree({"attribute": "tags", **comparison}, now)


@HALF
@given(comparison=of_money, now=nows)
def test_money(worlds: Worlds, comparison: Condition, now: datetime) -> None:
    worlds.agree({"attribute": "budget", **comparison}, now)


@HALF
@given(who=histories(), now=nows)
def test_what_attributes_were(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=other_histories(), now=nows)
def test_what_dates_and_money_were(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=ranked_attributes | ranked_scores, now=nows)
def test_top_and_bottom(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=lists, now=nows)
def test_static_lists(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=memberships(), now=nows)
def test_followed_segments(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now, {"a": {"event": "order"}, "b": {"attribute": "vip", "is": "true"}})


@HALF
@given(who=campaigns(), now=nows)
def test_campaigns(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=offers(), now=nows)
def test_offers(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=follow_ups(), now=nows)
def test_follow_ups(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=scores(), now=nows)
def test_scores(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=consents(), now=nows)
def test_consents(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=suppressions, now=nows)
def test_suppressed_addresses(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=nears(), now=nows)
def test_near_places(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@HALF
@given(who=samples(), now=nows)
def test_samples(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)
    worlds.agree({"not": {"segment": "a"}}, now, {"a": who})
