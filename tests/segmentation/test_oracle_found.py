"""Segments that were once answered wrongly, each the smallest of its sort, against the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from crm_store.store import Store
from tests.segmentation.oracle import Condition
from tests.segmentation.population import NOWS
from tests.segmentation.worlds import Worlds

FOUND: tuple[Condition, ...] = (
    # A value that is missing
    {"attribute": "tags", "length": {"is_not": "1"}},
    {"score": "churn", "is_set": "false"},
    {"event": "visit", "min": {"of": "items.quantity", "is_not": "1"}},
    {"event": "order", "avg": {"of": "amount", "is_not": "1 EUR"}},
    # Days that begin in the customer's zone
    {"event": "order", "before": "joined_on"},
    {"event": "signed_up", "before": "1 day after since"},
    # Nobody is ranked without an event in the window, and everybody with one, even if it has no lines
    {"event": "order", "before": "joined_on", "count": {"bottom": "1000"}},
    {"event": "signed_up", "between": ["2026-06-15 12:30", "joined_on"], "count": {"top": "5"}},
    {"event": "order", "sum": {"of": "items.quantity", "bottom": "1000"}},
    {"event": "order", "distinct": {"of": "items.product", "bottom": "17"}},
    # A currency without cents
    {"attribute": "budget", "is": "6 EUR"},
    {"event": "order", "where": {"amount": {"is": "6 EUR"}}},
    {"event": "order", "items": {"price": {"is": "3 EUR"}}},
    {"event": "order", "max": {"of": "items.amount", "at_least": "6 EUR"}},
    {"event": "order", "sum": {"of": "amount", "top": "5"}},
    # Filters that ask the customer's own date, in rows that are ordered before anybody looks at customers
    {"event": "order", "where": {"delivered_on": {"is": "2026-01-01"}}, "after_silence": "0 days", "is": "2026-01-01",
     "count": {"is": "0"}},
    {"event": "order", "where": {"delivered_on": {"before": "2026-06-15"}}, "after_silence": "1 day",
     "count": {"top": "3"}},
    {"event": "order", "among": {"last": "2", "where": {"delivered_on": {"since": "2026-01-01"}}}, "count": {"top": "3"}},
    {"event": "order", "where": {"delivered_on": {"in_last": "30 days"}}, "count": {"bottom": "5"}},
    {"event": "order", "where": {"delivered_on": {"is": "2026-01-01"}}, "among": "first 1", "in_last": "1 usual gap",
     "count": {"top": "1"}},
)  # fmt: skip


@pytest.fixture(scope="module")
def worlds(both_stores: Sequence[Store]) -> Worlds:
    return Worlds.full(both_stores, seed=1, count=150, zone=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize("now", NOWS, ids=str)
@pytest.mark.parametrize("who", FOUND, ids=str)
def test_what_was_wrong_once_is_right(worlds: Worlds, who: Condition, now: datetime) -> None:
    worlds.agree(who, now)
