"""Every kind of condition within every other, against the oracle; and other people of other companies."""

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
from tests.segmentation.strategies_facts import everything, full_conditions, full_with_segments
from tests.segmentation.worlds import Worlds

ZONES = tuple(ZoneInfo(name) for name in ("America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"))
OTHERS: dict[str, Condition] = {"a": {"event": "order"}, "b": {"event": "visit"}}
nows = st.sampled_from(NOWS)


@pytest.fixture(scope="module")
def worlds(both_stores: Sequence[Store]) -> Worlds:
    return Worlds.full(both_stores, seed=36, count=150, zone=ZoneInfo("Europe/Berlin"))


@given(who=full_conditions, now=nows)
def test_conditions_within_each_other(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now, OTHERS)


@given(who=full_with_segments, a=everything, b=full_conditions, now=nows)
def test_segments_of_segments(worlds: Worlds, who: Condition, a: Condition, b: Condition, now: datetime) -> None:
    worlds.agree(who, now, {"a": a, "b": b})


@settings(max_examples=max(CASES // 10, 1))
@given(
    seed=st.integers(0, 10**9), zone=st.sampled_from(ZONES), several=st.lists(everything, min_size=5, max_size=5), now=nows
)
def test_other_people_and_other_companies(
    more_stores: Sequence[Store], seed: int, zone: ZoneInfo, several: Sequence[Condition], now: datetime
) -> None:
    others = Worlds.full(more_stores, seed, 12, zone)
    for who in several:
        others.agree(who, now, OTHERS)


@pytest.mark.long
@settings(max_examples=CASES * 200)
@given(who=full_with_segments, a=everything, b=full_conditions, now=nows)
def test_ten_thousand_segments(worlds: Worlds, who: Condition, a: Condition, b: Condition, now: datetime) -> None:
    worlds.agree(who, now, {"a": a, "b": b})
