"""Feeds: what events a campaign depends on, and whether they still come in.

Where the newest event of a kind is older than the vocabulary's `fresh`, nobody knows who has ordered meanwhile: the
campaign is held, neither planned nor sent, until data comes. What it missed goes by its `late`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select, update

from crm_store.journeys.context import Runnable, Standing
from crm_store.schema import campaign as campaign_table
from crm_store.schema import event
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.segment import closure

STALE = "stale feed: "


def stale_feed(conn: Connection, version: Runnable, now: datetime) -> str | None:
    """Why the version is to be held as of `now`: `stale feed: order`; None where its feeds are fresh."""
    stale = [kind for kind in sorted(feeds(version)) if _is_stale(conn, version, kind, now)]
    return STALE + ", ".join(stale) if stale else None


def feeds(version: Runnable) -> set[str]:
    """The kinds of events that its trigger, its goal and all its conditions look at, those of segments among them."""
    campaign = version.campaign
    asked: list[Condition] = list(campaign.conditions())
    asked += [version.segments[name].who for name in closure(campaign.segments(), version.segments)]
    aimed = {campaign.goal.kind.name} if campaign.goal else set()
    return {kind for condition in asked for kind in condition.feeds()} | set(campaign.trigger.feeds()) | aimed


def hold(conn: Connection, name: str, reason: str | None, now: datetime) -> None:
    """Write down why the campaign is held, and since when; None: it is not, any more. What others hold it for stays."""
    ours = campaign_table.c.held.is_(None) | campaign_table.c.held.startswith(STALE)
    other = campaign_table.c.held.is_distinct_from(reason)
    since = now if reason else None
    conn.execute(
        update(campaign_table).where(campaign_table.c.name == name, ours, other).values(held=reason, held_since=since)
    )


def held_for(conn: Connection, versions: Iterable[Runnable], now: datetime) -> str | None:
    """Why a campaign with these versions is to be held."""
    return next((reason for version in versions if (reason := stale_feed(conn, version, now))), None)


def held_as(stands: Standing, stale: str | None) -> Standing:
    """How it stands with feeds as they are now. What others hold it for stays."""
    others = stands.held is not None and not stands.held.startswith(STALE)
    return stands if others else replace(stands, held=stale)


def _is_stale(conn: Connection, version: Runnable, kind: str, now: datetime) -> bool:
    fresh = version.vocabulary.events[kind].fresh
    if fresh is None:
        return False
    newest = select(event.c.id).where(event.c.kind == kind, event.c.at > now - fresh.fixed(), event.c.at <= now)
    return conn.execute(newest.limit(1)).first() is None
