"""Laws that every kind of condition obeys: complement, De Morgan, order; and what samples, top and bottom promise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from math import ceil, sqrt
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.store import Store
from tests.conftest import CASES
from tests.segmentation.asking import Audience
from tests.segmentation.oracle import Condition
from tests.segmentation.oracle_events import MEASURES
from tests.segmentation.population import NOWS
from tests.segmentation.strategies_facts import everything, full_conditions, ranked
from tests.segmentation.worlds import Worlds

EVERYBODY = {"attribute": "key", "is_set": "true"}
OTHERS: dict[str, Condition] = {"a": {"event": "order"}, "b": {"attribute": "vip", "is": "true"}}
IN_ORDER = ("between", "sequence")
MANY = 3000
FEWER = settings(max_examples=max(CASES // 4, 1))  # each case asks many times
nows = st.sampled_from(NOWS)
sizes = st.sampled_from(["1", "2", "5", "17", "30", "1000"])
percents = st.sampled_from(["10 %", "33.3 %", "50 %", "0.5 %", "100 %"])


@pytest.fixture(scope="module")
def worlds(both_stores: Sequence[Store]) -> Worlds:
    return Worlds.full(both_stores, seed=37, count=60, zone=ZoneInfo("Europe/Berlin"))


@FEWER
@given(who=full_conditions, now=nows)
def test_not_is_the_exact_complement(worlds: Worlds, who: Condition, now: datetime) -> None:
    inside, outside = worlds.members(who, now, OTHERS), worlds.members({"not": who}, now, OTHERS)
    assert sorted(inside + outside) == worlds.members(EVERYBODY, now)


@FEWER
@given(parts=st.lists(everything, min_size=1, max_size=3), now=nows)
def test_not_any_is_all_of_nots_and_not_all_is_any_of_nots(
    worlds: Worlds, parts: Sequence[Condition], now: datetime
) -> None:
    nots = [{"not": part} for part in parts]
    for one, other in (("any", "all"), ("all", "any")):
        assert worlds.members({"not": {one: parts}}, now, OTHERS) == worlds.members({other: nots}, now, OTHERS)


@FEWER
@given(who=everything, now=nows)
def test_any_and_all_of_one_are_that_one(worlds: Worlds, who: Condition, now: datetime) -> None:
    alone = worlds.members(who, now, OTHERS)
    for same in ({"any": [who]}, {"all": [who]}, {"all": [who, who]}, {"not": {"not": who}}):
        assert worlds.members(same, now, OTHERS) == alone


@FEWER
@given(who=full_conditions, now=nows, seed=st.integers(0, 1000))
def test_the_order_of_keys_and_items_means_nothing(worlds: Worlds, who: Condition, now: datetime, seed: int) -> None:
    assert worlds.members(shuffled(who, Random(seed)), now, OTHERS) == worlds.members(who, now, OTHERS)


def shuffled(value: Any, rng: Random) -> Any:
    """The same, with every mapping, and every list whose order says nothing, in another order."""
    if isinstance(value, dict):
        items = [(key, in_order(other, rng) if key in IN_ORDER else shuffled(other, rng)) for key, other in value.items()]
        return dict(rng.sample(items, len(items)))
    if isinstance(value, list):
        return [shuffled(other, rng) for other in rng.sample(value, len(value))]
    return value


def in_order(parts: Sequence[Any], rng: Random) -> list[Any]:
    return [shuffled(part, rng) for part in parts]


# Top and bottom


def with_rank(who: Condition, rank: Condition) -> Condition:
    """The same ranked condition with another rank."""
    plain = {word: operand for word, operand in who.items() if word not in ("top", "bottom", "tie")}
    measure = next((word for word in MEASURES if word in plain), None)
    if measure is None:
        return {**plain, **rank}
    of = {"of": plain[measure]["of"]} if "of" in plain[measure] else {}
    return {**plain, measure: {**of, **rank}}


@FEWER
@given(who=ranked, size=sizes, now=nows)
def test_top_has_so_many_or_all_who_have_a_value(worlds: Worlds, who: Condition, size: str, now: datetime) -> None:
    valued = worlds.members(with_rank(who, {"top": "1000000"}), now)
    top = worlds.members(with_rank(who, {"top": size}), now)
    assert len(top) == min(int(size), len(valued))
    assert set(top) <= set(valued)


@FEWER
@given(who=ranked, size=sizes, now=nows)
def test_top_and_bottom_divide_those_who_have_a_value(worlds: Worlds, who: Condition, size: str, now: datetime) -> None:
    """Where nobody outside has the value of the last one inside: otherwise both prefer the lower key."""
    valued = worlds.members(with_rank(who, {"top": "1000000"}), now)
    assert worlds.members(with_rank(who, {"bottom": "100 %"}), now) == valued
    tied = worlds.members(with_rank(who, {"top": size, "tie": "all"}), now)
    top = worlds.members(with_rank(who, {"top": size}), now)
    assert set(top) <= set(tied)
    if len(tied) < len(valued):
        bottom = worlds.members(with_rank(who, {"bottom": str(len(valued) - len(tied))}), now)
        assert sorted(tied + bottom) == valued


@FEWER
@given(who=ranked, percent=percents, now=nows)
def test_a_percentage_is_rounded_up(worlds: Worlds, who: Condition, percent: str, now: datetime) -> None:
    valued = worlds.members(with_rank(who, {"top": "1000000"}), now)
    size = ceil(len(valued) * round(float(percent.removesuffix(" %")) * 10) / 1000)
    if size:
        by_size = worlds.members(with_rank(who, {"top": str(size)}), now)
        assert worlds.members(with_rank(who, {"top": percent}), now) == by_size


# Samples


@pytest.fixture(scope="module")
def people(audience: Audience) -> Audience:
    """Many, whose keys have nothing to tell."""
    audience.fill([{"key": f"c{number}"} for number in range(MANY)])
    return audience


def drawn(people: Audience, share: str, salt: str) -> set[str]:
    return set(people.chosen(f"sample: {share}, salt: {salt}"))


def is_near(found: int, share: float) -> bool:
    """Within five standard deviations of a fair draw."""
    return abs(found - MANY * share) <= 5 * sqrt(MANY * share * (1 - share))


@pytest.mark.parametrize("salt", ["one", "two", "'; --", "größe"])
def test_a_sample_and_its_rest_are_everybody_once(people: Audience, salt: str) -> None:
    quoted = "'" + salt.replace("'", "''") + "'"
    sample = people.chosen(f"sample: 10 %, salt: {quoted}")
    rest = people.chosen(f"not: {{sample: 10 %, salt: {quoted}}}")
    assert sorted(sample + rest) == sorted(f"c{number}" for number in range(MANY))
    assert is_near(len(sample), 0.1)


def test_a_larger_sample_of_one_salt_holds_the_smaller_one(people: Audience) -> None:
    nested = [drawn(people, share, "one") for share in ("0.5 %", "10 %", "33.3 %", "50 %", "99.9 %", "100 %")]
    assert all(smaller <= larger for smaller, larger in pairwise(nested))
    for sample, share in zip(nested, (0.005, 0.1, 0.333, 0.5, 0.999, 1), strict=True):
        assert is_near(len(sample), share)
    assert len(nested[-1]) == MANY


def test_samples_of_different_salts_have_nothing_to_do_with_each_other(people: Audience) -> None:
    samples = [drawn(people, "50 %", salt) for salt in ("one", "two", "three", "four", "x", "y")]
    for number, one in enumerate(samples):
        for other in samples[number + 1 :]:
            assert is_near(len(one & other), 0.25)


def test_a_sample_without_a_salt_takes_its_segment_s_name(people: Audience) -> None:
    assert people.chosen("sample: 20 %") == sorted(drawn(people, "20 %", "x"))
    assert people.chosen("segment: other", others={"other": "sample: 20 %"}) == sorted(drawn(people, "20 %", "other"))
