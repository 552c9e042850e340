"""Customers who share an address: one of them gets a campaign's mail; and no address gets service mails without end."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from sqlalchemy import func, select

from crm_store.ledger import addresses
from crm_store.schema import address_use
from tests.content.checking import SETTINGS_FILE
from tests.journeys.files import journey, said_of, start
from tests.ledger.rows import by_customer, claim_all, run_out_leases, two_claims_at_once
from tests.world import NOON, SETTINGS, Shop

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
HOME = "home@example.com"
ORDERS = {"enter": "{event: order}", "again": "per event"}
SERVICE: dict[str, str | None] = {"purpose": "service", "basis": "the order", "topic": None}


def family(shop: Shop, *keys: str) -> None:
    """Customers who share an address, written in ways that mean the same; and one who has her own."""
    for number, key in enumerate(keys):
        shop.customer(key, email=HOME if number % 2 else HOME.replace("example", "Example"))
        shop.event(key, "signed_up", HOUR)
    shop.customer("zoe")
    shop.event("zoe", "signed_up", HOUR)


def run(shop: Shop, now: timedelta = timedelta(0)) -> dict[str, tuple[str, str | None]]:
    shop.plan(NOON + now)
    shop.deliver(NOON + now)
    return by_customer(shop, "state", "reason")


def test_of_those_who_share_an_address_one_is_written_to(shop: Shop) -> None:
    start(shop)
    family(shop, "alice", "bob", "carol")
    other = ("skipped", "same_address")
    assert run(shop) == {"alice": ("sent", None), "bob": other, "carol": other, "zoe": ("sent", None)}
    assert len(shop.mails()) == 2


def test_one_who_comes_to_share_it_later_is_another_too(shop: Shop) -> None:
    start(shop)
    shop.customer("alice", email=HOME)
    shop.event("alice", "signed_up", HOUR)
    run(shop)
    shop.customer("bob", email=HOME)
    shop.event("bob", "signed_up", NOON + HOUR)
    assert run(shop, 2 * HOUR)["bob"] == ("skipped", "same_address")


def test_another_step_and_another_campaign_are_another_mail(shop: Shop) -> None:
    start(shop, steps="[{send: hello}, {wait: 1 day}, {send: again}]")
    shop.campaign("d", journey())
    shop.publish()
    family(shop, "alice", "bob")
    run(shop)
    run(shop, DAY)
    went = [(row[0], row[2], row[3]) for row in shop.touches() if row[1] != "zoe"]
    for mail in (("c", "hello"), ("c", "again"), ("d", "hello")):
        assert sorted(state for *one, state in went if tuple(one) == mail) == ["sent", "skipped"]


def test_one_per_address_false_lifts_it(shop: Shop) -> None:
    start(shop, one_per_address="false")
    family(shop, "alice", "bob")
    assert run(shop) == dict.fromkeys(("alice", "bob", "zoe"), ("sent", None))


@pytest.mark.parametrize(("keys", "states"), [({}, ["sent", "sent"]), ({"one_per_address": "true"}, ["sent", "skipped"])])
def test_a_birthday_is_everybodys_own_unless_the_file_says_otherwise(
    shop: Shop, keys: dict[str, str], states: list[str]
) -> None:
    start(shop, NOON - DAY, kind="occasion", enter='{date: birthday, at: "09:00"}', **keys)
    for key in ("alice", "bob"):
        shop.customer(key, email=HOME, birthday="1990-06-15")
    assert sorted(one[0] for one in run(shop).values()) == states


def test_events_of_one_day_are_one_occasion_and_of_two_days_two(shop: Shop) -> None:
    start(shop, NOON - DAY, **ORDERS)
    for key in ("alice", "bob"):
        shop.customer(key, email=HOME)
    shop.event("alice", "order", 2 * HOUR, amount="5.00")
    shop.event("bob", "order", HOUR, amount="5.00")
    assert run(shop) == {"alice": ("sent", None), "bob": ("skipped", "same_address")}
    shop.event("alice", "order", NOON + HOUR, amount="5.00")  # her own mail is nobody else's
    assert run(shop, HOUR)["alice"] == ("sent", None)
    shop.event("bob", "order", NOON + DAY, amount="5.00")
    assert run(shop, DAY)["bob"] == ("sent", None)


def test_who_does_not_pass_the_other_gates_does_not_take_the_address(shop: Shop) -> None:
    start(shop, audience="{not: {attribute: tier, is: gold}}")
    family(shop, "alice", "bob")
    shop.plan()
    shop.customer("alice", email=HOME, attributes={"tier": "gold"})
    assert run(shop) == {"alice": ("skipped", "audience"), "bob": ("sent", None), "zoe": ("sent", None)}


def test_what_is_given_back_and_claimed_again_keeps_its_own(shop: Shop) -> None:
    start(shop)
    family(shop, "alice", "bob")
    shop.plan()
    claim_all(shop)
    run_out_leases(shop)
    assert run(shop) == {"alice": ("sent", None), "bob": ("skipped", "same_address"), "zoe": ("sent", None)}


def test_only_shared_addresses_are_written_down_and_not_in_clear(shop: Shop) -> None:
    start(shop)
    family(shop, "alice", "bob")
    run(shop)
    with shop.store.read() as conn:
        assert conn.execute(select(func.count()).select_from(address_use)).scalar_one() == 1


def test_two_claims_at_once_write_to_an_address_once(shop: Shop) -> None:
    start(shop)
    family(shop, *(f"customer-{number}" for number in range(6)))
    shop.plan()
    two_claims_at_once(shop, 3)
    run(shop)
    assert sorted(one[0] for key, one in by_customer(shop, "state", "reason").items() if key != "zoe").count("skipped") == 5


def test_service_goes_to_everybody_at_an_address(shop: Shop) -> None:
    start(shop, **SERVICE)
    family(shop, "alice", "bob")
    assert run(shop) == dict.fromkeys(("alice", "bob", "zoe"), ("sent", None))


def test_an_address_gets_so_many_service_mails_and_the_rest_waits(shop: Shop) -> None:
    shop.write({SETTINGS_FILE: f"{SETTINGS}service_per_address: 2 per 1 day\n"})
    start(shop, wait_at_most="2 days", **SERVICE)
    family(shop, "alice", "bob", "carol")
    assert run(shop)["carol"] == ("due", "address_rate")
    assert by_customer(shop, "due_at")["carol"] == NOON + DAY
    assert run(shop, DAY - HOUR)["carol"] == ("due", "address_rate")
    assert run(shop, DAY)["carol"] == ("sent", None)


def test_two_claims_that_look_at_once_don_t_exceed_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    both, look = Barrier(2), addresses._given

    def looking(*args: Any) -> Any:
        found = look(*args)
        with suppress(BrokenBarrierError):  # the other waits for us to commit: let go
            both.wait(0.3)
        return found

    monkeypatch.setattr(addresses, "_given", looking)
    shop.write({SETTINGS_FILE: f"{SETTINGS}service_per_address: 1 per 1 day\n"})
    start(shop, wait_at_most="2 days", **SERVICE)
    family(shop, "alice", "bob")
    shop.plan()
    two_claims_at_once(shop, 1)
    assert [by_customer(shop, "state")[key] for key in ("alice", "bob")].count("claimed") == 1


def test_service_that_would_expire_before_there_is_room_ends(shop: Shop) -> None:
    shop.write({SETTINGS_FILE: f"{SETTINGS}service_per_address: 1 per 2 days\n"})
    start(shop, wait_at_most="1 day", **SERVICE)
    family(shop, "alice", "bob")
    assert run(shop)["bob"] == ("skipped", "address_rate")


def test_the_usual_rate_of_service_is_wide(shop: Shop) -> None:
    assert shop.workspace.settings.service_per_address.count == 20


def test_what_is_written_wrongly_is_said(tmp_path: Path) -> None:
    assert "'perhaps' must be true or false" in said_of(tmp_path, one_per_address="perhaps")
    assert "take 'one_per_address' out" in said_of(tmp_path / "s", **{**SERVICE, "one_per_address": "true"})
