"""What a campaign file says, but hardly means."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_store.journeys.hints import campaign_hints, copy_hints
from crm_store.store import memory_store
from tests.journeys.files import journey
from tests.world import NOON, Shop


def hints(root: Path, steps: str = "[{send: hello}]", **keys: str) -> list[str]:
    shop = Shop.open(root, memory_store())
    shop.campaign("c", journey(steps=steps, **keys))
    content = shop.check()
    return [str(one) for one in campaign_hints(content.campaigns["c"], NOON, content.workspace.settings.company.zone)]


def waits(*until: str) -> str:
    written = (f"{{wait: {{until: {one}}}, name: w{number}}}" for number, one in enumerate(until))
    return f"[{{send: hello}}, {', '.join(written)}, {{send: again}}]"


def test_a_wait_until_a_date_that_is_past_is_told(tmp_path: Path) -> None:
    assert hints(tmp_path, waits("2026-06-14")) == [
        "config/campaigns/c.yaml:5: step 'w0' waits until 2026-06-14, which is past (if_past: skip)"
    ]


def test_a_wait_until_a_date_before_that_of_an_earlier_wait_is_told(tmp_path: Path) -> None:
    assert hints(tmp_path, waits("2026-12-20", "2026-12-10 09:00")) == [
        "config/campaigns/c.yaml:5: step 'w1' waits until 2026-12-10 09:00, but step 'w0' waits until 2026-12-20 before it"
    ]


def test_a_wait_on_another_way_is_not_before_it(tmp_path: Path) -> None:
    late, soon = (f"[{{wait: {{until: {day}}}, name: d{day[8:]}}}, {{send: hello, name: m{day[8:]}}}]" for day in (
        "2026-12-20", "2026-12-10"))  # fmt: skip
    branch = f"{{branch: [{{when: {{event: order}}, then: {late}}}, {{otherwise: {soon}}}]}}"
    assert hints(tmp_path, f"[{branch}]") == []
    inner = hints(tmp_path, f"[{{wait: {{until: 2026-12-15}}}}, {branch}]")
    assert [line.partition(": ")[2].partition(" waits")[0] for line in inner] == ["step 'd10'"]


def test_waits_one_after_the_other_are_as_meant(tmp_path: Path) -> None:
    assert hints(tmp_path, waits("2026-06-16", "2026-12-10 09:00", "10 days after entered")) == []


@pytest.mark.parametrize(
    ("exit_when", "told"),
    [
        ("{event: signed_up, since: entered}", True),
        ("{any: [{event: order, since: entered}, {event: signed_up}]}", True),
        ("{event: signed_up, since: entered, count: {at_least: 2}}", False),
        ("{event: signed_up, where: {place: {is: shop}}}", False),
        ("{event: signed_up, since: step hello}", False),
        ("{event: order, since: entered}", False),
    ],
)
def test_an_exit_that_the_event_of_the_entry_meets_is_told(tmp_path: Path, exit_when: str, told: bool) -> None:
    said = "`exit_when` counts the 'signed_up' that enters too: everybody leaves at once"
    assert [said in one for one in hints(tmp_path, exit_when=exit_when)] == [True] * told


def test_a_file_that_says_the_same_as_another_is_told(tmp_path: Path) -> None:
    shop = Shop.open(tmp_path, memory_store())
    shop.campaign("a", journey())
    shop.campaign("b", "# a copy\ntitle: Another\n" + journey())
    shop.campaign("c", journey(limit="1 per 7 days"))
    (said,) = copy_hints(["c", "b", "a"], shop.workspace.sources)
    assert str(said).startswith(
        "config/campaigns/b.yaml:1: says the same as campaign 'a': whoever enters gets it all twice"
    )
