"""Going live: how many customers a campaign would take in today, told when it is published so for the first time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from crm_store.clock import local_date, start_of_day
from crm_store.journeys.context import Runnable
from crm_store.journeys.entering import candidates, window
from crm_store.journeys.published import current, standings
from crm_store.journeys.triggers.segment import SegmentTrigger
from crm_store.schema import customer
from crm_store.segmentation.compile import select_ids


@dataclass(frozen=True)
class Opening:
    """A campaign that is live now and was not before, and how many would enter it until the company's day ends."""

    campaign: str
    customers: int

    def __str__(self) -> str:
        who = "1 customer" if self.customers == 1 else f"{self.customers:,} customers"
        return f"campaign {self.campaign} is live now; {who} would enter today"


def live(conn: Connection) -> set[str]:
    """The campaigns that are live."""
    return {one.name for one in standings(conn) if one.status == "live"}


def openings(conn: Connection, before: Collection[str], now: datetime) -> list[Opening]:
    """Those that are live now, but for those that were before."""
    names = sorted(live(conn) - set(before))
    return [Opening(name, _would_enter(conn, current(conn, name), now)) for name in names]


def _would_enter(conn: Connection, version: Runnable, now: datetime) -> int:
    """Members of a segment who are in it already have not been looked up yet; all others are found by their trigger."""
    trigger, zone = version.campaign.trigger, version.settings.company.zone
    if isinstance(trigger, SegmentTrigger):
        return _members(conn, version, trigger, now) if trigger.existing == "enrol" else 0
    stands = next(one for one in standings(conn) if one.name == version.campaign.name)
    tonight = start_of_day(local_date(now, zone) + timedelta(days=1), zone) - timedelta(microseconds=1)
    entry = replace(window(conn, version, stands, now), now=max(tonight, now))
    chosen = candidates(conn, version, entry).with_only_columns(customer.c.id).distinct()
    return int(conn.execute(select(func.count()).select_from(chosen.subquery())).scalar_one())


def _members(conn: Connection, version: Runnable, trigger: SegmentTrigger, now: datetime) -> int:
    scope = version.scope(conn, now)
    members = select_ids(version.segments[trigger.name].who, replace(scope, shape="all"))
    if version.campaign.audience is not None:
        members = members.where(version.campaign.audience.sql(scope))
    return int(conn.execute(select(func.count()).select_from(members.subquery())).scalar_one())
