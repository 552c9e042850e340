"""Touches as they are in the store, and short ways to bring a shop to the point a test is about."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

from sqlalchemy import Connection, select, update

from crm_store.ledger import accounts
from crm_store.ledger.claim import Claim, Worker, claim
from crm_store.ledger.judging import Group
from crm_store.schema import customer, enrolment, touch
from outreach.offers.codes import new_codes
from tests.journeys.files import start
from tests.world import NOON, Shop

LONG_GONE = NOON.replace(year=2020)
NEVER_GONE = NOON.replace(year=2100)


def planned(shop: Shop, *keys: str, **campaign: str) -> None:
    """These customers have signed up an hour before noon, and their touches are due."""
    start(shop, **campaign)
    for key in keys:
        shop.customer(key)
        shop.event(key, "signed_up", timedelta(hours=1))
    shop.plan()


def by_customer(shop: Shop, *names: str) -> dict[str, Any]:
    """One column of the touches (or a tuple of several), by customer."""
    chosen = select(customer.c.key, *(touch.c[name] for name in names))
    with shop.store.read() as conn:
        rows = conn.execute(chosen.join(customer, customer.c.id == touch.c.customer_id).order_by(touch.c.id)).all()
    return {row[0]: row[1] if len(names) == 1 else tuple(row[1:]) for row in rows}


def known(shop: Shop, *workers: str) -> None:
    """These workers have sent something by the account before."""

    def hold(conn: Connection) -> None:
        accounts.ensure_account(conn, "email")
        for name in workers:
            accounts.hold(conn, "email", name, NEVER_GONE)

    shop.store.write(hold)


def claim_all(shop: Shop, size: int = 100, campaign: str = "c", now: datetime = NOON, who: str = "test") -> Claim:
    """Claim what is due of a campaign's first step."""
    chosen = select(touch.c.definition_id, touch.c.step).where(touch.c.campaign == campaign).order_by(touch.c.id)
    with shop.store.read() as conn:
        definition_id, step = conn.execute(chosen.limit(1)).one()
    return shop.store.write(claim, Worker(who, {}), Group(definition_id, campaign, step), now, size, new_codes())


def two_claims_at_once(shop: Shop, size: int) -> None:
    """Two workers, neither of whom waits for a place at the account, begin to claim what is due of the only step at the
    same moment."""
    known(shop, "one", "two")
    with shop.store.read() as conn:
        group = Group(*conn.execute(select(touch.c.definition_id, touch.c.campaign, touch.c.step).distinct()).one())
    both = Barrier(2)

    def work(conn: Connection, name: str) -> None:
        claim(conn, Worker(name, {}), group, NOON, size, new_codes())

    def one(name: str) -> None:
        both.wait()
        shop.store.write(work, name)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, ("one", "two")))


def change(shop: Shop, table: Any, values: Mapping[str, Any]) -> None:
    """Change all rows of a table behind everybody's back."""

    def write(conn: Connection) -> None:
        conn.execute(update(table).values(dict(values)))

    shop.store.write(write)


def run_out_leases(shop: Shop) -> None:
    """As if the leases' time had passed."""
    change(shop, touch, {"lease_until": LONG_GONE})


def take_out_of_journeys(shop: Shop) -> None:
    change(shop, enrolment, {"state": "left", "reason": "person"})
