"""What `bin/test-keys` rests on: a key is left out where it stands, nowhere else, and that it had to stand there is seen.

Readers are changed in a process of their own, so that no other test meets them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crm_store.content.faults import Faults
from crm_store.content.nodes import parse
from crm_store.errors import ContentError
from crm_store.journeys.campaign import Campaign
from crm_store.schema import customer
from crm_store.segmentation.comparisons import ValueSpec, read_comparison
from tests.console.cli.test_help import parsed
from tests.content.checking import CAMPAIGN, checked
from tests.journeys.files import journey
from tests.keys.ignoring import WATCH, Key, change_readers
from tests.keys.proving import _forked


def said(work: Callable[[], object], ignored: Key) -> str:
    """What work says while a key is ignored, and what WATCH has seen of it."""

    def changed() -> str:
        change_readers()
        WATCH.ignored = ignored
        try:
            return f"{work()} {WATCH.refused}"
        except ContentError:
            return f"refused {WATCH.refused}"

    return _forked(changed)


def test_a_key_is_left_out_where_it_stands_and_nowhere_else(tmp_path: Path) -> None:
    def shares() -> str:
        text = journey(hold_out="5 %", late="{within: 3 days, otherwise: send}")
        found: Campaign = checked(tmp_path, {CAMPAIGN: text}).campaigns["c"]
        return f"{found.hold_out} {found.late.within.days} {found.late.otherwise}"

    assert said(shares, Key("nowhere", "hold_out")) == "5 3 send False"
    assert said(shares, Key("a campaign", "hold_out")) == "0 3 send False"
    assert said(shares, Key("'late'", "within")) == "5 0 send False"
    assert said(shares, Key("'late'", "otherwise", "send")) == "5 3 skip False"
    assert said(shares, Key("'late'", "otherwise", "ask")) == "5 3 send False"


def test_that_a_key_must_stand_there_is_seen(tmp_path: Path) -> None:
    def steps() -> int:
        return len(checked(tmp_path, {CAMPAIGN: journey()}).campaigns["c"].course.steps)

    assert said(steps, Key("a campaign", "steps")) == "refused True"


def test_of_a_comparison_any_value_will_do() -> None:
    def compared() -> str:
        comparison = read_comparison(parse("is: Berlin", "x.yaml", Faults()), ValueSpec("text"))
        return str(comparison.sql(customer.c.city))

    assert said(compared, Key("a comparison", "is")) == "customer.city IS NOT NULL False"
    assert said(compared, Key("a comparison", "in")) == "customer.city = :city_1 False"


def test_an_option_is_left_out() -> None:
    def limit() -> str:
        return str(parsed(["touches", "--limit", "3"]).params["limit"])

    assert said(limit, Key("rapport log", "limit")) == "3 False"
    assert said(limit, Key("rapport touches", "limit")) == "100 False"
