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
    return f"{store_url.partition(':')[0].partition('+')[0]} {case.way}"


def test_killed_here_and_there(case: Case, store_url: str, tmp_path: Path) -> None:
    points = RECORDED[name_of(case, store_url)]
    step = points // SOME
    died, kinds = sweep(case, store_url, tmp_path, step, step // 2, points + step)
    assert died
    assert case.workers > 1 or sum(kinds.values()) >= points, "fewer points are watched than were recorded"


@pytest.mark.chaos
def test_killed_at_every_point(case: Case, store_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = name_of(case, store_url)
    most = 100_000 if case.workers == 1 else RECORDED[name] + 1
    died, kinds = sweep(case, store_url, tmp_path, most=most)
    with capsys.disabled():
        sys.stdout.write(f"\n{name}, {case.workers} workers: died at {died} points {kinds}\n")
    if "RAPPORT_TEST_RECORD" in os.environ and case.workers == 1:
        known = json.loads(RECORD.read_text(encoding="utf-8")) | {name: died}  # another process may have recorded its case
        RECORD.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return
    assert case.workers > 1 or died >= RECORDED[name], "fewer points are watched than were recorded"
