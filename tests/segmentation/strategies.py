"""Random segments of what is built, as the plain dicts that the oracle reads; `as_yaml` writes them as a file has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from hypothesis import strategies as st

from tests.segmentation.oracle_times import instant_of
from tests.segmentation.population import COUNTRIES, NUMBERS, PATHS, PRODUCTS, SPANS, STAGES, TEXTS, ZONES

Condition = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]
WHOLE_DAYS = tuple(span for span in SPANS if not span.endswith(("minutes", "hours")))
DAYS = (
    "2026-01-01", "2026-06-01", "2026-06-14", "2026-06-15", "2026-06-16", "2026-12-31", "2027-01-01", "2028-02-28",
    "2028-02-29", "2027-03-01", "2026-03-29", "1992-02-29",
)  # fmt: skip
LOCAL_TIMES = ("2026-06-15 12:30", "2026-03-29 02:30", "2026-10-25 02:30", "2027-01-01 00:30", "2028-02-29 13:00:00")
UNITS = ("week", "month", "quarter", "year")
PERIODS = ("today", "yesterday", "tomorrow", *(f"{which} {unit}" for which in ("this", "last", "next") for unit in UNITS))
NOON = datetime(2026, 6, 15, tzinfo=UTC)


def known(values: tuple[Any, ...]) -> st.SearchStrategy[str]:
    """One of the values that people have, as a text."""
    return st.sampled_from([str(value) for value in values if value is not None])


nothing: st.SearchStrategy[Condition] = st.just({})
texts = known(TEXTS)
parts = texts | texts.map(lambda text: text[:1]) | texts.map(lambda text: text[-2:])
numbers = known(NUMBERS) | st.sampled_from(["0.5", "7.00", "9007199254740992", "-3.25", "2"])
counts = st.sampled_from(["0", "1", "2", "3", "1.5", "0.5", "-1"])
money = st.sampled_from(["0 EUR", "0.01 EUR", "9.99 EUR", "10 EUR", "10.01 EUR", "-5 EUR", "25.00 EUR", "35 EUR"])
truths = st.sampled_from(["true", "false"])


def one(word: str, operand: st.SearchStrategy[Any]) -> st.SearchStrategy[Condition]:
    return operand.map(lambda value: {word: value})


def both_ends(ends: st.SearchStrategy[str], order: Callable[[str], Any]) -> st.SearchStrategy[list[str]]:
    return st.tuples(ends, ends).map(lambda pair: sorted(pair, key=order))


def of_any(operand: st.SearchStrategy[str]) -> st.SearchStrategy[Condition]:
    several = st.lists(operand, min_size=1, max_size=3)
    return st.one_of(
        one("is", operand), one("is_not", operand), one("in", several), one("not_in", several), one("is_set", truths)
    )


def of_numbers(operand: st.SearchStrategy[str]) -> st.SearchStrategy[Condition]:
    words = ("at_least", "more_than", "at_most", "less_than")
    ends = both_ends(operand, lambda text: float(text.split()[0]))
    return st.one_of(of_any(operand), *(one(word, operand) for word in words), one("between", ends))


def of_texts(operand: st.SearchStrategy[str], part: st.SearchStrategy[str]) -> st.SearchStrategy[Condition]:
    words = ("contains", "not_contains", "starts_with", "ends_with")
    return of_any(operand) | st.one_of(*(one(word, part) for word in words))


of_paths = of_texts(known(PATHS), known(PATHS)) | one("under", known(PATHS).map(lambda path: path.rstrip("/")))


def time_words(spans: tuple[str, ...], fixed: tuple[str, ...]) -> st.SearchStrategy[Condition]:
    """Time words, with spans of these durations and edges at these moments."""
    moments = st.one_of(
        st.sampled_from(fixed),
        st.sampled_from(spans).map("{} ago".format),
        st.sampled_from(spans).map("{} from now".format),
    )
    return st.one_of(
        one("is", st.sampled_from(DAYS)),
        one("before", moments),
        one("since", moments),
        one("between", both_ends(moments, lambda text: instant_of(text, NOON, ZoneInfo("UTC")))),
        one("in_last", st.sampled_from(spans)),
        one("in_next", st.sampled_from(spans)),
        one("during", st.sampled_from(PERIODS)),
    )


on_instants = time_words(SPANS, (*DAYS, *LOCAL_TIMES))
on_days = time_words(WHOLE_DAYS, DAYS)


@st.composite
def anniversaries(draw: Draw) -> Condition:
    words = on_days.filter(lambda window: next(iter(window)) in ("is", "in_last", "in_next", "during"))
    found: Condition = dict(draw(words))
    if draw(st.booleans()):
        found["years"] = draw(st.lists(st.sampled_from(["1", "5", "6", "30", "31", "34"]), min_size=1, max_size=3))
    if draw(st.booleans()):
        found["leap_day"] = draw(st.sampled_from(["feb-28", "mar-1", "leap-years-only"]))
    return {"anniversary": found}


TYPES: Mapping[str, st.SearchStrategy[Condition]] = {
    "country": of_texts(known(COUNTRIES), known(COUNTRIES)),
    "time_zone": of_texts(known(ZONES), st.sampled_from(["Europe/", "/", "o"])),
    "city": of_texts(texts, parts),
    "stage": of_any(known(STAGES)),
    "latitude": of_numbers(st.sampled_from(["52.5", "-52.5", "0.1", "0", "100"])),
    "note": of_texts(texts, parts),
    "address.street": of_texts(texts, parts),
    "interest": of_paths,
    "points": of_numbers(numbers),
    "vip": of_any(truths),
    "since": on_days | anniversaries() | one("is_set", truths),
    "joined_on": on_days | anniversaries() | one("is_set", truths),
    "birthday": anniversaries() | one("is_set", truths),
    "age": of_numbers(st.sampled_from(["0", "1", "5", "30", "31", "34", "35.5", "-1"])),
    "seen": on_instants | one("is_set", truths),
}
attributes = st.sampled_from(list(TYPES)).flatmap(
    lambda name: TYPES[name].map(lambda comparison: {"attribute": name, **comparison})
)

PROPERTIES: Mapping[str, Mapping[str, st.SearchStrategy[Condition]]] = {
    "order": {
        "store": of_texts(texts, parts),
        "size": of_numbers(numbers),
        "gift": of_any(truths),
        "deep.tag": of_texts(texts, parts),
        "amount": of_numbers(money),
    },
    "visit": {"store": of_texts(texts, parts), "amount": of_numbers(money)},
    "signed_up": {},
}
LINES: Mapping[str, st.SearchStrategy[Condition]] = {
    "product": of_texts(st.sampled_from(list(PRODUCTS)), st.sampled_from(["p", "1"])),
    "category": of_paths,
    "brand": of_texts(st.sampled_from(["Alba", "alba", "100%"]), st.sampled_from(["A", "%", "ba"])),
    "price": of_numbers(st.sampled_from(["3 EUR", "10 EUR", "5 EUR"])),
    "quantity": of_numbers(st.sampled_from(["0", "1", "2", "2.5"])),
    "amount": of_numbers(st.sampled_from(["5 EUR", "10 EUR", "0 EUR"])),
}


@st.composite
def events(draw: Draw) -> Condition:
    kinds = draw(st.lists(st.sampled_from(list(PROPERTIES)), min_size=1, max_size=2, unique=True))
    found: Condition = {"event": kinds[0] if len(kinds) == 1 and draw(st.booleans()) else kinds}
    common = sorted(set.intersection(*(set(PROPERTIES[kind]) for kind in kinds)))
    if common and draw(st.booleans()):
        names = draw(st.lists(st.sampled_from(common), min_size=1, max_size=2, unique=True))
        found["where"] = {name: draw(PROPERTIES[kinds[0]][name]) for name in names}
    if draw(st.integers(0, 3)) == 0:
        names = draw(st.lists(st.sampled_from(list(LINES)), min_size=1, max_size=2, unique=True))
        found["items"] = {name: draw(LINES[name]) for name in names}
    if draw(st.booleans()):
        found |= draw(on_instants)
    found |= draw(measures("signed_up" not in kinds))
    return found


def measures(with_amounts: bool) -> st.SearchStrategy[Condition]:
    choices = [
        st.just({}),
        one("count", of_numbers(counts)),
        one("first", on_instants),
        one("last", on_instants),
    ]
    if with_amounts:
        choices.append(one("sum", of_numbers(money).map(lambda comparison: {"of": "amount", **comparison})))
    return st.one_of(choices)


on_events = st.sampled_from(list(PROPERTIES)).flatmap(
    lambda kind: on_instants.map(lambda window: {"event": kind, **window})
)
windows = on_events | st.one_of(
    on_instants.map(lambda window: {"attribute": "seen", **window}),
    on_days.map(lambda window: {"attribute": "joined_on", **window}),
    TYPES["birthday"].map(lambda comparison: {"attribute": "birthday", **comparison}),
)
reachables = st.sampled_from(["offers", "news"]).map(lambda topic: {"reachable": {"channel": "email", "topic": topic}})
leaves = st.one_of(attributes, events(), reachables)


def nested(leaf: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    """Conditions within all, any and not, some levels deep."""

    def around(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        several = st.lists(inner, min_size=1, max_size=3)
        return one("all", several) | one("any", several) | one("not", inner)

    return st.recursive(leaf, around, max_leaves=6)


conditions = nested(leaves)
with_segments = nested(leaves | st.sampled_from(["a", "b"]).map(lambda name: {"segment": name}))


def as_yaml(who: Mapping[str, Any], block: bool = False) -> str:
    """A segment file: on one line, or in blocks."""
    if block:
        written = json.loads(json.dumps({"who": who}))  # the same thing twice would become an alias
        return str(yaml.safe_dump(written, allow_unicode=True, sort_keys=False, default_flow_style=False))
    return f"who: {json.dumps(who, ensure_ascii=False)}\n"
