"""Each comparison word with each type of value: its edges, its missing values, texts of every kind."""

from __future__ import annotations

from typing import Any

import pytest

from crm_store.segmentation.comparisons import NUMBERS, TEXTS, WORDS, words_for
from tests.segmentation.asking import Audience

# What a text may hold, by who has it. `nobody` has none.
CITIES = {
    "plain": "Berlin",
    "lower": "berlin",
    "upper": "BERLIN",
    "inside": "East Berlin!",
    "umlaut": "Köln",
    "decomposed": "Ko\u0308ln",
    "quote": "O'Fallon",
    "double": 'the "big" one',
    "percent": "50% off_now",
    "percent2": "50x off_now",
    "underline": "50% off now",
    "backslash": "a\\b",
    "semicolon": "'; DROP TABLE customer; --",
    "emoji": "duck 🦆 pond",
    "flag": "🇩🇪",
    "no": "NO",
    "zip": "01067",
    "colon": "10:00",
    "placeholder": ":x %(y)s %s ? {z}",
    "null": "null",
    "question": "*?[a]",
}
POINTS = {"zero": 0, "one": 1, "half": 1.5, "tenth": 0.1, "minus": -3, "many": 1_000_000, "exact": 1.0, "large": 2**53 + 1}
PATHS = {
    "root": "Coffee",
    "beans": "Coffee/Beans",
    "dark": "Coffee/Beans/Dark",
    "other": "Coffee/Grinders",
    "longer": "Coffeehouse",
    "dash": "Coffee-to-go",
    "dot": "Coffee.x",
    "case": "coffee/Beans",
    "slash": "Coffee/",
    "percent": "Coffee/100%",
}


@pytest.fixture(scope="module")
def people(audience: Audience) -> Audience:
    """One customer for each value, called `city:plain` and so on, and nobody, who has none."""
    people: list[dict[str, Any]] = [{"key": f"city:{name}", "city": city} for name, city in CITIES.items()]
    people += [{"key": f"points:{name}", "attributes": {"points": points}} for name, points in POINTS.items()]
    people += [{"key": f"path:{name}", "attributes": {"interest": path}} for name, path in PATHS.items()]
    people += [{"key": f"vip:{vip}".lower(), "attributes": {"vip": vip}} for vip in (True, False)]
    audience.fill([*people, {"key": "vip:empty", "attributes": {"tier": ""}}, {"key": "nobody"}])
    return audience


def names(people: Audience, kind: str, who: str) -> set[str]:
    """The names of those chosen who have a value of the kind; `nobody` is named too where she is chosen."""
    chosen = people.chosen(who)
    return {key.removeprefix(f"{kind}:") for key in chosen if key.startswith(f"{kind}:") or key == "nobody"}


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("is: Berlin", {"plain"}),
        ("is: NO", {"no"}),
        ("is: 01067", {"zip"}),
        ("is: 10:00", {"colon"}),
        ("is: null", {"null"}),
        ("is: Köln", {"umlaut"}),
        ('is: "Ko\\u0308ln"', {"decomposed"}),
        ("is: O'Fallon", {"quote"}),
        ("is: 'the \"big\" one'", {"double"}),
        ("is: a\\b", {"backslash"}),
        ('is: "\'; DROP TABLE customer; --"', {"semicolon"}),
        ("is: duck 🦆 pond", {"emoji"}),
        ("is: ':x %(y)s %s ? {z}'", {"placeholder"}),
        ("is: 50% off_now", {"percent"}),
        ("is: ''", set()),
        ("in: [Berlin, NO, 01067, nowhere]", {"plain", "no", "zip"}),
        ("in: ['50% off_now', 'a\\b', ':x %(y)s %s ? {z}']", {"percent", "backslash", "placeholder"}),
        ("contains: erlin", {"plain", "lower", "inside"}),
        ("contains: Berlin", {"plain", "inside"}),
        ("contains: '%'", {"percent", "underline", "placeholder"}),
        ("contains: 0%", {"percent", "underline"}),
        ("contains: 'f_n'", {"percent", "percent2"}),
        ("contains: '\\'", {"backslash"}),
        ('contains: "\'"', {"quote", "semicolon"}),
        ("contains: 🦆", {"emoji"}),
        ("contains: '[a]'", {"question"}),
        ("contains: '*?'", {"question"}),
        ("starts_with: Ber", {"plain"}),
        ("starts_with: 50%", {"percent", "underline"}),
        ("starts_with: 50_", set()),
        ("starts_with: '*'", {"question"}),
        ("starts_with: duck 🦆 ", {"emoji"}),
        ("starts_with: East Berlin! and more", set()),
        ("ends_with: lin", {"plain", "lower"}),
        ("ends_with: ' pond'", {"emoji"}),
        ("ends_with: 🦆 pond", {"emoji"}),
        ("ends_with: off_now", {"percent", "percent2"}),
        ("ends_with: a longer text than any of theirs is", set()),
        ("is_set: true", set(CITIES)),
    ],
)
def test_texts_compare_byte_by_byte(people: Audience, who: str, expected: set[str]) -> None:
    assert names(people, "city", f"attribute: city, {who}") == expected


@pytest.mark.parametrize(
    ("who", "missing"),
    [
        ("is_not: Berlin", {"plain"}),
        ("not_in: [Berlin, NO]", {"plain", "no"}),
        ("not_contains: erlin", {"plain", "lower", "inside"}),
        ("not_contains: '%'", {"percent", "underline", "placeholder"}),
        ("is_set: false", set(CITIES)),
    ],
)
def test_negative_words_hold_for_a_missing_text(people: Audience, who: str, missing: set[str]) -> None:
    assert names(people, "city", f"attribute: city, {who}") == set(CITIES) - missing | {"nobody"}


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("is: 1", {"one", "exact"}),
        ("is: 1.0", {"one", "exact"}),
        ("is: 0.1", {"tenth"}),
        ("is: -3", {"minus"}),
        ("is: 9007199254740993", {"large"}),
        ("is: 9007199254740992", set()),
        ("in: [0, 1.50, 9007199254740993]", {"zero", "half", "large"}),
        ("at_least: 1.5", {"half", "many", "large"}),
        ("more_than: 1.5", {"many", "large"}),
        ("more_than: 9007199254740992", {"large"}),
        ("at_most: 0.1", {"zero", "tenth", "minus"}),
        ("less_than: 0.1", {"zero", "minus"}),
        ("less_than: 0", {"minus"}),
        ("between: [0, 1]", {"zero", "tenth", "one", "exact"}),
        ("between: [1, 1]", {"one", "exact"}),
        ("between: [-3, -3.0]", {"minus"}),
        ("at_least: 123456789012345678901234567890", set()),
        ("at_most: 123456789012345678901234567890.5", set(POINTS)),
        ("is_set: true", set(POINTS)),
        ("is_not: 1", set(POINTS) - {"one", "exact"} | {"nobody"}),
        ("not_in: [0, 0.1, 1]", set(POINTS) - {"zero", "tenth", "one", "exact"} | {"nobody"}),
        ("is_set: false", {"nobody"}),
    ],
)
def test_numbers_compare_exactly(people: Audience, who: str, expected: set[str]) -> None:
    assert names(people, "points", f"attribute: points, {who}") == expected


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("is: true", {"true"}),
        ("is: no", {"false"}),
        ("is: YES", {"true"}),
        ("in: [true, false]", {"true", "false"}),
        ("is_not: true", {"false", "empty", "nobody"}),
        ("not_in: [yes, no]", {"empty", "nobody"}),
        ("is_set: true", {"true", "false"}),
        ("is_set: false", {"empty", "nobody"}),
    ],
)
def test_yes_and_no(people: Audience, who: str, expected: set[str]) -> None:
    assert names(people, "vip", f"attribute: vip, {who}") == expected


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("under: Coffee", {"root", "beans", "dark", "other", "slash", "percent"}),
        ("under: Coffee/Beans", {"beans", "dark"}),
        ("under: Coffee/Bean", set()),
        ("under: Coffee/Beans/", {"beans", "dark"}),
        ("under: coffee", {"case"}),
        ("under: Coffee/100%", {"percent"}),
        ("is: Coffee", {"root"}),
        ("starts_with: Coffee/B", {"beans", "dark"}),
        ("contains: Beans", {"beans", "dark", "case"}),
        ("is_not: Coffee", set(PATHS) - {"root"} | {"nobody"}),
    ],
)
def test_a_path_has_everything_below_it(people: Audience, who: str, expected: set[str]) -> None:
    assert names(people, "path", f"attribute: interest, {who}") == expected


def test_an_empty_text_is_a_value(people: Audience) -> None:
    assert people.chosen("attribute: tier, is_set: true") == ["vip:empty"]


def test_every_word_is_tried_here() -> None:
    """Each word of a type stands in some case above: a word added to the language needs cases."""
    tried = {
        "text": {
            *["is", "is_not", "in", "not_in", "is_set", "contains", "not_contains", "starts_with", "ends_with"],
            "matches",  # test_words.py
        },
        "number": {*["is", "is_not", "in", "not_in", "is_set", "at_least", "more_than", "at_most", "less_than", "between"]},
        "yes-no": {"is", "is_not", "in", "not_in", "is_set"},
    }
    tried["text path"] = {*tried["text"], "under"}
    tried["money"] = tried["number"]
    for kind in {*NUMBERS, *TEXTS, "yes-no"}:
        assert set(words_for(kind)) == tried[kind], kind
    of_lists = {"includes", "includes_any", "includes_all", "length"}  # test_words.py
    assert {word.name for word in WORDS} == set().union(*tried.values()) | of_lists
