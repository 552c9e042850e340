"""What `rapport up` says of its ticks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from console.cli.running import tell
from crm_store.clock import span
from crm_store.journeys.plan import Planned
from flows.tick import Ticked


def test_the_clock_tells_what_a_tick_did_and_when(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = Planned("welcome")
    tell(Ticked([nothing], {}))
    assert capsys.readouterr().out.endswith("Z nothing to do\n")
    tell(Ticked([nothing, replace(nothing, campaign="birthday", entered=3)], {}))
    said = capsys.readouterr().out
    assert "What was done at 2" in said
    assert "birthday" in said
    assert "welcome" not in said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=3), "3 seconds"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(milliseconds=500), "0.5 seconds"),
    ],
)
def test_a_span_is_said_in_its_largest_whole_unit(length: timedelta, said: str) -> None:
    assert span(length) == said
