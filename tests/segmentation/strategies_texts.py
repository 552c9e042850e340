"""Random comparisons of texts: patterns of the language's subset, and whether case is ignored."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.segmentation.population import TEXTS
from tests.segmentation.population_facts import ODD_TEXTS
from tests.segmentation.strategies import Condition, Draw, known, of_texts, one

WITH_CASE = (
    "is", "is_not", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with", "matches", "under",
)  # fmt: skip
LETTERS = (
    "a",
    "b",
    "A",
    "s",
    "k",
    "K",
    "ſ",
    "ß",
    "İ",
    "i",
    "σ",
    "é",
    "1",
    "_",
    " ",
    "-",
    "/",
    "'",
    "%",
    "🦆",
    "\n",
    "N",
    "O",
)
ESCAPED = (*(f"\\{sign}" for sign in ".()[]{}+*?|^$\\-/'_"), "\\d", "\\w", "\\s", "\\D", "\\W", "\\S")
MEMBERS = (
    "a-c",
    "a-z",
    "A-Z",
    "A-z",
    "0-9",
    "_",
    "ſ",
    "K",
    "é",
    "'",
    "%",
    ".",
    " ",
    "$",
    "\\d",
    "\\w",
    "\\s",
    "\\-",
    "\\]",
    "\\\\",
)
BOUNDED = ("", "", "", "?", "{2}", "{0,2}", "{1,3}", "{0}")
UNBOUNDED = ("*", "+", "{2,}", "{0,}", "{1,}")


@st.composite
def single(draw: Draw) -> str:
    """What stands for one character."""
    sort = draw(st.integers(0, 5))
    if sort == 0:
        return "."
    if sort == 1:
        members = "".join(draw(st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=3)))
        return f"[{'^' * draw(st.integers(0, 1))}{members}]"
    return str(draw(st.sampled_from(ESCAPED if sort == 2 else LETTERS)))


def repeated(part: st.SearchStrategy[str], times: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.tuples(part, st.sampled_from(times)).map("".join)


def joined(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(part, min_size=1, max_size=3).map("".join)


def group(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return part.map("({})".format)


def either(way: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    anchored = st.tuples(st.sampled_from(["", "", "", "^"]), way, st.sampled_from(["", "", "", "$"])).map("".join)
    return st.lists(anchored, min_size=1, max_size=2).map("|".join)


single_file = joined(repeated(single(), ("", "", "{2}")))  # what is repeated without bound has one length
looping = repeated(group(single_file | st.tuples(single(), group(single_file)).map("".join)), UNBOUNDED)
part = repeated(single(), (*BOUNDED, *UNBOUNDED)) | looping
patterns = either(joined(part | repeated(group(either(joined(part))), BOUNDED)))

odd_texts = known((*TEXTS, *ODD_TEXTS))
spelled = st.one_of(odd_texts, odd_texts.map(str.upper), odd_texts.map(str.lower), odd_texts.map(str.swapcase))
pieces = (spelled | spelled.map(lambda text: text[:1]) | spelled.map(lambda text: text[-2:])).filter(bool)


def ignoring(comparisons: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    """The same, half of them without regard to case."""

    def said(pair: tuple[Condition, bool]) -> Condition:
        test, folded = pair
        return {**test, "ignoring": "case"} if folded and next(iter(test)) in WITH_CASE else test

    return st.tuples(comparisons, st.booleans()).map(said)


def texts_of(values: tuple[Any, ...]) -> st.SearchStrategy[Condition]:
    """Of texts that people have, spelled this way and that."""
    text = known(values)
    whole = st.one_of(text, text.map(str.upper), text.map(str.lower))
    some = whole | whole.map(lambda found: found[:2]) | whole.map(lambda found: found[-2:])
    return ignoring(of_texts(whole, some.filter(bool)))


matching = ignoring(one("matches", patterns))
any_text = ignoring(of_texts(spelled, pieces)) | matching


def under(paths: tuple[str | None, ...]) -> st.SearchStrategy[Condition]:
    path = known(paths).map(lambda found: found.rstrip("/"))
    return ignoring(one("under", path | path.map(str.upper)))
