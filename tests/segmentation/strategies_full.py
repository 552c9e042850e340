"""Random conditions on attributes and events, with every word that there is for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.segmentation.population import COUNTRIES, PATHS, PRODUCTS, SPANS, STAGES
from tests.segmentation.population_facts import SHOPS, TAGS
from tests.segmentation.strategies import (
    LINES,
    TYPES,
    WHOLE_DAYS,
    Condition,
    Draw,
    counts,
    known,
    nothing,
    numbers,
    of_any,
    of_numbers,
    of_paths,
    on_days,
    on_instants,
    one,
    truths,
)
from tests.segmentation.strategies_texts import any_text, ignoring, texts_of, under

FIXED_SPANS = tuple(span for span in SPANS if not span.endswith(("month", "year")))
FIXED_DAYS = tuple(span for span in FIXED_SPANS if span in WHOLE_DAYS)  # months differ in length from customer to customer
GAPS = ("1 usual gap", "2 usual gaps", "3 usual gaps")
euros = st.sampled_from(
    ["0 EUR", "6 EUR", "9 EUR", "9.50 EUR", "9.99 EUR", "10 EUR", "10.01 EUR", "-5 EUR", "19 EUR", "0.01 EUR"]
)
of_money = of_numbers(euros)
tags = st.sampled_from([*TAGS, "True", "null", "zz"])
several_tags = st.lists(tags, min_size=1, max_size=3)
sizes = of_numbers(st.sampled_from(["0", "1", "2", "3", "1.5", "9"])).filter(lambda test: "is_set" not in test)
of_lists = st.one_of(
    one("includes", tags), one("includes_any", several_tags), one("includes_all", several_tags), one("length", sizes),
    one("is_set", truths),
)  # fmt: skip


@st.composite
def ranks(draw: Draw) -> Condition:
    size = draw(st.sampled_from(["1", "5", "17", "1000", "10 %", "0.5 %", "33.3 %", "100 %", "50 %"]))
    return {draw(st.sampled_from(["top", "bottom"])): size, **({"tie": "all"} if draw(st.booleans()) else {})}


# Windows that are counted from something of the customer's


def counted(
    anchors: tuple[str, ...], spans: tuple[str, ...], fixed: st.SearchStrategy[str]
) -> st.SearchStrategy[Condition]:
    plain = st.sampled_from(anchors)
    shifted = st.tuples(st.sampled_from(spans), st.sampled_from(["before", "after"]), plain).map(" ".join)
    moment = plain | shifted
    ends = st.tuples(moment, fixed | moment) | st.tuples(fixed, moment)
    return st.one_of(one("before", moment), one("since", moment), one("between", ends.map(list)))


DATES = ("joined_on", "renewal_on", "since")
INSTANTS = (*DATES, "seen", "first order", "last order", "first visit", "last visit", "last signed_up")
some_moments = st.sampled_from(["2026-06-15", "2026-01-01", "30 days ago", "1 year ago", "2 weeks from now"])
from_anchors = counted(INSTANTS, FIXED_SPANS, some_moments | st.just("2026-06-15 12:30"))
from_dates = counted(DATES, FIXED_DAYS, some_moments)
gaps_ago = st.sampled_from(GAPS).map("{} ago".format)
in_gaps = st.one_of(
    one("in_last", st.sampled_from(GAPS)), one("before", gaps_ago), one("since", gaps_ago),
    st.sampled_from(["2 usual gaps", "3 usual gaps"]).map(lambda gaps: {"between": [f"{gaps} ago", "1 usual gap ago"]}),
)  # fmt: skip
days = on_days | from_dates | one("is_set", truths)
instants = on_instants | from_anchors | one("is_set", truths)

# Attributes

FULL_TYPES: Mapping[str, st.SearchStrategy[Condition]] = {
    **TYPES,
    "country": texts_of(COUNTRIES),
    "city": any_text,
    "note": any_text,
    "address.street": any_text,
    "interest": ignoring(of_paths) | under(PATHS),
    "near_shop": texts_of(SHOPS),
    "longitude": of_numbers(st.sampled_from(["13.405", "0", "179.95", "-179.95"])),
    "tags": of_lists,
    "budget": of_money,
    "since": TYPES["since"] | from_dates,
    "joined_on": TYPES["joined_on"] | from_dates,
    "renewal_on": TYPES["since"] | from_dates,
    "seen": instants,
}
RANKED = ("points", "latitude", "age", "budget")
all_attributes = st.sampled_from(list(FULL_TYPES)).flatmap(
    lambda name: FULL_TYPES[name].map(lambda comparison: {"attribute": name, **comparison})
)
ranked_attributes = st.tuples(st.sampled_from(RANKED), ranks()).map(lambda pair: {"attribute": pair[0], **pair[1]})
WAS: Mapping[str, st.SearchStrategy[str]] = {
    "stage": known(STAGES),
    "city": st.sampled_from(["a", "A", "NO", "O'Hara", "100%", "ö"]),
    "country": known(COUNTRIES),
    "latitude": st.sampled_from(["52.5", "52.52", "0.1"]),
    "note": st.sampled_from(["a", "ß", "NO", "7", "100%"]),
    "points": numbers,
    "vip": truths,
    "address.street": st.sampled_from(["a", "A", "NO", "O'Hara", "b"]),
    "interest": known(PATHS),
}
some_days = st.sampled_from(["2026-06-15", "2026-01-01", "1992-02-29"])
OTHERS_WERE: Mapping[str, st.SearchStrategy[str]] = {"joined_on": some_days, "since": some_days, "budget": euros}


@st.composite
def histories(draw: Draw) -> Condition:
    """What an attribute was, since when it is what it is, and when that changed."""
    name = draw(st.sampled_from([*WAS, "tags"]))
    words = draw(st.lists(st.sampled_from(["for", "was", "changed", "is"]), min_size=1, max_size=3, unique=True))
    found: Condition = {"attribute": name}
    if {"for", "is"} & set(words):
        found |= draw(FULL_TYPES[name])
    if "for" in words:
        found["for"] = {"at_least": draw(st.sampled_from(SPANS))}
    if "was" in words and name != "tags":
        found["was"] = draw(WAS[name])
    if "changed" in words or len(found) == 1:
        found["changed"] = draw(on_instants)
    return found


@st.composite
def other_histories(draw: Draw) -> Condition:
    """The same of dates and money. A window moves with now, so that nothing is to be asked of how long it has held."""
    name = draw(st.sampled_from(list(OTHERS_WERE)))
    word = draw(st.sampled_from(["was", "changed", "both"]))
    found: Condition = {"attribute": name, **({"was": draw(OTHERS_WERE[name])} if word != "changed" else {})}
    return {**found, **({"changed": draw(on_instants)} if word != "was" else {})}


# Events

FULL_PROPERTIES: Mapping[str, Mapping[str, st.SearchStrategy[Condition]]] = {
    "order": {
        "store": any_text,
        "size": of_numbers(numbers),
        "gift": of_any(truths),
        "deep.tag": any_text,
        "weight": of_numbers(st.sampled_from(["0", "1", "2.5", "-0.25", "999"])),
        "delivered_on": on_days | one("is_set", truths),
        "packed_at": on_instants | one("is_set", truths),
        "tip": of_money,
        "labels": of_lists,
        "aisle": ignoring(of_paths) | under(PATHS),
        "amount": of_money,
    },
    "visit": {"store": any_text, "weight": of_numbers(st.sampled_from(["0", "1", "2.5"])), "amount": of_money},
    "signed_up": {},
}
CATEGORIES = tuple(category for category, *_ in PRODUCTS.values())
FULL_LINES: Mapping[str, st.SearchStrategy[Condition]] = {
    **LINES,
    "product": texts_of(tuple(PRODUCTS)),
    "category": ignoring(of_paths) | under((*CATEGORIES, "ſ")) | texts_of(CATEGORIES),
    "brand": texts_of(tuple(brand for _, brand, *_ in PRODUCTS.values())),
    "price": of_money,
    "amount": of_money,
}
kinds_of_events = st.lists(st.sampled_from(list(FULL_PROPERTIES)), min_size=1, max_size=2, unique=True)


@st.composite
def filters(draw: Draw, kinds: list[str]) -> Condition:
    """`where` and `items`, or one of them, or neither."""
    found: Condition = {}
    common = sorted(set.intersection(*(set(FULL_PROPERTIES[kind]) for kind in kinds)))
    if common and draw(st.integers(0, 2)) == 0:
        names = draw(st.lists(st.sampled_from(common), min_size=1, max_size=2, unique=True))
        found["where"] = {name: draw(FULL_PROPERTIES[kinds[0]][name]) for name in names}
    if draw(st.integers(0, 4)) == 0:
        names = draw(st.lists(st.sampled_from(list(FULL_LINES)), min_size=1, max_size=2, unique=True))
        found["items"] = {name: draw(FULL_LINES[name]) for name in names}
    return found


@st.composite
def few(draw: Draw, kinds: list[str]) -> Any:
    which, number = draw(st.sampled_from(["first", "last"])), draw(st.sampled_from(["1", "2", "3", "10"]))
    return {which: number, **draw(filters(kinds))} if draw(st.booleans()) else f"{which} {number}"


@st.composite
def event_base(draw: Draw, kinds: list[str]) -> Condition:
    """Everything but the measure."""
    found: Condition = {"event": kinds[0] if len(kinds) == 1 and draw(st.booleans()) else kinds, **draw(filters(kinds))}
    if draw(st.integers(0, 3)) == 0:
        found["among"] = draw(few(kinds))
    silences = (*FIXED_SPANS, *GAPS) if len(kinds) == 1 else FIXED_SPANS
    if draw(st.integers(0, 4)) == 0:
        found["after_silence"] = draw(st.sampled_from(silences))
    return {**found, **draw(maybe_event_windows[len(kinds) == 1])}


# Made once: to make one of so many takes Hypothesis longer than to draw from it. By whether they are of one kind.
event_windows = {False: on_instants | from_anchors, True: on_instants | from_anchors | in_gaps}
maybe_event_windows = {of_one: nothing | windows for of_one, windows in event_windows.items()}


def without_is_set(comparisons: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    return comparisons.filter(lambda test: "is_set" not in test)


of_sums = without_is_set(of_numbers(euros))
of_quantities = without_is_set(of_numbers(st.sampled_from(["0", "1", "2", "2.5", "3.5", "-0.25", "7", "0.1"])))
KINDS_OF_NUMBERS = {"amount": of_sums, "items.amount": of_sums, "items.quantity": of_quantities}


@st.composite
def measures_of(draw: Draw, kinds: list[str], ranked: bool = False) -> Condition:
    """One measure; of ranks those that give a number."""
    words = ["count", "distinct", "sum", "avg", "min", "max", *([] if ranked else ["first", "last", "regular"])]
    word = draw(st.sampled_from(words if "signed_up" not in kinds else [each for each in words if each in PLAIN]))
    if word in ("first", "last"):
        return {word: draw(event_windows[len(kinds) == 1])}
    if word == "regular":
        span = draw(st.sampled_from(["3 weeks", "6 months", "2 years", "10 days", "36 hours", "1 year"]))
        most = min(3, int(span.partition(" ")[0]))
        return {word: {"at_least": str(draw(st.integers(1, most))), "of_last": span}}
    if word == "count":
        return {word: draw(ranks() if ranked else of_numbers(counts))}
    if word == "distinct":
        of = draw(st.sampled_from(["store", *(["items.product", "deep.tag", "aisle"] if kinds == ["order"] else [])]))
        return {word: {"of": of, **draw(ranks() if ranked else without_is_set(of_numbers(counts)))}}
    of, comparisons = draw(numbers_of(kinds, word))
    return {word: {"of": of, **draw(ranks() if ranked else comparisons)}}


PLAIN = ("count", "first", "last", "regular")


def numbers_of(kinds: list[str], word: str) -> st.SearchStrategy[Any]:
    """What can be summed up and the like, with its comparisons. Sums are of numbers that binary fractions hold exactly."""
    known_numbers = {**KINDS_OF_NUMBERS, "weight": of_quantities}
    if kinds == ["order"]:
        known_numbers["tip"] = of_sums
        if word in ("min", "max"):
            known_numbers["size"] = without_is_set(of_numbers(numbers))
    return st.sampled_from(list(known_numbers.items()))


@st.composite
def full_events(draw: Draw, ranked: bool = False) -> Condition:
    kinds = draw(kinds_of_events)
    return {**draw(event_base(kinds)), **draw(measures_of(kinds, ranked))}


# Sequences


@st.composite
def sequences(draw: Draw) -> Condition:
    kinds = st.sampled_from([["order"], ["visit"], ["order", "visit"], ["signed_up"]])
    same = draw(st.booleans())
    few_kinds = kinds.filter(lambda these: "signed_up" not in these) if same else kinds
    parts: list[Condition] = []
    for number in range(draw(st.integers(1, 3))):
        if number and draw(st.integers(0, 3)) == 0:
            parts.append({"not": draw(step(draw(few_kinds)))})
        timed = {"within": draw(st.sampled_from(FIXED_SPANS[1:]))} if number and draw(st.booleans()) else {}
        parts.append({**draw(step(draw(few_kinds))), **timed})
    if draw(st.integers(0, 2)) == 0 or len(parts) == 1:
        parts.append({"not": draw(step(draw(few_kinds)))})
    found: Condition = {"sequence": parts}
    if same:
        found["same"] = draw(st.sampled_from(["store", "store", "weight"]))
    return {**found, **draw(nothing | on_instants)}


@st.composite
def step(draw: Draw, kinds: list[str]) -> Condition:
    return {"event": kinds[0] if len(kinds) == 1 else kinds, **draw(filters(kinds))}
