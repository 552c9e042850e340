"""Laws of what segments say: order means nothing, the future neither, and halves make a whole.

Complement, De Morgan and `any` of one are tried over all kinds of conditions in test_oracle_laws.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.store import Store
from tests.segmentation.oracle import Condition
from tests.segmentation.population import NOWS
from tests.segmentation.strategies import attributes, conditions, events, leaves
from tests.segmentation.worlds import Worlds

EVERYBODY = {"attribute": "key", "is_set": "true"}
nows = st.sampled_from(NOWS)
several = st.lists(leaves, min_size=1, max_size=3)


@pytest.fixture(scope="module")
def worlds(both_stores: Sequence[Store]) -> Worlds:
    return Worlds.filled(both_stores, seed=7, count=60, zone=ZoneInfo("Europe/Berlin"))


@given(who=conditions, now=nows, seed=st.integers(0, 1000))
def test_the_order_of_keys_and_items_means_nothing(worlds: Worlds, who: Condition, now: datetime, seed: int) -> None:
    assert worlds.members(shuffled(who, Random(seed)), now) == worlds.members(who, now)


def shuffled(value: Any, rng: Random) -> Any:
    """The same, with every mapping and every list that is no pair of ends in another order."""
    if isinstance(value, dict):
        items = [(key, other if key == "between" else shuffled(other, rng)) for key, other in value.items()]
        return dict(rng.sample(items, len(items)))
    if isinstance(value, list):
        return [shuffled(other, rng) for other in rng.sample(value, len(value))]
    return value


@given(who=events(), now=nows)
def test_what_happens_later_changes_nothing(worlds: Worlds, who: Condition, now: datetime) -> None:
    """Asked for all of time up to now, an event condition is what it is without a window."""
    windows = {"is", "before", "since", "between", "in_last", "in_next", "during"}
    bare = {key: value for key, value in who.items() if key not in windows}
    assert worlds.members({**bare, "since": "1500-01-01"}, now) == worlds.members(bare, now)


@given(who=attributes, now=nows)
def test_before_and_since_divide_those_with_a_value(worlds: Worlds, who: Condition, now: datetime) -> None:
    if "before" in who:
        since = {"attribute": who["attribute"], "since": who["before"]}
        both = worlds.members(who, now) + worlds.members(since, now)
        assert sorted(both) == worlds.members({"attribute": who["attribute"], "is_set": "true"}, now)
