"""Hints of `rapport check`: what a segment says, but probably does not mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_store.segmentation.hints import segment_hints
from tests.content.checking import SEGMENT, VOCABULARY_FILE, checked

WORDS = "events: {order: {fresh: 26 hours}, signed_up: {}}\ntopics: {offers: {}}\n"
NEVER = "`not` of 'order' in a window also holds for customers who never had one"
LATE = "3 hours is shorter than the 26 hours in which 'order' events may come late"


def hints(root: Path, who: str) -> list[str]:
    content = checked(root, {VOCABULARY_FILE: WORDS, SEGMENT: f"title: x\nwho: {{{who}}}\n"})
    return [str(hint) for hint in segment_hints(content.segments["x"])]


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("not: {event: order, in_last: 90 days}", [NEVER]),
        ("all: [{attribute: country, is: DE}, {not: {event: order, in_last: 90 days}}]", [NEVER]),
        ("any: [{event: order}, {not: {event: order, in_last: 90 days}}]", [NEVER]),
        ("all: [{event: signed_up}, {not: {event: order, in_last: 90 days}}]", [NEVER]),
        ("all: [{event: order}, {not: {event: order, in_last: 90 days}}]", []),
        ("all: [{event: order}, {all: [{not: {event: order, in_last: 90 days}}]}]", []),
        ("not: {event: order}", []),
        ("event: order, in_last: 3 hours", [LATE]),
        ("not: {not: {event: order, in_last: 3 hours}}", [LATE]),
        ("event: order, in_last: 26 hours", []),
        ("event: order, in_last: 1 month", []),
        ("event: signed_up, in_last: 3 hours", []),
    ],
)
def test_a_hint_is_given_where_it_helps(tmp_path: Path, who: str, said: list[str]) -> None:
    found = hints(tmp_path, who)
    assert len(found) == len(said)
    for hint, words in zip(found, said, strict=True):
        assert hint.startswith(f"{SEGMENT}:1: ")
        assert words in hint
