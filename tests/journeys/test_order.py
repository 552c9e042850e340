"""Whoever runs which flow how often and in whatever order: until nothing is left to do, the ledger is the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from crm_store.journeys import slices
from crm_store.journeys.tick import plan_campaigns, refresh_segments
from crm_store.schema import follow_up
from tests.conftest import CASES
from tests.copies import copy_of, shop_on
from tests.journeys.files import sums_hold
from tests.journeys.worlds import World, worlds
from tests.world import Shop

# What may run at an instant, in any order and number, before somebody finishes the work.
RUNS = ("refresh", "plan", "plan", "deliver", "deliver a", "deliver b", "deliver c")
Disorder = Sequence[Sequence[str]]
disorders = st.lists(st.lists(st.sampled_from(RUNS), max_size=5), min_size=3, max_size=3)


def run(shop: Shop, what: str, now: datetime) -> None:
    name, _, campaign = what.partition(" ")
    if name == "deliver":
        shop.deliver(now, campaign or None)
    elif name == "refresh":
        refresh_segments(shop.store, now)
    else:
        refresh_segments(shop.store, now)
        plan_campaigns(shop.store, now)


def everything(shop: Shop) -> dict[str, Any]:
    """What must be the same; one mail for each touch that was sent."""
    ledger = shop.ledger()
    mails = len(list((shop.root / "outbox").glob("*/*.eml")))
    tasks = len(shop._rows(select(follow_up.c.id)))
    assert mails + tasks == sum(row[4] == "sent" for row in ledger)
    return {"ledger": ledger, "enrolments": sorted(shop.enrolments(), key=str), "goals": shop.goals()}


def in_order(shop: Shop, world: World) -> dict[str, Any]:
    for now in world.instants:
        world.change(shop, now)
        shop.tick(now)
        assert sums_hold(shop)
    return everything(shop)


def in_disorder(shop: Shop, world: World, disorder: Disorder) -> dict[str, Any]:
    for now, runs in zip(world.instants, disorder, strict=False):
        world.change(shop, now)
        for what in runs:
            run(shop, what, now)
            assert sums_hold(shop)
        shop.tick(now)
        assert sums_hold(shop)
    return everything(shop)


@contextmanager
def twins(url: str, root: Path, world: World) -> Iterator[tuple[Shop, Shop]]:
    """Two shops in the same world."""
    shutil.rmtree(root, ignore_errors=True)
    with copy_of(url) as one:
        with shop_on(one, root / "one") as shop:
            world.fill(Shop.open(shop.root, shop.store))
        shutil.copytree(root / "one", root / "two")
        with copy_of(one) as two, shop_on(one, root / "one") as first, shop_on(two, root / "two") as second:
            yield first, second


def prove(url: str, root: Path, world: World, disorder: Disorder, size: int) -> None:
    with twins(url, root, world) as (first, second):
        expected = in_order(first, world)
        with patch.object(slices, "SLICE", size):
            assert in_disorder(second, world, disorder) == expected
        for now in world.instants[-1:]:
            second.tick(now)
        assert everything(second) == expected


sizes = st.sampled_from([1, 2, 2000])


@settings(max_examples=max(1, CASES // 20))
@given(world=worlds(), disorder=disorders, size=sizes)
def test_any_order_and_number_of_flows_gives_the_same_ledger(
    store_url: str, tmp_path: Path, world: World, disorder: Disorder, size: int
) -> None:
    prove(store_url, tmp_path / "shops", world, disorder, size)


@pytest.mark.long
@settings(max_examples=CASES * 4)
@given(world=worlds(), disorder=disorders, size=sizes)
def test_any_order_and_number_of_flows_gives_the_same_ledger_in_many_worlds(
    store_url: str, tmp_path: Path, world: World, disorder: Disorder, size: int
) -> None:
    prove(store_url, tmp_path / "shops", world, disorder, size)
