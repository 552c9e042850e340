"""The segments that a person wrote in SQL, and the report of how ours compares with them."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from benchmarks import following, handwritten, segments
from benchmarks.handwritten import FOLDER, WORKSPACE, formulations, look_up, names, sql_of
from benchmarks.measure import Wanted, case
from benchmarks.segments import Compared, nearest, summary
from benchmarks.stores import kept_store

DIALECTS = ("sqlite", "postgres")


def test_every_segment_is_written_by_hand() -> None:
    assert names() == sorted(path.stem for path in (WORKSPACE / "segments").glob("*.yaml"))
    assert len(names()) == 20


@pytest.mark.parametrize("name", names())
def test_there_are_three_formulations_for_each_database(name: str) -> None:
    for dialect in DIALECTS:
        found = [one.name for one in formulations(name, dialect)]
        assert len(set(found)) == len(found) >= 3
    assert all("{among" in one.text or "[[" in one.text for one in formulations(name, "sqlite"))


def test_every_part_is_used() -> None:
    text = "".join(path.read_text() for path in FOLDER.glob("*.sql"))
    assert {path.stem for path in (FOLDER / "parts").glob("*.sql")} == set(re.findall(r"\[\[(\w+)\]\]", text))


def test_all_formulations_give_the_same_ids(filled: Connection) -> None:
    known = look_up(filled)
    for name in names():
        for among in (None, list(range(1, 101))):
            answers = [
                filled.exec_driver_sql(sql_of(one, known, among)).scalars().all()
                for one in formulations(name, known.dialect)
            ]
            assert all(sorted(one) == sorted(set(answers[0])) for one in answers), (name, among is None)
            assert among is None or set(answers[0]) <= set(among)


def test_placeholders_that_are_unknown_are_seen() -> None:
    with pytest.raises(KeyError):
        sql_of(handwritten.Formulation("odd", None, "SELECT {{nothing}}"), handwritten.Known("sqlite", {}))


def compared(name: str, mode: str, ours: float, floor: float, differs: list[str]) -> Compared:
    return Compared(case(f"{name} ({mode})", ours, floor), mode, 1, "join", 0.01, 50.0, 40.0, {"join": floor}, differs)


def test_the_summary_has_median_worst_and_what_differs() -> None:
    results = [compared("a", "all", 1, 1, []), compared("b", "all", 3, 1, ["join"]), compared("a", "among", 2, 1, [])]
    found = summary(results, ["segments/c.yaml:1: odd"])
    assert found["all"] == {"median": 2.0, "worst": 3.0}
    assert found["among"] == {"median": 2.0, "worst": 2.0}
    assert found["differs"] == {"b (all)": ["join"]}
    assert (found["peak_mb"], found["not_loaded"]) == (50.0, ["segments/c.yaml:1: odd"])


def test_only_the_near_ones_are_timed_in_turns() -> None:
    assert nearest({"slow": (9.0, True), "fast": (1.0, True), "near": (1.2, True), "given up": (None, True)}) == [
        "fast",
        "near",
    ]


@pytest.mark.long
def test_a_segment_is_compared_on_a_small_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "kept_store", partial(kept_store, into=tmp_path))
    result = segments.measure(Wanted(200, "200", "sqlite", True, ("regulars",)))
    assert [one["name"] for one in result["cases"]] == ["regulars (all)", "regulars (among)"]
    assert result["differs"] == {}
    assert {"all", "among", "peak_mb", "ratio", "ours_s", "floor_s"} <= result.keys()


@pytest.mark.long
def test_following_is_measured_on_a_small_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (segments, following):
        monkeypatch.setattr(module, "kept_store", partial(kept_store, into=tmp_path))
    result = following.measure(Wanted(200, "200", "sqlite", True, ("regulars",)))
    assert [one["name"] for one in result["cases"]] == ["regulars"]
    assert result["parts"].keys() == {"first", "nothing_new", "after_1_percent"}
    assert result["longest_write_ms"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["rapport-200.db"]  # the copy is gone
