"""What `rapport up` says of its ticks. Prefect is imported where it is needed, so that collecting tests stays quick."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from console.cli.output import progress_bars
from console.cli.running import in_short, report, tell
from crm_store.clock import span
from crm_store.journeys.plan import Planned
from outreach.beside import Drained


def test_the_clock_tells_what_a_tick_did_and_when(capsys: pytest.CaptureFixture[str]) -> None:
    from flows.tick import Ticked

    nothing = Planned("welcome")
    tell(Ticked([nothing], {}))
    assert capsys.readouterr().out.endswith("Z nothing to do\n")
    tell(Ticked([nothing, replace(nothing, campaign="birthday", entered=3)], {}))
    said = capsys.readouterr().out
    assert "What was done at 2" in said
    assert "birthday" in said
    assert "welcome" not in said
    assert "report RUN" not in said


def test_a_runs_table_says_which_way_touches_went_and_where_there_is_more(capsys: pytest.CaptureFixture[str]) -> None:
    from flows.tick import Ticked

    planned = [Planned("welcome", run_id, touches=5, expired=1) for run_id in (8, 7)]
    drained = Drained(judged=10, sent=1, skipped=2, put_off=3, cancelled=4)
    report([Ticked(planned, {"welcome": drained}), Ticked([Planned("welcome")], {"welcome": drained})], as_json=False)
    _, _, head, _, row, *_, more = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert head == "campaign runs entered moved left planned expired judged sent skipped cancelled put off failed"
    assert row == "welcome 7, 8 0 0 0 10 2 20 2 4 8 6 0"
    assert more == "`rapport report RUN` says what became of a run's touches, and why"


def test_what_was_published_is_a_short_line_however_much_it_is() -> None:
    few = ["template a", "template b", "template c", "campaign welcome"]
    assert in_short(few) == "template a, b, c; campaign welcome"
    named = "`rapport log --subject workspace` names them"
    assert in_short([*few, "template d"]) == f"4 templates; campaign welcome; {named}"


def test_whoever_reads_a_pipe_is_told_of_progress_every_ten_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 3.0, 10.0, 12.0, 25.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with progress_bars({"orders": 9_000}) as tell:
        for more in (500, 600, 700, 800):
            tell("orders", more)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "orders: 1,100 of 9,000\norders: 2,600 of 9,000\n")


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
