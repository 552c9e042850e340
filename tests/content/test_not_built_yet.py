"""A word of the grammar that is not built yet says so, wherever it stands; it is never ignored, and never a mystery."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_store.content.settings import PLANNED as PLANNED_SETTINGS
from crm_store.content.sources import PLANNED_FILES
from crm_store.content.vocabulary import PLANNED_TYPES
from crm_store.journeys.load import PLANNED_KEYS
from crm_store.journeys.steps import PLANNED_VERBS
from crm_store.journeys.triggers import PLANNED_KINDS as PLANNED_CAMPAIGNS
from crm_store.journeys.triggers import PLANNED_WORDS as PLANNED_ENTRIES
from crm_store.segmentation.comparisons import PLANNED_WORDS
from crm_store.segmentation.conditions import PLANNED_KINDS
from crm_store.segmentation.conditions.attribute import PLANNED_HERE
from crm_store.segmentation.conditions.event import PLANNED as PLANNED_OF_EVENTS
from crm_store.segmentation.conditions.event import PLANNED_OF
from tests.content.checking import CAMPAIGN, SEGMENT, SETTINGS_FILE, VOCABULARY_FILE, faults_of, said_of
from tests.world import SETTINGS

OUT = "not built yet; take it out for now"


def who(condition: str) -> str:
    return f"who: {{{condition}}}\n"


def campaign(**keys: str) -> str:
    usual = {"kind": "nurture", "topic": "offers", "enter": "{event: order}", "steps": "[{send: hello}]"}
    return "".join(f"{name}: {value}\n" for name, value in {**usual, **keys}.items())


@pytest.mark.parametrize("kind", PLANNED_KINDS)
def test_conditions(tmp_path: Path, kind: str) -> None:
    said = [f"1: condition '{kind}' is {OUT}"]
    assert said_of(tmp_path, SEGMENT, who(f"{kind}: x, state: y")) == said
    assert said_of(tmp_path / "inner", SEGMENT, who(f"not: {{{kind}: x}}")) == said


@pytest.mark.parametrize("word", PLANNED_WORDS)
@pytest.mark.parametrize(
    "condition",
    [
        "attribute: city, {}: 10",
        "attribute: since, {}: 10",
        "attribute: city, contains: x, {}: 10",
        "attribute: birthday, {}: 10",
        "event: order, where: {{store: {{contains: x, {}: 10}}}}",
        "event: order, items: {{brand: {{{}: 10}}}}",
        "event: order, count: {{{}: 10}}",
        "event: order, sum: {{of: amount, {}: 10}}",
    ],
)
def test_comparisons(tmp_path: Path, word: str, condition: str) -> None:
    assert said_of(tmp_path, SEGMENT, who(condition.format(word))) == [f"1: '{word}' is {OUT}"]


@pytest.mark.parametrize("key", PLANNED_HERE)
def test_keys_of_attribute_conditions(tmp_path: Path, key: str) -> None:
    said = [f"1: attribute: '{key}' is {OUT}"]
    assert said_of(tmp_path, SEGMENT, who(f"attribute: stage, is: lapsed, {key}: x")) == said


@pytest.mark.parametrize("key", PLANNED_OF_EVENTS)
def test_keys_of_event_conditions(tmp_path: Path, key: str) -> None:
    assert said_of(tmp_path, SEGMENT, who(f"event: order, {key}: x")) == [f"1: 'event': '{key}' is {OUT}"]


@pytest.mark.parametrize("of", [*PLANNED_OF, "size"])
def test_sums_of_other_things(tmp_path: Path, of: str) -> None:
    condition = who(f"event: order, sum: {{of: {of}, at_least: 3}}")
    assert said_of(tmp_path, SEGMENT, condition) == [f"1: a sum of '{of}' is not built yet; use amount"]


@pytest.mark.parametrize("key", ["entered", "left", "for"])
def test_keys_of_segment_conditions(tmp_path: Path, key: str) -> None:
    files = {"segments/a.yaml": who("event: order"), SEGMENT: who(f"segment: a, {key}: x")}
    assert faults_of(tmp_path, files) == [f"{SEGMENT}:1: 'segment': '{key}' is {OUT}"]


def test_comparisons_of_dates_in_events(tmp_path: Path) -> None:
    files = {
        VOCABULARY_FILE: "events: {order: {properties: {day: date, home: text}}, gift: {properties: {home: yes-no}}}\n",
        "segments/a.yaml": who("event: order, where: {day: {in_last: 3 days}}"),
        "segments/b.yaml": who("event: [order, gift], where: {home: {is: x}}"),
    }
    assert faults_of(tmp_path, files) == [
        f"segments/a.yaml:1: comparing 'day' (date) is {OUT}",
        f"segments/b.yaml:1: comparing 'home' (text and yes-no) is {OUT}",
    ]


def test_amounts_of_several_currencies(tmp_path: Path) -> None:
    files = {
        VOCABULARY_FILE: "events: {order: {amount: yes}}\ncurrencies: [EUR, USD]\n",
        "segments/a.yaml": who("event: order, where: {amount: {at_least: 3 EUR}}"),
        "segments/b.yaml": who("event: order, sum: {of: amount, at_least: 3 EUR}"),
        "segments/c.yaml": who("event: order, items: {price: {at_least: 3 EUR}}"),
    }
    said = "amounts of several currencies are not built yet; the vocabulary must name one"
    assert faults_of(tmp_path, files) == [f"segments/{name}.yaml:1: {said}" for name in "abc"]


def test_usual_gaps(tmp_path: Path) -> None:
    said = ["1: '2 usual gaps': usual gaps are not built yet; write a number of days"]
    assert said_of(tmp_path, SEGMENT, who("event: order, in_last: 2 usual gaps")) == said
    assert said_of(tmp_path / "ago", SEGMENT, who("event: order, before: 2 usual gaps ago")) == said


@pytest.mark.parametrize(
    "anchor", ["joined_on", "since", "seen", "birthday", "first order", "last signed_up", "step hello"]
)
def test_counting_from_other_moments(tmp_path: Path, anchor: str) -> None:
    said = f"counting from '{anchor}' is not built yet; write a date or '30 days ago'"
    assert said_of(tmp_path, SEGMENT, who(f"event: order, since: {anchor}")) == [f"1: '{anchor}': {said}"]
    moment = f"3 days after {anchor}"
    assert said_of(tmp_path / "after", SEGMENT, who(f"attribute: since, before: {moment}")) == [f"1: '{moment}': {said}"]
    assert said_of(tmp_path / "exit", CAMPAIGN, campaign(exit_when=f"{{event: order, since: {anchor}}}")) == [
        f"5: '{anchor}': {said}"
    ]


def test_keys_of_segment_files(tmp_path: Path) -> None:
    text = "was: old\nwho: {event: order}\nexamples: [{member: true, messages: [], scores: {}}]\n"
    assert said_of(tmp_path, SEGMENT, text) == [
        f"1: a segment: 'was' is {OUT}",
        f"3: an example: 'messages' is {OUT}",
        f"3: an example: 'scores' is {OUT}",
    ]


@pytest.mark.parametrize("kind", PLANNED_CAMPAIGNS)
def test_kinds_of_campaigns(tmp_path: Path, kind: str) -> None:
    assert said_of(tmp_path, CAMPAIGN, campaign(kind=kind)) == [
        f"1: kind '{kind}' is not built yet; use one of nurture, occasion, winback"
    ]


@pytest.mark.parametrize("key", PLANNED_KEYS)
def test_keys_of_campaigns(tmp_path: Path, key: str) -> None:
    assert said_of(tmp_path, CAMPAIGN, campaign(**{key: "x"})) == [f"5: a campaign: '{key}' is {OUT}"]


@pytest.mark.parametrize("word", PLANNED_ENTRIES)
def test_keys_of_enter(tmp_path: Path, word: str) -> None:
    text = campaign(enter=f"{{event: order, {word}: x}}")
    assert said_of(tmp_path, CAMPAIGN, text) == [f"3: 'enter' of a nurture campaign: '{word}' is {OUT}"]


@pytest.mark.parametrize("moment", ["first order", "3 days after last order", "step hello", "offer x expires"])
def test_occasions_counted_from_other_moments(tmp_path: Path, moment: str) -> None:
    (said,) = said_of(tmp_path, CAMPAIGN, campaign(kind="occasion", enter=f"{{date: {moment}}}"))
    assert said.startswith("3: counting from '")
    assert "is not built yet; " in said


def test_entering_by_hand(tmp_path: Path) -> None:
    assert said_of(tmp_path, CAMPAIGN, campaign(enter="{by_hand: true}")) == [
        "3: 'by_hand' is not built yet; enter by an event or a segment"
    ]


@pytest.mark.parametrize("verb", PLANNED_VERBS)
def test_steps(tmp_path: Path, verb: str) -> None:
    assert said_of(tmp_path, CAMPAIGN, campaign(steps=f"[{{{verb}: x}}]")) == [f"4: step '{verb}' is {OUT}"]


def test_keys_of_steps_and_offers(tmp_path: Path) -> None:
    text = campaign(
        steps="[{send: hello, sender: x, channel: y, was: z}, {wait: 1 day, was: x, on_error: stop}]",
        offers="{t: {gift: x, code: X, budget: 5}}",
    )
    assert said_of(tmp_path, CAMPAIGN, text) == [
        f"4: step 'send': 'channel' is {OUT}",
        f"4: step 'send': 'sender' is {OUT}",
        f"4: step 'send': 'was' is {OUT}",
        f"4: step 'wait': 'on_error' is {OUT}",
        f"4: step 'wait': 'was' is {OUT}",
        f"5: offer 't': 'budget' is {OUT}",
    ]


@pytest.mark.parametrize(
    "keys",
    [
        {"again": "after 2 months"},
        {"steps": "[{wait: 1 month}]"},
        {"steps": "[{wait: {for: 1 year}}]"},
        {"steps": "[{wait: {until: 1 month after entered}}]"},
        {"steps": "[{wait: {until: step hello}}]"},
        {"steps": "[{wait: {until: offer x expires}}]"},
        {"offers": "{t: {gift: x, code: X, valid: until step hello}}"},
        {"exit_when": "{event: order, since: 2 months after entered}"},
        {"kind": "winback", "enter": "{lapse: order, after: 2 months}"},
        {"kind": "winback", "enter": "{lapse: order, after: 2 usual gaps}"},
    ],
)
def test_moments_and_durations_of_campaigns(tmp_path: Path, keys: dict[str, str]) -> None:
    (said,) = said_of(tmp_path, CAMPAIGN, campaign(**keys))
    assert "not built yet" in said


@pytest.mark.parametrize("kind", PLANNED_TYPES)
def test_types_of_the_vocabulary(tmp_path: Path, kind: str) -> None:
    text = f"attributes: {{a: {{type: {kind}}}}}\nevents: {{e: {{properties: {{p: {kind}}}}}}}\n"
    said = f"type '{kind}' is not built yet; use one of text, number, date, instant, yes-no, text path"
    assert said_of(tmp_path, VOCABULARY_FILE, text) == [f"1: {said}", f"2: {said}"]


def test_keys_of_the_vocabulary(tmp_path: Path) -> None:
    text = """\
attributes: {a: {type: text, personal: yes}}
events: {e: {usual_gap: {}, fresh: 26 hours, nets: e}}
follow_ups: [call]
currencies: {USD: 0.9}
"""
    assert said_of(tmp_path, VOCABULARY_FILE, text) == [
        f"1: attribute 'a': 'personal' is {OUT}",
        f"2: event 'e': 'fresh' is {OUT}",
        f"2: event 'e': 'nets' is {OUT}",
        f"2: event 'e': 'usual_gap' is {OUT}",
        f"3: the vocabulary: 'follow_ups' is {OUT}",
        "4: rates of currencies are not built yet; write a list, e.g. [USD]",
    ]


@pytest.mark.parametrize("key", PLANNED_SETTINGS)
def test_keys_of_settings(tmp_path: Path, key: str) -> None:
    assert said_of(tmp_path, SETTINGS_FILE, f"{SETTINGS}{key}: x\n") == [f"4: rapport.yaml: '{key}' is {OUT}"]


@pytest.mark.parametrize("file", PLANNED_FILES)
def test_files(tmp_path: Path, file: str) -> None:
    assert said_of(tmp_path, file, "x: y\n") == [f"1: is {OUT}"]
