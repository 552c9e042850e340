"""Which workspace, which store, which now: by an option, else by the environment, else by the folder one is in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.console.cli.command import Rapport
from tests.world import Shop

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def segments(rapport: Rapport, *options: str) -> list[str]:
    return [row["segment"] for row in rapport(*options, "segment", "list", "--json").json]


@pytest.fixture
def other(tmp_path: Path, small_shop: Shop) -> Shop:
    """A second workspace, with a segment of its own."""
    shop = Shop.open(tmp_path / "other", small_shop.store)
    shop.segment("others", "event: order")
    return shop


def test_the_option_names_the_workspace(nowhere: Rapport, small_shop: Shop) -> None:
    assert segments(nowhere, "--workspace", str(small_shop.root)) == ["buyers"]


def test_a_relative_workspace_is_taken_from_here(nowhere: Rapport, small_shop: Shop) -> None:
    assert segments(nowhere, "--workspace", "shop") == ["buyers"]


def test_the_environment_names_the_workspace(nowhere: Rapport, small_shop: Shop) -> None:
    nowhere.monkeypatch.setenv("RAPPORT_WORKSPACE", str(small_shop.root))
    assert segments(nowhere) == ["buyers"]


def test_the_option_wins_over_the_environment(nowhere: Rapport, small_shop: Shop, other: Shop) -> None:
    nowhere.monkeypatch.setenv("RAPPORT_WORKSPACE", str(small_shop.root))
    assert segments(nowhere, "--workspace", str(other.root)) == ["others"]


def test_the_environment_wins_over_the_folder_one_is_in(nowhere: Rapport, small_shop: Shop, other: Shop) -> None:
    nowhere.monkeypatch.chdir(small_shop.root)
    nowhere.monkeypatch.setenv("RAPPORT_WORKSPACE", str(other.root))
    assert segments(nowhere) == ["others"]


def test_an_empty_variable_names_nothing(nowhere: Rapport, small_shop: Shop) -> None:
    nowhere.monkeypatch.setenv("RAPPORT_WORKSPACE", "")
    nowhere.monkeypatch.chdir(small_shop.root)
    assert segments(nowhere) == ["buyers"]


def test_else_it_is_the_nearest_folder_from_here_upwards(nowhere: Rapport, small_shop: Shop, other: Shop) -> None:
    inner = Shop.open(small_shop.root / "branches" / "north", small_shop.store)
    inner.segment("northern", "event: order")
    for folder, found in (("templates/hello", "buyers"), ("branches/north/config", "northern"), (".", "buyers")):
        nowhere.monkeypatch.chdir(small_shop.root / folder)
        assert segments(nowhere) == [found]


def test_without_any_workspace_the_ways_out_are_said(nowhere: Rapport, store_url: str) -> None:
    assert nowhere("segment", "list").error == (
        "error: no config/rapport.yaml here or above; go to a workspace, name one with --workspace, or `rapport init DIR`"
    )


def keys(rapport: Rapport, *options: str) -> list[str]:
    return [row["key"] for row in rapport(*options, "segment", "members", "buyers", "--json").json]


@pytest.fixture
def inside(nowhere: Rapport, small_shop: Shop) -> Rapport:
    """The command in the workspace, whose own store - not the one filled - is empty."""
    nowhere.monkeypatch.chdir(small_shop.root)
    return nowhere


def test_the_option_names_the_store(inside: Rapport, store_url: str) -> None:
    assert keys(inside, "--store", store_url) == ["alice"]


def test_the_environment_names_the_store(inside: Rapport, store_url: str) -> None:
    inside.monkeypatch.setenv("RAPPORT_STORE", store_url)
    assert keys(inside) == ["alice"]


def test_the_stores_option_wins_over_the_environment(inside: Rapport, store_url: str) -> None:
    inside.monkeypatch.setenv("RAPPORT_STORE", "sqlite:////no/where.db")
    assert keys(inside, "--store", store_url) == ["alice"]


def test_else_the_settings_name_the_store_below_the_workspace(inside: Rapport, small_shop: Shop) -> None:
    assert keys(inside) == []
    assert (small_shop.root / "rapport.db").is_file()


def test_a_relative_store_is_below_the_workspace_wherever_one_is(nowhere: Rapport, small_shop: Shop) -> None:
    keys(nowhere, "--workspace", "shop", "--store", "sqlite:///own.db")
    assert (small_shop.root / "own.db").is_file()


def test_flows_of_this_process_are_told_the_store_by_the_environment(inside: Rapport, store_url: str) -> None:
    keys(inside, "--store", store_url)
    assert os.environ["RAPPORT_STORE"] == store_url


@pytest.mark.parametrize(
    ("now", "members"),
    [
        ("2026-06-15T10:59:59Z", []),
        ("2026-06-15T11:00:00Z", ["alice"]),
        ("2026-06-15T12:59:59", []),
        ("2026-06-15T13:00", ["alice"]),
        ("2026-06-15", []),
        ("2026-06-16", ["alice"]),
        ("2026-06-15T13:00:00+02:00", ["alice"]),
    ],
)
def test_now_is_an_instant_local_to_the_company_unless_it_says_otherwise(
    inside: Rapport, store_url: str, now: str, members: list[str]
) -> None:
    assert keys(inside, "--store", store_url, "--now", now) == members


def test_without_now_it_is_the_machines_clock(inside: Rapport, store_url: str) -> None:
    shown = inside("--store", store_url, "segment", "count", "buyers", "--json").json
    from datetime import datetime

    from crm_store.clock import machine_instant

    assert abs((datetime.fromisoformat(shown["now"]) - machine_instant()).total_seconds()) < 60
