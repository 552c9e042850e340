"""The set-based engine and the simulator, which follows one customer at a time, come to the same in random shops."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.conftest import SHOPS
from tests.journeys.agreeing import change, engine_says, filled, new_shop, publish, request, simulated, simulator_says
from tests.journeys.files import sums_hold
from tests.journeys.random_journeys import Change, Journeys, journeys
from tests.journeys.simulator import Simulator
from tests.ledger.channels import Told, accept, use
from tests.world import Shop


def prove(shop: Shop, given: Journeys) -> None:
    """After each tick both say the same of every enrolment and every touch."""
    simulator, waiting = simulated(given), list(given.changes)
    filled(shop, given)
    for now in given.instants:
        while waiting and waiting[0].at <= now:
            happens(shop, simulator, waiting.pop(0))
        simulator.tick(now)
        shop.tick(now)
        assert engine_says(shop, given.campaigns) == simulator_says(simulator), f"after the tick of {now}"
        assert sums_hold(shop)


def happens(shop: Shop, simulator: Simulator, one: Change) -> None:
    if one.request:
        request(shop, simulator, one.campaign, one.request, one.customer, one.at)
    elif one.fields is not None:
        change(shop, simulator, one.customer, one.fields, one.at)
    elif simulator.campaigns[one.campaign].status != "ended":
        before = simulator.campaigns[one.campaign]
        said = {**(one.said or before.said), "status": one.status or before.status}
        publish(shop, simulator, one.campaign, said, one.at)


@settings(max_examples=SHOPS)
@given(given=journeys())
def test_engine_and_simulator_agree(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Journeys
) -> None:
    use(Told(accept), monkeypatch)
    with new_shop(store_url, tmp_path / "shop") as shop:
        prove(shop, given)


@pytest.mark.long
@settings(max_examples=SHOPS * 20)
@given(given=journeys())
def test_engine_and_simulator_agree_in_many_shops(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Journeys
) -> None:
    use(Told(accept), monkeypatch)
    with new_shop(store_url, tmp_path / "shop") as shop:
        prove(shop, given)
