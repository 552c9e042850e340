"""Whatever happens in a shop, with clocks that go wrong and processes that die: the laws of restraint hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import RESTRAINED
from tests.restraint.machine import Restrained


def run(url: str, root: Path, cases: int, steps: int) -> None:
    machine = type("Restrained", (Restrained,), {"url": url, "root": root / "shop"})
    run_state_machine_as_test(machine, settings=settings(max_examples=cases, stateful_step_count=steps))


def test_whatever_happens_nobody_gets_too_much_or_at_the_wrong_time(store_url: str, tmp_path: Path) -> None:
    run(store_url, tmp_path, RESTRAINED, 12)


@pytest.mark.long
def test_whatever_happens_nobody_gets_too_much_or_at_the_wrong_time_many_times(store_url: str, tmp_path: Path) -> None:
    run(store_url, tmp_path, RESTRAINED * 20, 40)
