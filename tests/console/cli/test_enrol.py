"""rapport campaign enrol: customers enter by hand, once for each key of a request."""

from __future__ import annotations

import pytest

from tests.console.cli.command import Rapport
from tests.journeys.files import journey
from tests.world import Shop

WORDS = ("campaign", "enrol", "c", "--request", "r1")


@pytest.fixture(autouse=True)
def by_hand(small_shop: Shop) -> None:
    small_shop.segment("everybody", "{attribute: key, is_set: true}")
    small_shop.campaign("c", journey(enter="{by_hand: true}"))
    small_shop.publish()


def test_it_says_how_many_are_new(rapport: Rapport) -> None:
    said = "c, request r1: {} of {} customers are new; they enter with the next run"
    assert rapport(*WORDS, "--customer", "alice").out.strip() == said.format(1, 1)
    assert rapport(*WORDS, "--customer", "alice").out.strip() == said.format(0, 1)
    found = rapport(*WORDS, "--segment", "everybody", "--json").json
    assert found["new"] == found["customers"] - 1
    assert found["request"] == "r1"


def test_whom_is_said_once_and_known(rapport: Rapport) -> None:
    whom = "whom? say one of --customer KEY, --segment NAME, --list NAME"
    assert whom in rapport(*WORDS).error
    assert whom in rapport(*WORDS, "--customer", "alice", "--list", "fair").error
    unknown = rapport(*WORDS, "--segment", "everybdy").error
    assert "segment 'everybdy' is not in segments/; did you mean 'everybody'?" in unknown
    for whose in ("--list", "--customer"):
        ran = rapport(*WORDS, whose, "fair")
        assert (ran.code, "'fair' is not in the store" in ran.error) == (2, True)


def test_applying_says_how_many_would_enter(rapport: Rapport, small_shop: Shop) -> None:
    small_shop.campaign("d", journey(enter="{segment: everybody, existing: enrol}"))
    count = rapport("segment", "count", "everybody").out.strip()
    said = f"campaign d is live now; {count} customers would enter today"
    assert said in rapport("apply", "--dry-run").out
    assert said in rapport("apply").out
    assert said not in rapport("apply").out
