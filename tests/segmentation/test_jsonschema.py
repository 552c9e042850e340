"""The JSON Schemas: what editors are told is what `rapport check` takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from console.schemas import schema_of
from crm_store.content.workspace import load_workspace
from crm_store.segmentation.conditions import KINDS
from tests.content.checking import SEGMENT, said_of
from tests.content.test_faults import book_of

ROOT = Path(__file__).parents[2]
SHOP = load_workspace(ROOT)
SEGMENTS = Draft202012Validator(schema_of("segment", SHOP))
VOCABULARY = Draft202012Validator(schema_of("vocabulary", SHOP))


def faults(validator: Draft202012Validator, text: str) -> list[str]:
    return [error.message for error in validator.iter_errors(json.loads(json.dumps(yaml.safe_load(text), default=str)))]


def test_the_schemas_are_schemas() -> None:
    for validator in (SEGMENTS, VOCABULARY):
        Draft202012Validator.check_schema(validator.schema)


@pytest.mark.parametrize("path", sorted((ROOT / "segments").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_segments_of_the_workspace_are_valid(path: Path) -> None:
    assert faults(SEGMENTS, path.read_text(encoding="utf-8")) == []


def test_the_vocabulary_of_the_workspace_is_valid() -> None:
    assert faults(VOCABULARY, (ROOT / "config/vocabulary.yaml").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_kind_and_every_word_of_it_is_there(kind: Any) -> None:
    keys = SEGMENTS.schema["$defs"][kind.kind]["properties"]
    assert set(keys) == {name for field in kind.fields for name in field.name.split(", ")}


@pytest.mark.parametrize(
    "text",
    [
        "titel: x\nwho: {event: order}",
        "title: x",
        "who: {event: ordr}",
        "who: {event: order, in_lst: 3 days}",
        "who: {event: order, in_last: three days}",
        "who: {attribute: cuntry, is: DE}",
        "who: {all: {event: order}}",
        "who: {segment: nobody}",
        "who: {event: order}\nexamples: [{title: x}]",
        "who: {message: open}",
        "who: {consent: {channel: email}}",
        "who: {near: {place: x, places: y}, within: 10}",
        "who: {sample: ten}",
    ],
)
def test_what_check_refuses_an_editor_marks(tmp_path: Path, text: str) -> None:
    assert faults(SEGMENTS, text)
    assert said_of(tmp_path, SEGMENT, text + "\n")


@pytest.mark.parametrize("text", ["attributes: {a: {typ: text}}", "attributes: {a: {type: txt}}", "events: [a]", "x: y"])
def test_so_it_is_with_the_vocabulary(text: str) -> None:
    assert faults(VOCABULARY, text)


def test_the_vocabularys_keys_are_those_that_are_read() -> None:
    (line,) = [line for line in book_of("vocabulary").splitlines() if "has no 'bogus'" in line]
    known = line.partition("known are: ")[2].split(", ")
    assert sorted(VOCABULARY.schema["properties"]) == known
