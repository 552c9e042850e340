"""rapport follow-up: tasks are listed, done once, and exported."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from crm_store.schema import customer, follow_up
from tests.console.cli.command import Rapport
from tests.world import NOON, VOCABULARY, Shop

KINDS = "follow_ups: {call: {title: Call, outcomes: [reached, gone]}, letter: {title: Letter}}\n"


@pytest.fixture(autouse=True)
def tasks(small_shop: Shop) -> None:
    """A call that is due tomorrow, a letter without a date, and a call that is due today."""
    small_shop.write({"config/vocabulary.yaml": VOCABULARY + KINDS})
    rows: list[dict[str, Any]] = [
        {"kind": "call", "assignee": "desk", "note": "Hello Alice\n\nand more", "due_at": NOON + timedelta(days=1)},
        {"kind": "letter", "assignee": None, "note": "=HYPERLINK(1)", "due_at": None},
        {"kind": "call", "assignee": "mia", "note": None, "due_at": NOON},
    ]

    def write(conn: Connection) -> None:
        alice = conn.execute(select(customer.c.id).where(customer.c.key == "alice")).scalar_one()
        conn.execute(insert(follow_up), [{**row, "customer_id": alice, "created_at": NOON} for row in rows])

    small_shop.store.write(write)


def numbers(rapport: Rapport, *words: str) -> list[int]:
    return [row["id"] for row in rapport("follow-up", "list", "--json", *words).json]


def test_open_tasks_are_listed_most_urgent_first(rapport: Rapport) -> None:
    assert numbers(rapport) == [3, 1, 2]
    said = rapport("follow-up", "list").out
    assert "Hello Alice" in said
    assert "and more" not in said


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--kind", "call"), [3, 1]),
        (("--assignee", "desk"), [1]),
        (("--kind", "letter", "--assignee", "desk"), []),
        (("--limit", "1"), [3]),
        (("--done",), []),
    ],
)
def test_options_choose_among_them(rapport: Rapport, words: tuple[str, ...], found: list[int]) -> None:
    assert numbers(rapport, *words) == found


def test_a_task_is_done_once(rapport: Rapport) -> None:
    assert rapport("follow-up", "done", "1", "--outcome", "reached").out == "task 1 is done: reached\n"
    assert numbers(rapport) == [3, 2]
    (row,) = rapport("follow-up", "list", "--done", "--json").json
    assert (row["id"], row["outcome"], row["done_at"]) == (1, "reached", NOON.isoformat())
    again = rapport("follow-up", "done", "1", "--outcome", "gone")
    assert again.error == "error: task 1 was done on 2026-06-15 12:00 UTC already; it stays as it is"


def test_words_that_are_not_known_are_refused_with_a_suggestion(rapport: Rapport) -> None:
    assert "did you mean 'reached'?" in rapport("follow-up", "done", "1", "--outcome", "reachd").error
    assert "did you mean 'call'?" in rapport("follow-up", "list", "--kind", "cal").error
    assert "task 9 is not there" in rapport("follow-up", "done", "9").error


def test_a_kind_without_outcomes_takes_any(rapport: Rapport) -> None:
    assert rapport("follow-up", "done", "2", "--outcome", "posted").code == 0


def test_open_tasks_are_exported_and_no_note_is_a_formula(rapport: Rapport, tmp_path: Path) -> None:
    file = tmp_path / "tasks.csv"
    assert rapport("follow-up", "export", str(file)).out == f"{file}: 3 tasks\n"
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["id"] for row in rows] == ["3", "1", "2"]
    assert (rows[1]["customer"], rows[1]["due_at"]) == ("alice", "2026-06-16 12:00:00Z")
    assert rows[2]["note"] == "'=HYPERLINK(1)"
    assert "is there already" in rapport("follow-up", "export", str(file)).error
    assert "can't be written" in rapport("follow-up", "export", str(tmp_path / "no" / "x.csv")).error


def test_only_the_kind_that_is_asked_for_is_exported(rapport: Rapport, tmp_path: Path) -> None:
    for number, words in enumerate((("--kind", "letter"), ("--assignee", "mia"), ("--kind", "call", "--assignee", "mia"))):
        said = rapport("follow-up", "export", str(tmp_path / f"{number}.csv"), *words).out
        assert said.endswith(": 1 tasks\n"), words
