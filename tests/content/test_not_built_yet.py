"""A word of the grammar that is not built yet says so, wherever it stands; it is never ignored, and never a mystery."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_store.content.settings import PLANNED as PLANNED_SETTINGS
from tests.content.checking import CAMPAIGN, SETTINGS_FILE, VOCABULARY_FILE, said_of
from tests.world import SETTINGS

OUT = "not built yet; take it out for now"


def campaign(**keys: str) -> str:
    usual = {"kind": "nurture", "topic": "offers", "enter": "{event: order}", "steps": "[{send: hello}]"}
    return "".join(f"{name}: {value}\n" for name, value in {**usual, **keys}.items())


def test_keys_of_offers(tmp_path: Path) -> None:
    text = campaign(offers="{t: {gift: x, code: X, budget: 5}}")
    assert said_of(tmp_path, CAMPAIGN, text) == [f"5: offer 't': 'budget' is {OUT}"]


def test_keys_of_the_vocabulary(tmp_path: Path) -> None:
    text = "attributes: {a: {type: text, personal: yes}}\nevents: {e: {nets: e}}\n"
    assert said_of(tmp_path, VOCABULARY_FILE, text) == [
        f"1: attribute 'a': 'personal' is {OUT}",
        f"2: event 'e': 'nets' is {OUT}",
    ]


@pytest.mark.parametrize("key", PLANNED_SETTINGS)
def test_keys_of_settings(tmp_path: Path, key: str) -> None:
    assert said_of(tmp_path, SETTINGS_FILE, f"{SETTINGS}{key}: x\n") == [f"5: rapport.yaml: '{key}' is {OUT}"]
