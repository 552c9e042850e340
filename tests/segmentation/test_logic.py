"""all, any, not and segment: nested, in chains, with missing values."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from crm_store.schema import customer
from tests.segmentation.asking import Audience
from tests.world import NOON

DE = "{attribute: country, is: DE}"
RICH = "{attribute: points, at_least: 100}"
BUYER = "{event: order}"
# (country, points, has ordered) by key; None: missing.
PEOPLE: dict[str, tuple[str | None, int | None, bool]] = {
    "de rich": ("DE", 100, False),
    "de poor": ("DE", 1, True),
    "de": ("DE", None, False),
    "fr rich": ("FR", 200, True),
    "fr poor": ("FR", 1, False),
    "rich": (None, 100, True),
    "poor": (None, 0, False),
    "nothing": (None, None, False),
}


@pytest.fixture(scope="module")
def people(audience: Audience) -> Audience:
    rows = [
        {"key": key, **({"country": country} if country else {}), "attributes": {"points": points}}
        for key, (country, points, _) in PEOPLE.items()
    ]
    orders = [{"customer": key, "event": "order", "at": "2026-06-01"} for key, (_, _, buys) in PEOPLE.items() if buys]
    audience.fill([*rows, {"key": "erased", "country": "DE"}], orders)
    gone = update(customer).where(customer.c.key == "erased").values(erased_at=NOON)
    audience.shop.store.write(lambda conn: conn.execute(gone))
    return audience


def de(key: str) -> bool:
    return PEOPLE[key][0] == "DE"


def rich(key: str) -> bool:
    return (PEOPLE[key][1] or 0) >= 100


def buyer(key: str) -> bool:
    return PEOPLE[key][2]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (f"all: [{DE}, {RICH}]", [key for key in PEOPLE if de(key) and rich(key)]),
        (f"any: [{DE}, {RICH}]", [key for key in PEOPLE if de(key) or rich(key)]),
        (f"not: {DE}", [key for key in PEOPLE if not de(key)]),
        (f"not: {{not: {DE}}}", [key for key in PEOPLE if de(key)]),
        (f"not: {{all: [{DE}, {RICH}]}}", [key for key in PEOPLE if not (de(key) and rich(key))]),
        (f"not: {{any: [{DE}, {RICH}]}}", [key for key in PEOPLE if not (de(key) or rich(key))]),
        (f"all: [{{not: {DE}}}, {{not: {RICH}}}]", [key for key in PEOPLE if not de(key) and not rich(key)]),
        (f"any: [{{not: {DE}}}, {{not: {RICH}}}]", [key for key in PEOPLE if not de(key) or not rich(key)]),
        (f"any: [{{all: [{DE}, {BUYER}]}}, {{all: [{RICH}, {{not: {BUYER}}}]}}]",
         [key for key in PEOPLE if (de(key) and buyer(key)) or (rich(key) and not buyer(key))]),
        (f"not: {{any: [{{all: [{DE}, {{not: {RICH}}}]}}, {{not: {BUYER}}}]}}",
         [key for key in PEOPLE if not ((de(key) and not rich(key)) or not buyer(key))]),
        (f"all: [{DE}]", [key for key in PEOPLE if de(key)]),
        (f"any: [{RICH}]", [key for key in PEOPLE if rich(key)]),
        (f"all: [{BUYER}, {BUYER}]", [key for key in PEOPLE if buyer(key)]),
        ("not: {attribute: country, is_not: DE}", [key for key in PEOPLE if de(key)]),
        ("not: {attribute: points, is_set: true}", [key for key, (_, points, _) in PEOPLE.items() if points is None]),
        ("attribute: country, is_set: false", [key for key, (country, _, _) in PEOPLE.items() if country is None]),
    ],
)  # fmt: skip
def test_conditions_nest_and_a_missing_value_is_on_neither_side_but_the_rest(
    people: Audience, who: str, expected: list[str]
) -> None:
    assert people.chosen(who) == sorted(expected)


@pytest.mark.parametrize(
    ("who", "others", "expected"),
    [
        ("segment: germans", {}, ["de", "de poor", "de rich"]),
        ("not: {segment: germans}", {}, ["fr poor", "fr rich", "nothing", "poor", "rich"]),
        ("segment: chain", {"chain": "not: {segment: link}", "link": "segment: germans"},
         ["fr poor", "fr rich", "nothing", "poor", "rich"]),
        ("all: [{segment: germans}, {not: {segment: germans}}]", {}, []),
    ],
)  # fmt: skip
def test_a_segment_stands_for_its_condition(
    people: Audience, who: str, others: dict[str, str], expected: list[str]
) -> None:
    assert people.chosen(who, others={"germans": "attribute: country, is: DE", **others}) == expected


def test_conditions_nest_deeply(people: Audience) -> None:
    who = "attribute: country, is: DE"
    for _ in range(36):
        who = f"not: {{{who}}}"
    assert people.chosen(who) == ["de", "de poor", "de rich"]
    who = "attribute: country, is: DE"
    for _ in range(9):
        who = f"any: [{{all: [{{{who}}}, {{{who}}}]}}]" if len(who) < 5_000 else f"any: [{{all: [{{{who}}}]}}]"
    assert people.chosen(who) == ["de", "de poor", "de rich"]


def test_segments_refer_to_each_other_in_long_chains(people: Audience) -> None:
    chain = {f"s{n}": f"not: {{segment: s{n - 1}}}" for n in range(1, 40)}
    found = people.chosen("segment: s39", others={"s0": "attribute: country, is: DE", **chain})
    assert found == ["fr poor", "fr rich", "nothing", "poor", "rich"]
