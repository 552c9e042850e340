"""Whatever happens in a shop, in any order, with processes dying in between: it stays what the simulator says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import MACHINES
from tests.journeys.machine import Machine


def run(url: str, root: Path, cases: int, steps: int) -> None:
    machine = type("Machine", (Machine,), {"url": url, "root": root / "shop"})
    run_state_machine_as_test(machine, settings=settings(max_examples=cases, stateful_step_count=steps))


def test_whatever_happens_in_any_order(store_url: str, tmp_path: Path) -> None:
    run(store_url, tmp_path, MACHINES, 25)


@pytest.mark.long
def test_whatever_happens_in_any_order_many_times(store_url: str, tmp_path: Path) -> None:
    run(store_url, tmp_path, MACHINES * 40, 50)
