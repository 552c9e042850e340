"""Every key of config/vocabulary.yaml does something: each test fails when its key is ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_store.content.vocabulary import BUILT_IN, STAGES
from tests.content.checking import SEGMENT, VOCABULARY_FILE, checked, faults_of, loaded, said_of

ORDER = "events: {order: {amount: yes, properties: {store: text}}}\n"


def sentence(root: Path, vocabulary: str, who: str) -> str:
    """What `rapport segment show` says."""
    return checked(root, {VOCABULARY_FILE: vocabulary, SEGMENT: f"who: {who}\n"}).segments["x"].sentence()


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("text", "starts_with: a", "at_least: 1"),
        ("number", "at_least: 1", "starts_with: a"),
        ("yes-no", "is: true", "is: 1"),
        ("date", "anniversary: {in_next: 7 days}", "contains: a"),
        ("instant", "in_last: 3 hours", "anniversary: {in_next: 7 days}"),
        ("text path", "under: a/b", "before: 2026-01-01"),
    ],
)
def test_the_type_of_an_attribute_says_how_it_is_compared(tmp_path: Path, kind: str, right: str, wrong: str) -> None:
    files = {VOCABULARY_FILE: f"attributes: {{a: {{type: {kind}}}}}\n"}
    assert faults_of(tmp_path, {**files, SEGMENT: f"who: {{attribute: a, {right}}}\n"}) == []
    assert len(faults_of(tmp_path, {**files, SEGMENT: f"who: {{attribute: a, {wrong}}}\n"})) == 1


def test_the_type_of_a_property_says_how_it_is_compared(tmp_path: Path) -> None:
    files = {SEGMENT: "who: {event: e, where: {p: {at_least: 1}}}\n"}
    assert faults_of(tmp_path, {**files, VOCABULARY_FILE: "events: {e: {properties: {p: number}}}\n"}) == []
    assert len(faults_of(tmp_path, {**files, VOCABULARY_FILE: "events: {e: {properties: {p: text}}}\n"})) == 1


@pytest.mark.parametrize(("title", "said"), [(", title: loyalty tier", "loyalty tier"), ("", "tier name")])
def test_the_title_of_an_attribute_is_how_it_is_said(tmp_path: Path, title: str, said: str) -> None:
    vocabulary = f"attributes: {{tier_name: {{type: text{title}}}}}\n"
    assert sentence(tmp_path, vocabulary, "{attribute: tier_name, is: gold}") == f"Customers for whom the {said} is 'gold'."


@pytest.mark.parametrize(("title", "said"), [("title: visit of the shop", "visit of the shop"), ("", "shop visit")])
def test_the_title_of_an_event_is_how_it_is_said(tmp_path: Path, title: str, said: str) -> None:
    vocabulary = f"events: {{shop_visit: {{{title}}}}}\n"
    assert sentence(tmp_path, vocabulary, "{event: shop_visit}") == f"Customers for whom there are '{said}' events."


@pytest.mark.parametrize(("title", "said"), [("title: Offers and vouchers", "Offers and vouchers"), ("", "offers")])
def test_the_title_of_a_topic_is_how_it_is_said(tmp_path: Path, title: str, said: str) -> None:
    vocabulary = f"topics: {{offers: {{{title}}}}}\n"
    assert sentence(tmp_path, vocabulary, "{reachable: {channel: email, topic: offers}}") == (
        f"Customers for whom they can be reached by email about {said}."
    )


def test_only_the_values_of_an_attribute_may_be_named(tmp_path: Path) -> None:
    files = {SEGMENT: "who: {attribute: a, in: [x, z]}\n"}
    assert faults_of(tmp_path, {**files, VOCABULARY_FILE: "attributes: {a: {type: text}}\n"}) == []
    assert faults_of(tmp_path, {**files, VOCABULARY_FILE: "attributes: {a: {type: text, values: [x, y]}}\n"}) == [
        f"{SEGMENT}:1: 'z' is not one of its values; known are: x, y"
    ]


def test_an_event_with_amounts_can_be_summed(tmp_path: Path) -> None:
    files = {SEGMENT: "who: {event: order, sum: {of: amount, at_least: 1 EUR}}\n"}
    amount = "events: {order: {amount: %s}}\ncurrencies: [EUR]\n"
    assert faults_of(tmp_path, {**files, VOCABULARY_FILE: amount % "yes"}) == []
    assert faults_of(tmp_path, {**files, VOCABULARY_FILE: amount % "no"}) == [
        f"{SEGMENT}:1: event 'order' has no amount; give it `amount: yes` in the vocabulary"
    ]


def test_an_event_that_happens_once_cannot_enter_again(tmp_path: Path) -> None:
    campaign = (
        "kind: nurture\ntopic: offers\nenter: {event: e}\nagain: per event\nlimit: 1 per 7 days\nsteps: [{send: hello}]\n"
    )
    vocabulary = "events: {e: {happens: %s, properties: {p: text}}}\ntopics: {offers: {}}\n"
    for happens, count in (("once", 1), ("repeatedly", 0), ("per p", 0)):
        files = {VOCABULARY_FILE: vocabulary % happens, "config/campaigns/c.yaml": campaign}
        assert len(faults_of(tmp_path, files)) == count, happens


def test_stages_are_those_of_the_file_or_the_usual_ones(tmp_path: Path) -> None:
    assert loaded(tmp_path, {VOCABULARY_FILE: ORDER}).vocabulary.stages == STAGES
    files = {VOCABULARY_FILE: "stages: [new, NO, old]\n", SEGMENT: "who: {attribute: stage, in: [NO, acquired]}\n"}
    assert faults_of(tmp_path, files) == [f"{SEGMENT}:1: 'acquired' is not one of its values; known are: NO, new, old"]


def test_amounts_are_in_the_currency_of_the_vocabulary(tmp_path: Path) -> None:
    who = "who: {event: order, where: {amount: {at_least: 1 GBP}}}\n"
    assert faults_of(tmp_path, {VOCABULARY_FILE: f"{ORDER}currencies: [GBP]\n", SEGMENT: who}) == []
    assert faults_of(tmp_path, {VOCABULARY_FILE: f"{ORDER}currencies: [EUR]\n", SEGMENT: who}) == [
        f"{SEGMENT}:1: '1 GBP' must be in EUR, the currency of the amounts"
    ]


def test_without_a_vocabulary_there_are_the_built_in_attributes(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    loaded(root, {})
    (root / VOCABULARY_FILE).unlink()
    assert said_of_bare(root) == set(BUILT_IN)


def said_of_bare(root: Path) -> set[str]:
    from crm_store.content.workspace import load_workspace

    return set(load_workspace(root).vocabulary.attributes)


@pytest.mark.parametrize(
    "name", ["NO", "on", "01067", "10:00", "null", "größe", "disc %", "it's", "a b", "a.b.c", "%(x)s", ":x"]
)
def test_names_are_as_they_are_written(tmp_path: Path, name: str) -> None:
    quoted = "'" + name.replace("'", "''") + "'"
    vocabulary = f"attributes: {{{quoted}: {{type: text}}}}\nevents: {{{quoted}: {{properties: {{{quoted}: text}}}}}}\n"
    files = {VOCABULARY_FILE: vocabulary}
    found = loaded(tmp_path, files).vocabulary
    assert name in found.attributes
    assert name in found.events[name].properties
    assert faults_of(tmp_path, {**files, SEGMENT: f"who: {{event: {quoted}, where: {{{quoted}: {{is: x}}}}}}\n"}) == []


def test_words_of_values_are_as_they_are_written(tmp_path: Path) -> None:
    text = "attributes: {a: {type: text, values: [NO, on, 01067, 10:00, 1992-02-30, null, 1_000, '']}}\n"
    values = loaded(tmp_path, {VOCABULARY_FILE: text}).vocabulary.attributes["a"].values
    assert values == ("NO", "on", "01067", "10:00", "1992-02-30", "null", "1_000", "")


def test_nothing_where_a_value_should_stand_is_a_fault(tmp_path: Path) -> None:
    assert said_of(tmp_path, VOCABULARY_FILE, "attributes:\n  a:\n    type: text\n    values: [x, ~]\n") == [
        "4: 'values' is empty; write a value or take the key out"
    ]
