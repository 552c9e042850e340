"""Whatever happens in a shop, in any order, with processes dying in between: it stays what the simulator says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MACHINES
from tests.journeys.machine import Machine
from tests.journeys.shopping import play


def test_whatever_happens_in_any_order(store_url: str, tmp_path: Path) -> None:
    play(Machine, store_url, tmp_path, MACHINES, 25)


@pytest.mark.long
def test_whatever_happens_in_any_order_many_times(store_url: str, tmp_path: Path) -> None:
    play(Machine, store_url, tmp_path, MACHINES * 40, 50)
