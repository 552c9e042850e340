"""Messages against the oracle: what was sent, and what became of it."""

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
from tests.segmentation.strategies_facts import messages
from tests.segmentation.worlds import Worlds

nows = st.sampled_from(NOWS)


@pytest.fixture(scope="module")
def worlds(both_stores: Sequence[Store]) -> Worlds:
    return Worlds.full(both_stores, seed=31, count=150, zone=ZoneInfo("Europe/Berlin"))


@given(who=messages(), now=nows)
def test_messages(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)
