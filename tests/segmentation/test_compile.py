"""Selects are made once for an instant, and made again when what they were made of has changed."""

from __future__ import annotations

from datetime import timedelta

from crm_store.segmentation.compile import scope_of, select_among, select_ids, written_out
from crm_store.segmentation.language import OnDemand
from tests.segmentation.asking import Audience
from tests.world import NOON

BIRTHDAYS = "attribute: birthday, anniversary: {is: 2026-06-15}"


def test_the_select_of_an_instant_is_made_once(audience: Audience) -> None:
    segments = audience.read({"x": "event: order, in_last: 30 days"})
    who, zone = segments["x"].who, audience.workspace.settings.company.zone
    with audience.shop.store.read() as conn:
        first, again = (select_ids(who, scope_of(conn, NOON, zone, segments)) for _ in range(2))
        later = select_ids(who, scope_of(conn, NOON + timedelta(seconds=1), zone, segments))
        among = select_among(who, scope_of(conn, NOON, zone, segments, "among"))
    assert first is again
    assert len({id(one) for one in (first, later, among)}) == 3


def test_the_select_is_made_again_when_customers_live_in_other_zones(audience: Audience) -> None:
    """Kiritimati has its 16 June when it is noon of the 15th in Berlin."""
    today = "attribute: birthday, anniversary: {during: today}"
    audience.fill([{"key": "here", "birthday": "1990-06-15", "time_zone": "Europe/Berlin"}])
    assert audience.chosen(today) == ["here"]
    audience.fill([{"key": "far", "birthday": "1990-06-16", "time_zone": "Pacific/Kiritimati"}])
    assert audience.chosen(today) == ["far", "here"]


def test_nobody_comes_twice_whatever_leads(audience: Audience) -> None:
    orders = [{"customer": "twice", "event": "order", "at": f"2026-06-0{day}"} for day in (1, 2)]
    audience.fill([{"key": "twice"}], orders)
    recent = "{event: order, where: {size: {is_set: false}}, in_last: 30 days}"
    for who in (f"any: [{recent}]", f"any: [{recent}, {recent}]", f"all: [{recent}, {{event: order}}]"):
        assert audience.chosen(who) == ["twice"]


def test_postgresql_joins_with_sets_beside_or_and_behind_not(audience: Audience) -> None:
    """A set it can't join with it must hold in memory, or go through for each customer."""
    often = "{event: order, in_last: 30 days, count: {at_least: 2}}"
    who = f"all: [any: [{often}, {{not: {{event: order, in_last: 60 days}}}}], not: {{event: signed_up, in_last: 9 days}}]"
    segments = audience.read({"x": who})
    with audience.shop.store.read() as conn:
        if conn.dialect.name == "postgresql":
            scope = scope_of(conn, NOON, audience.workspace.settings.company.zone, segments)
            plan = conn.exec_driver_sql(f"EXPLAIN {written_out(segments['x'].who, scope, conn)}").scalars().all()
            assert not [line for line in plan if "SubPlan" in line]
    orders = [{"customer": "often", "event": "order", "at": f"2026-06-{day}"} for day in (10, 11)]
    few = {"customer": "few", "event": "order", "at": "2026-06-10"}
    audience.fill([{"key": key} for key in ("often", "few", "never")], [*orders, few])
    assert {"often", "few", "never"} & {*audience.chosen(who)} == {"often", "never"}


def test_zones_are_looked_up_only_if_a_condition_asks(audience: Audience) -> None:
    segments = audience.read({"x": "event: order", "y": BIRTHDAYS})
    with audience.shop.store.read() as conn:
        for name, asks in (("x", False), ("y", True)):
            scope = scope_of(conn, NOON, audience.workspace.settings.company.zone, segments)
            select_ids(segments[name].who, scope)
            assert isinstance(scope.local_dates, OnDemand)
            assert scope.local_dates.asked is asks


def test_paths_that_differ_are_different_sql(audience: Audience) -> None:
    """They are part of the text that SQLAlchemy keeps; it must not take one for the other."""
    audience.fill(
        [{"key": "a", "attributes": {"tier": "gold"}}, {"key": "b", "attributes": {"address": {"street": "gold"}}}]
    )
    chosen = [audience.chosen(f"attribute: {name}, is: gold") for name in ("tier", "address.street", "tier")]
    assert chosen == [["a"], ["b"], ["a"]]
