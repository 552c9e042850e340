"""The compiler against an oracle: random segments on random people give the same keys, in both shapes, on both stores.

Every kind within every other, and segments of segments, are tried in test_oracle_everything.py.
"""

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
from tests.segmentation.strategies import attributes, conditions, events, windows
from tests.segmentation.worlds import Worlds

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Pago_Pago"))
nows = st.sampled_from(NOWS)


@pytest.fixture(scope="module")
def worlds(both_stores: Sequence[Store]) -> Worlds:
    """One crowd for the whole module."""
    return Worlds.filled(both_stores, seed=2026, count=400, zone=BERLIN)


@given(who=attributes, now=nows)
def test_attributes(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@given(who=events(), now=nows)
def test_events(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@given(who=windows, now=nows)
def test_windows(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)


@settings(max_examples=max(CASES // 5, 1))
@given(
    seed=st.integers(0, 10**9), zone=st.sampled_from(ZONES), several=st.lists(conditions, min_size=3, max_size=3), now=nows
)
def test_other_people_and_other_companies(
    more_stores: Sequence[Store], seed: int, zone: ZoneInfo, several: Sequence[Condition], now: datetime
) -> None:
    others = Worlds.filled(more_stores, seed, 12, zone)
    for who in several:
        others.agree(who, now)
