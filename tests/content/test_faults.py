"""Every kind of fault a file can have: the books in faults/ hold the files, and what is said of each, line by line.

A case is a file, then what is said of it after `=>`; `----` is between two.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_store.content.sources import PLACES
from tests.content.checking import CAMPAIGN, SEGMENT, SETTINGS_FILE, VOCABULARY_FILE, faults_of, said_of

BOOKS = {
    "segment": SEGMENT,
    "campaign": CAMPAIGN,
    "settings": SETTINGS_FILE,
    "vocabulary": VOCABULARY_FILE,
    "places": PLACES,
}
MARK = "=> "


def cases() -> Iterator[object]:
    for book, file in BOOKS.items():
        for number, case in enumerate(book_of(book).split("----\n"), start=1):
            lines = case.splitlines(keepends=True)
            text = "".join(line for line in lines if not line.startswith(MARK))
            said = [line.removeprefix(MARK).strip() for line in lines if line.startswith(MARK)]
            yield pytest.param(file, text, said, id=f"{book}-{number}-{said[0]}")


def book_of(name: str) -> str:
    return (Path(__file__).parent / "faults" / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("file", "text", "said"), list(cases()))
def test_every_fault_of_a_file_is_said_at_once_with_its_line(tmp_path: Path, file: str, text: str, said: list[str]) -> None:
    assert said_of(tmp_path, file, text) == said


FIVE = """\
titel: Five faults
who:
  all:
    - attribute: tier
      is: golden
    - event: order
      where: {stor: {is: berlin}}
      in_last: 3 dayz
    - reachable: {channel: email, topic: ofers}
"""
FIVE_SAID = [
    "1: a segment has no 'titel'; did you mean 'title'?",
    "5: 'golden' is not one of its values; did you mean 'gold'?",
    "7: event 'order' has no property 'stor' in the vocabulary; did you mean 'store'?",
    "8: in_last: '3 dayz' has no unit of time; did you mean 'days'?",
    "9: topic 'ofers' is not known in config/vocabulary.yaml; did you mean 'offers'?",
]


def test_five_faults_of_two_files_are_ten(tmp_path: Path) -> None:
    files = {"segments/a.yaml": FIVE, "segments/b.yaml": FIVE}
    assert faults_of(tmp_path, files) == [f"{file}:{said}" for file in files for said in FIVE_SAID]


def test_a_segment_that_names_one_with_faults_has_none_of_its_own(tmp_path: Path) -> None:
    files = {"segments/a.yaml": "who: {segment: b}\n", "segments/b.yaml": "who: {event: ordr}\n"}
    assert faults_of(tmp_path, files) == [
        "segments/b.yaml:1: event 'ordr' is not known in config/vocabulary.yaml; did you mean 'order'?"
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a": "segment: b", "b": "not: {segment: a}"}, ["a.yaml:1: a segment can't be part of itself: a -> b -> a"]),
        (
            {"d": "segment: c", "c": "any: [{event: order}, {segment: b}]", "b": "all: [{segment: d}]"},
            ["b.yaml:1: a segment can't be part of itself: b -> d -> c -> b"],
        ),
        (
            {"a": "segment: a", "b": "segment: b", "c": "segment: a"},
            ["a.yaml:1: a segment can't be part of itself: a -> a", "b.yaml:1: a segment can't be part of itself: b -> b"],
        ),
        ({"a": "all: [{segment: b}, {segment: c}]", "b": "segment: c", "c": "event: order"}, []),
    ],
)
def test_a_cycle_is_printed_once(tmp_path: Path, files: dict[str, str], said: list[str]) -> None:
    written = {f"segments/{name}.yaml": f"who: {{{who}}}\n" for name, who in files.items()}
    assert faults_of(tmp_path, written) == [f"segments/{fault}" for fault in said]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("who:\n  all:\n    - event: order\n      count:\n        at_leest: 1\n", 5),
        ("who: {all: [{event: order,\n  count: {\n at_leest: 1}}]}\n", 3),
        ("# one\n\n# two\nwho:\n  not:\n    attribute:\n      cuntry\n    is: DE\n", 7),
    ],
)
def test_the_line_is_that_of_the_word_however_the_file_is_laid_out(tmp_path: Path, text: str, line: int) -> None:
    (said,) = said_of(tmp_path, SEGMENT, text)
    assert said.startswith(f"{line}: ")
    assert "did you mean" in said
