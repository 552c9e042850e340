"""The JSON Schema of campaigns: every key that is read is in it, and what it marks is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from console.schemas import schema_of
from crm_store.content.fields import Fields
from crm_store.content.workspace import load_workspace
from crm_store.journeys.steps import VERBS
from crm_store.journeys.triggers import TRIGGERS
from tests.content.checking import CAMPAIGN, faults_in, said_of, shop_with
from tests.journeys.files import journey
from tests.segmentation.test_jsonschema import faults

ROOT = Path(__file__).parents[2]
SHOP = load_workspace(ROOT)
CAMPAIGNS = Draft202012Validator(schema_of("campaign", SHOP))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(CAMPAIGNS.schema)


@pytest.mark.parametrize("path", sorted((ROOT / "config/campaigns").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_campaigns_of_the_workspace_are_valid(path: Path) -> None:
    assert faults(CAMPAIGNS, path.read_text(encoding="utf-8")) == []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """What every mapping that is read was asked for, by what it is."""
    found: dict[str, set[str]] = {}
    close = Fields.close

    def closed(fields: Fields) -> None:
        found.setdefault(fields.what, set()).update(fields._known)
        close(fields)

    monkeypatch.setattr(Fields, "close", closed)
    return found


def test_the_keys_of_a_file_are_those_that_are_read(tmp_path: Path, asked: dict[str, set[str]]) -> None:
    shop_with(tmp_path, {CAMPAIGN: journey()}).check()
    assert set(CAMPAIGNS.schema["properties"]) == asked["a campaign"]


@pytest.mark.parametrize("verb", [verb.verb for verb in VERBS])
def test_the_keys_of_a_step_are_those_that_are_read(tmp_path: Path, asked: dict[str, set[str]], verb: str) -> None:
    faults_in(shop_with(tmp_path, {CAMPAIGN: journey(steps=f"[{{{verb}: x}}]")}).root)
    assert set(CAMPAIGNS.schema["$defs"][f"step {verb}"]["properties"]) == asked[f"step '{verb}'"]


def test_the_keys_of_a_wait_are_those_that_are_read(tmp_path: Path, asked: dict[str, set[str]]) -> None:
    shop_with(tmp_path, {CAMPAIGN: journey(steps="[{wait: {for: 1 day}}]")}).check()
    _, wait = CAMPAIGNS.schema["$defs"]["step wait"]["properties"]["wait"]["anyOf"]
    assert set(wait["properties"]) == asked["'wait'"]


ENTRIES = {
    "time": ("broadcast", ["time: 2026-06-20 10:00", "every: week, days: [mon], at: '10:00'", "cron: 0 10 * * 1"]),
    "event": ("nurture", ["event: order"]),
    "segment": ("nurture", ["segment: x"]),
    "by_hand": ("nurture", ["by_hand: true"]),
    "date": ("occasion", ["date: birthday"]),
    "lapse": ("winback", ["lapse: order, after: 3 days"]),
}


@pytest.mark.parametrize("word", [trigger.word for trigger in TRIGGERS])
def test_the_keys_of_a_trigger_are_those_that_are_read(tmp_path: Path, asked: dict[str, set[str]], word: str) -> None:
    kind, entries = ENTRIES[word]
    for entry in entries:
        faults_in(shop_with(tmp_path, {CAMPAIGN: journey(kind=kind, enter=f"{{{entry}}}")}).root)
    (schema,) = [one for one in CAMPAIGNS.schema["properties"]["enter"]["anyOf"] if word in one["properties"]]
    read = set().union(*(keys for what, keys in asked.items() if what.startswith("'enter'")))
    assert set(schema["properties"]) == read


@pytest.mark.parametrize(
    ("path", "what", "keys"),
    [
        (("goal",), "'goal'", {"goal": "{event: order, within: 3 days}"}),
        (("late",), "'late'", {"late": "{within: 3 days}"}),
        (("runs",), "'runs'", {"runs": "{from: 2026-06-01}"}),
        (("offers", "additionalProperties"), "offer 't'", {"offers": "{t: {gift: tea, code: X}}"}),
        (("examples", "items"), "an example", {"examples": "[{touches: []}]"}),
    ],
)
def test_so_it_is_below(
    tmp_path: Path, asked: dict[str, set[str]], path: tuple[str, ...], what: str, keys: dict[str, str]
) -> None:
    faults_in(shop_with(tmp_path, {CAMPAIGN: journey(**keys)}).root)
    schema: Any = CAMPAIGNS.schema["properties"]
    for part in path:
        schema = schema[part]
    assert set(schema["properties"]) == asked[what]


BAD = {
    "titel": {"titel": "x"},
    "kind": {"kind": "nurtur"},
    "status": {"status": "alive"},
    "topic": {"topic": "ofers"},
    "again": {"again": "sometimes"},
    "condition": {"exit_when": "{event: ordr}"},
    "late": {"late": "{within: 3 dayz}"},
    "verb": {"steps": "[{snd: welcome}]"},
    "wait": {"steps": "[{wait: 3 dayz}]"},
    "two verbs": {"steps": "[{send: welcome, wait: 3 days}]"},
    "arm": {"steps": "[{branch: [{when: {event: order}}]}]"},
    "share": {"steps": "[{split: {a: {share: half}, b: {share: 50 %}}}]"},
    "example": {"examples": "[{touches: [{send: hello}]}]"},
    "changes": {"changes": "pinned"},
    "enter": {"enter": "{evnt: order}"},
    "hold_out": {"hold_out": "5"},
}


@pytest.mark.parametrize("keys", BAD.values(), ids=BAD)
def test_what_check_refuses_an_editor_marks(tmp_path: Path, keys: dict[str, str]) -> None:
    good = journey(steps="[{send: welcome}]")
    assert faults(CAMPAIGNS, good) == []
    text = journey(**{"steps": "[{send: welcome}]", **keys})
    assert faults(CAMPAIGNS, text)
    assert said_of(tmp_path, CAMPAIGN, text)


def test_conditions_are_those_of_segments() -> None:
    segments = schema_of("segment", SHOP)["$defs"]
    assert {name: CAMPAIGNS.schema["$defs"][name] for name in segments} == segments
