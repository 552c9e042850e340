"""Killed at any point of the delivery path, nothing is sent twice, nothing is lost, and doubt is one request at most.

`make test` dies at some of the points, `make test-chaos` at every one.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.chaos.matrix import CASES, Case, sweep

RECORD = Path(__file__).parent / "points.json"
RECORDED: dict[str, int] = json.loads(RECORD.read_text(encoding="utf-8"))
SOME = 6  # deaths a case in the short sweep
CASES_BY_NAME = {case.name: case for case in CASES}


@pytest.fixture(params=CASES_BY_NAME)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES_BY_NAME[request.param]


def name_of(case: Case, store_url: str) -> str:
    return f"{store_url.partition(':')[0].partition('+')[0]} {case.name}"


def test_killed_here_and_there(case: Case, store_url: str, tmp_path: Path) -> None:
    step = RECORDED[name_of(case, store_url)] // SOME
    kinds = sweep(case, store_url, tmp_path, step, first=step // 2)
    if case.workers == 1:  # of several, who does how much is chance
        assert sum(kinds.values()) >= RECORDED[name_of(case, store_url)], "fewer points are watched than were recorded"


@pytest.mark.chaos
def test_killed_at_every_point(case: Case, store_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = sweep(case, store_url, tmp_path)
    name, points = name_of(case, store_url), sum(kinds.values())
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: killed at each of {points} points: {kinds}\n")
    if "RAPPORT_TEST_RECORD" in os.environ:
        RECORDED[name] = points
        RECORD.write_text(json.dumps(RECORDED, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert case.workers > 1 or points >= RECORDED[name], "fewer points are watched than were recorded"
