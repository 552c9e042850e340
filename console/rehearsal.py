"""A dry run: publish, plan and judge through the real code, look at the result, undo everything."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from console.alerts import alerts
from crm_store.journeys.golive import live, openings
from crm_store.journeys.plan import plan_campaign
from crm_store.journeys.tick import refresh_segments
from crm_store.journeys.whereabouts import groups, prospects
from crm_store.ledger.accounts import mend
from crm_store.ledger.claim import Worker, claim, due_groups
from crm_store.ledger.find import Wanted, touches
from crm_store.store import Store, rehearse
from outreach.offers.codes import new_codes
from outreach.publishing import Content, apply


@dataclass(frozen=True)
class Rehearsed:
    """What publishing would do: to definitions, to those under way, and what people would have to look at."""

    would_be_published: list[str]
    live_then: list[str]  # campaigns that would be live then and are not now, and how many would enter
    under_way: list[dict[str, Any]]
    alerts: list[str]


def rehearse_publishing(store: Store, content: Content, now: datetime) -> Rehearsed:
    """Publish, look who was where and what becomes of them, undo it."""
    with store.read() as conn:
        before, were_live = groups(conn), live(conn)
    with rehearse(store) as rehearsal:
        changed = apply(rehearsal, content, now)
        with rehearsal.read() as conn:
            found = [asdict(one) for one in prospects(conn, before)]
            opened = [str(one) for one in openings(conn, were_live, now)]
        return Rehearsed(changed, opened, found, [str(alert) for alert in alerts(rehearsal, now)])


def rehearse_campaign(store: Store, content: Content, name: str, now: datetime) -> list[dict[str, Any]]:
    """Who would be written to now, and who would not and why. A draft is rehearsed as if it were live."""
    live = replace(content.campaigns[name], status="live")
    as_live = replace(content, campaigns={**content.campaigns, name: live})
    with rehearse(store) as rehearsal:
        apply(rehearsal, as_live, now)
        refresh_segments(rehearsal, now)
        before = _ids(rehearsal, name)
        plan_campaign(rehearsal, name, now)
        _judge_everything(rehearsal, name, now)
        with rehearsal.read() as conn:
            found = touches(conn, Wanted(campaign=name, limit=None))
    due = [row for row in found if row["id"] not in before or row["state"] == "claimed"]
    return [
        {
            "customer": row["customer"],
            "step": row["step"],
            "due_at": row["due_at"],
            "outcome": "would be sent" if row["state"] == "claimed" else row["state"],
            "reason": row["reason"],
        }
        for row in due
    ]


def _ids(store: Store, name: str) -> set[int]:
    with store.read() as conn:
        return {row["id"] for row in touches(conn, Wanted(campaign=name, limit=None)) if row["state"] != "due"}


def _judge_everything(store: Store, name: str, now: datetime) -> None:
    with store.read() as conn:
        groups = due_groups(conn, now, name)
    store.write(mend)
    for group in groups:
        while store.write(claim, Worker("rehearsal", {}), group, now, 1_000, new_codes()).judged:
            continue
