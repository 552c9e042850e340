"""YAML keeps every value as it was written, and says what it can't keep."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from crm_store.content.faults import Faults, Incomplete, Place
from crm_store.content.nodes import DEEPEST, Mapping, Scalar, parse
from tests.content.checking import SEGMENT, faults_of, said_of

# What YAML 1.1 takes for booleans, numbers, dates, base 60, octal and nothing.
EATEN = (
    "NO", "no", "Yes", "on", "OFF", "y", "true", "10:00", "1:30:00", "01067", "0x1F", "1_000", "1e3", ".5", "+49", "12.50",
    "1992-02-30", "2026-01-31", "2026-06-15 10:00:00", ".inf", ".NaN", "null", "Null", "NULL", "=", "<<", "1,234", "0b11",
)  # fmt: skip


def read(text: str) -> tuple[Mapping | None, list[str]]:
    """The mapping a text is, and the faults found as `line: what`."""
    faults = Faults()
    try:
        return parse(text, "f", faults), []
    except Incomplete:
        return None, [str(fault).removeprefix("f:") for fault in faults.found]


def faults(text: str) -> list[str]:
    found = Faults()
    with suppress(Incomplete):
        parse(text, "f", found)
    return [str(fault).removeprefix("f:") for fault in found.found]


def value(text: str) -> Scalar:
    """The scalar under `key`."""
    root, wrong = read(text)
    assert root is not None, wrong
    found = root.get("key")
    assert isinstance(found, Scalar)
    return found


@pytest.mark.parametrize("word", EATEN)
def test_a_plain_word_is_the_text_that_was_written(word: str) -> None:
    assert value(f"key: {word}") == value(f"key: '{word}'")
    assert value(f"key: {word}").text == word


@pytest.mark.parametrize("word", EATEN)
def test_a_key_is_the_text_that_was_written(word: str) -> None:
    root, wrong = read(f"{word}: x")
    assert root is not None, wrong
    assert root.names() == (word,)


@pytest.mark.parametrize("text", ["key:", "key: ~", "{key: }", "key: # nothing"])
def test_nothing_is_nothing_and_not_a_text(text: str) -> None:
    assert value(text).empty


@pytest.mark.parametrize(("text", "word"), [("key: '~'", "~"), ("key: ''", ""), ('key: ""', "")])
def test_a_quoted_nothing_is_a_text(text: str, word: str) -> None:
    assert (value(text).empty, value(text).text) == (False, word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("key: |\n  two\n  lines\n", "two\nlines\n"),
        ("key: >-\n  one\n  line\n", "one line"),
        ("key: 'it''s'", "it's"),
        ('key: "a\\tb \\u00e4"', "a\tb ä"),
        ("key: a # no comment#here", "a"),
        ("key: a#b", "a#b"),
        ("key: 🦆", "🦆"),
        ("key:    spaces around   ", "spaces around"),
    ],
)
def test_quotes_blocks_and_comments_are_yamls(text: str, word: str) -> None:
    assert value(text).text == word


def test_places_are_lines_of_the_file() -> None:
    root, _ = read("a: 1\n\n# a comment\nb:\n  - x\n  - y: {z: 2}\n")
    assert root is not None
    assert [key.place.line for key, _ in root.entries] == [1, 4]
    assert [node.place.line for _, node in root.entries] == [1, 5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ["3: 'a' stands here twice (first in line 1); keep one"]),
        ("a: {b: 1,\n b: 2}", ["2: 'b' stands here twice (first in line 1); keep one"]),
        ("a:\n  - {b: 1, b: 2}\n", ["2: 'b' stands here twice (first in line 2); keep one"]),
        ("'a': 1\na: 2\n\"a\": 3", [f"{n}: 'a' stands here twice (first in line 1); keep one" for n in (2, 3)]),
        ("a: !!python/object/apply:os.system ['true']",
         ["1: tag tag:yaml.org,2002:python/object/apply:os.system is not allowed; write plain text"]),
        ("a: !include other.yaml", ["1: tag !include is not allowed; write plain text"]),
        ("a: !!binary aGk=", ["1: tag tag:yaml.org,2002:binary is not allowed; write plain text"]),
        ("a: !!set {x, y}", ["1: tag tag:yaml.org,2002:set is not allowed; write plain text"]),
        ("? [a, b]\n: c", ["1: a key must be a plain word"]),
        ("- a\n- b", ["1: the file must consist of `key: value` lines"]),
        ("only a text", ["1: the file must consist of `key: value` lines"]),
        ("\n\n[a: 1]", ["3: the file must consist of `key: value` lines"]),
        ('a: "x\\0y"', ["1: holds a NUL character; take it out"]),
        ("a: !!int 3", ["1: tag tag:yaml.org,2002:int is not allowed; write plain text"]),
        ("a: &x 1\nb: *x", ["2: alias *x is not allowed; write it out"]),
        ("a: &x [*x]", ["1: alias *x is not allowed; write it out"]),
        ("a: 1\n---\nb: 2", ["2: a second document (`---`) begins; keep one, or make it a file of its own"]),
        ("a: 1\nb: !x y\nc: {d: 1, d: 2}\na: 4\n",
         ["2: tag !x is not allowed; write plain text",
          "3: 'd' stands here twice (first in line 3); keep one",
          "4: 'a' stands here twice (first in line 1); keep one"]),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_a_fault_each_with_its_line(text: str, expected: list[str]) -> None:
    assert faults(text) == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 'x", 1),
        ("a: 1\n\tb: 2", 2),
        ("a: b: c", 1),
        ("a: @x", 1),
        ("a: 1\nb: \x07", 1),
        ('a: "\\ud800"', 1),
        ("a: [1, 2", 2),
        ("a: 1\n b: 2", 2),
    ],
)
def test_what_is_not_yaml_says_where(text: str, line: int) -> None:
    (fault,) = faults(text)
    assert fault.startswith(f"{line}: not YAML: ")


@pytest.mark.parametrize("text", ["a: " + "[" * 60 + "]" * 60, "a: " + "[" * 50_000, "{a: " * 3_000, "a: " + "- " * 5_000])
def test_bottomless_nesting_is_a_fault_too(text: str) -> None:
    assert len(faults(text)) == 1


def test_nesting_is_taken_as_deep_as_it_says() -> None:
    inner = DEEPEST - 1  # the mapping is the first
    assert faults("a: " + "[" * inner + "x" + "]" * inner) == []
    assert faults("a: " + "[" * (inner + 1) + "x" + "]" * (inner + 1)) == [
        f"1: is nested deeper than {DEEPEST} levels; name a part of it as a segment of its own"
    ]


def test_an_alias_bomb_does_not_go_off() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert set(faults("\n".join(lines))) == {f"{n + 1}: alias *a{n - 1} is not allowed; write it out" for n in range(1, 12)}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    assert read(text) == (Mapping((), Place("f", 1)), [])


def test_the_rest_of_a_file_is_checked_beside_a_doubled_key(tmp_path: Path) -> None:
    text = "title: a\ntitle: b\nqestion: c\nwho: {attribute: cuntry, is: NO}\n"
    assert said_of(tmp_path, SEGMENT, text) == [
        "2: 'title' stands here twice (first in line 1); keep one",
        "3: a segment has no 'qestion'; did you mean 'question'?",
        "4: attribute 'cuntry' is not known in config/vocabulary.yaml; did you mean 'country'?",
    ]


def test_faults_of_several_files_come_at_once_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    files = {
        "segments/b.yaml": "who:\n  all:\n    - attribute: cuntry\n      is: DE\n    - event: ordr\n",
        "segments/a.yaml": "- not a mapping\n",
        "config/campaigns/c.yaml": "kind: nurture\ntopic: ofers\nenter: {event: signed_up}\nsteps: [{send: hello}]\n",
    }
    assert faults_of(tmp_path, files) == [
        "config/campaigns/c.yaml:2: topic 'ofers' is not known in config/vocabulary.yaml; did you mean 'offers'?",
        "segments/a.yaml:1: the file must consist of `key: value` lines",
        "segments/b.yaml:3: attribute 'cuntry' is not known in config/vocabulary.yaml; did you mean 'country'?",
        "segments/b.yaml:5: event 'ordr' is not known in config/vocabulary.yaml; did you mean 'order'?",
    ]
