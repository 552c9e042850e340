"""Chains of events against the oracle: one after the other, in time, alike, and nothing between them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.store import Store
from tests.segmentation.oracle import Condition
from tests.segmentation.population import NOWS
from tests.segmentation.strategies_full import sequences
from tests.segmentation.worlds import Worlds

nows = st.sampled_from(NOWS)


@pytest.fixture(scope="module")
def worlds(both_stores: Sequence[Store]) -> Worlds:
    return Worlds.full(both_stores, seed=32, count=250, zone=ZoneInfo("Europe/Berlin"))


@given(who=sequences(), now=nows)
def test_sequences(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)
