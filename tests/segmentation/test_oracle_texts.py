"""Texts against the oracle: patterns, and letters whose case is ignored, on both databases alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.store import Store
from tests.segmentation.oracle import Condition
from tests.segmentation.oracle_patterns import fold, found_in
from tests.segmentation.population import NOWS
from tests.segmentation.strategies_texts import any_text, matching, odd_texts, patterns
from tests.segmentation.worlds import Worlds

nows = st.sampled_from(NOWS)


@pytest.fixture(scope="module")
def worlds(both_stores: Sequence[Store]) -> Worlds:
    return Worlds.full(both_stores, seed=35, count=300, zone=ZoneInfo("Europe/Berlin"))


names = st.sampled_from(["note", "city", "address.street", "country"])


@given(name=names, comparison=matching, now=nows)
def test_patterns(worlds: Worlds, name: str, comparison: Condition, now: datetime) -> None:
    worlds.agree({"attribute": name, **comparison}, now)


@given(comparison=matching, now=nows)
def test_patterns_of_events(worlds: Worlds, comparison: Condition, now: datetime) -> None:
    worlds.agree({"event": "order", "where": {"store": comparison}}, now)


@given(name=names, comparison=any_text, now=nows)
def test_texts_with_and_without_regard_to_case(worlds: Worlds, name: str, comparison: Condition, now: datetime) -> None:
    worlds.agree({"attribute": name, **comparison}, now)


@given(text=odd_texts, now=nows)
def test_every_text_is_itself_whatever_its_case(worlds: Worlds, text: str, now: datetime) -> None:
    worlds.agree({"attribute": "note", "is": text, "ignoring": "case"}, now)
    worlds.agree({"attribute": "note", "in": [text, text.swapcase()], "ignoring": "case"}, now)


@pytest.mark.parametrize("folded", [False, True])
def test_ten_thousand_names(worlds: Worlds, folded: bool) -> None:
    case = {"ignoring": "case"} if folded else {}
    some = [person.key.upper() if folded else person.key for person in worlds.oracle.people[::3]]
    many = [*(f"nobody {number}" for number in range(10_000 - len(some))), *some]
    for word in ("in", "not_in"):
        worlds.agree({"attribute": "key", word: many, **case}, NOWS[0])
        worlds.agree({"event": "order", "where": {"store": {word: [*many, "a", "NO", "ſ"], **case}}}, NOWS[0])


def test_ten_thousand_numbers_and_members_of_a_list(worlds: Worlds) -> None:
    numbers = [str(number) for number in range(10_000)]
    worlds.agree({"attribute": "points", "in": numbers}, NOWS[0])
    worlds.agree({"attribute": "tags", "includes_any": [*numbers, "a"]}, NOWS[0])
    worlds.agree({"attribute": "tags", "includes_all": numbers}, NOWS[0])


# The oracle itself


@given(pattern=patterns, text=odd_texts | st.text("aAbksſ1_ -\n", max_size=8))
def test_the_oracle_finds_what_python_finds(pattern: str, text: str) -> None:
    end_of_text = re.sub(
        r"\\.|\[(?:\\.|[^\\\]])*\]|\$", lambda one: r"\Z" if one[0] == "$" else one[0], pattern, flags=re.DOTALL
    )
    assert found_in(pattern, text, folded=False) == bool(re.search(end_of_text, text, re.ASCII | re.DOTALL))


def test_one_letter_is_folded_to_one() -> None:
    assert fold("ẞßSſKΣςΩİŉﬁǅᾳᎠ") == "ßßsskσσωİŉﬁǆᾳᎠ"
