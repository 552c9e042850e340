"""Feeds: what events a campaign depends on, and whether they still come in.

Where the newest event of a kind is older than the vocabulary's `fresh`, nobody knows who has ordered meanwhile: the
campaign is held, neither planned nor sent, until data comes. What it missed goes by its `late`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from crm_store.journeys.context import Runnable, Standing
from crm_store.journeys.published import running
from crm_store.schema import campaign as campaign_table
from crm_store.schema import event
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.segment import closure

STALE = "stale feed: "


def stale_feed(conn: Connection, version: Runnable, now: datetime) -> str | None:
    """Why the version is to be held as of `now`: `stale feed: order`; None where its feeds are fresh."""
    stale = [kind for kind, _ in _stale(conn, version, now)]
    return STALE + ", ".join(stale) if stale else None


def _stale(conn: Connection, version: Runnable, now: datetime) -> list[tuple[str, timedelta]]:
    """The kinds of events that are stale, and for how long they would be fresh."""
    kinds = [(kind, version.vocabulary.events[kind].fresh) for kind in sorted(feeds(version))]
    return [(kind, fresh.fixed()) for kind, fresh in kinds if fresh and _is_stale(conn, kind, fresh.fixed(), now)]


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


@dataclass(frozen=True)
class Stale:
    """A kind of event that campaigns wait for, as of `now`. `newest`: None where none has come in."""

    kind: str
    fresh: timedelta
    newest: datetime | None
    now: datetime
    campaigns: tuple[str, ...]


def stale_feeds(conn: Connection, now: datetime) -> list[Stale]:
    """The feeds that are stale as of `now`, and whom that holds, planned as of it or not. Drafts wait for nothing."""
    held: dict[tuple[str, timedelta], list[str]] = {}
    for one in running(conn, now):
        if one.stands.status != "draft":
            for feed in sorted({feed for version in (one.newest, *one.followed) for feed in _stale(conn, version, now)}):
                held.setdefault(feed, []).append(one.stands.name)
    newest = select(func.max(event.c.at)).where(event.c.at <= now)
    return [
        Stale(kind, fresh, conn.execute(newest.where(event.c.kind == kind)).scalar(), now, tuple(names))
        for (kind, fresh), names in sorted(held.items())
    ]


def held_for(conn: Connection, versions: Iterable[Runnable], now: datetime) -> str | None:
    """Why a campaign with these versions is to be held."""
    return next((reason for version in versions if (reason := stale_feed(conn, version, now))), None)


def held_as(stands: Standing, stale: str | None) -> Standing:
    """How it stands with feeds as they are now. What others hold it for stays."""
    others = stands.held is not None and not stands.held.startswith(STALE)
    return stands if others else replace(stands, held=stale)


def _is_stale(conn: Connection, kind: str, fresh: timedelta, now: datetime) -> bool:
    newest = select(event.c.id).where(event.c.kind == kind, event.c.at > now - fresh, event.c.at <= now)
    return conn.execute(newest.limit(1)).first() is None
