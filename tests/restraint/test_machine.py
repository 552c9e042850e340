"""Whatever happens in a shop, with clocks that go wrong and processes that die: the laws of restraint hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import RESTRAINED
from tests.journeys.shopping import play
from tests.restraint.machine import Restrained


def test_whatever_happens_nobody_gets_too_much_or_at_the_wrong_time(store_url: str, tmp_path: Path) -> None:
    play(Restrained, store_url, tmp_path, RESTRAINED, 12)


@pytest.mark.long
def test_whatever_happens_nobody_gets_too_much_or_at_the_wrong_time_many_times(store_url: str, tmp_path: Path) -> None:
    play(Restrained, store_url, tmp_path, RESTRAINED * 20, 40)
