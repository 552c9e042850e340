"""A dry run: publish, plan and judge through the real code, look at the result, undo everything."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from console.alerts import Alert, alerts
from crm_store.insight.runs import held_runs
from crm_store.journeys.golive import live, openings
from crm_store.journeys.published import standing
from crm_store.journeys.tick import plan_campaigns, refresh_segments
from crm_store.journeys.whereabouts import groups, prospects
from crm_store.ledger.accounts import mend
from crm_store.ledger.claim import Worker, claim, due_groups
from crm_store.ledger.find import Wanted, touches
from crm_store.ledger.states import CLAIMED, DUE
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


@dataclass(frozen=True)
class Outcome:
    """What would become of a campaign's touches, and why nothing of it would leave, if so it is."""

    rows: list[dict[str, Any]]
    alerts: list[Alert]


def rehearse_campaign(store: Store, content: Content, name: str, now: datetime) -> Outcome:
    """Who would be written to now, and who would not and why. A draft is rehearsed as if it were live. All other campaigns
    are planned as well: to their mails this one may lose its own under caps."""
    one = content.campaigns[name]
    if one.status == "draft":
        content = replace(content, campaigns={**content.campaigns, name: replace(one, status="live")})
    with rehearse(store) as rehearsal:
        apply(rehearsal, content, now)
        refresh_segments(rehearsal, now)
        before = _ids(rehearsal, name)
        plan_campaigns(rehearsal, now)
        _judge_everything(rehearsal, name, now)
        with rehearsal.read() as conn:
            found = touches(conn, Wanted(campaign=name, limit=None))
            stands, held = standing(conn, name), {run.id for run in held_runs(conn)}
        told = [alert for alert in alerts(rehearsal, now) if name in alert.campaigns]
    due = [row for row in found if row["id"] not in before or row["state"] == CLAIMED]
    # Why the claim passes over a touch of which no gate says anything.
    asks = "late: ask" if one.late.otherwise == "ask" else None
    passed_over = {row["id"]: stands.passed_over or ("run held" if row["run"] in held else asks) for row in due}
    return Outcome([_outcome(row, passed_over[row["id"]]) for row in due], told)


def _outcome(row: dict[str, Any], passed_over: str | None) -> dict[str, Any]:
    said = {CLAIMED: "would be sent", DUE: "would wait"}.get(row["state"], row["state"])
    reason = row["reason"] or (passed_over if row["state"] == DUE else None)
    return {**{name: row[name] for name in ("customer", "step", "due_at")}, "outcome": said, "reason": reason}


def _ids(store: Store, name: str) -> set[int]:
    with store.read() as conn:
        return {row["id"] for row in touches(conn, Wanted(campaign=name, limit=None)) if row["state"] != DUE}


def _judge_everything(store: Store, name: str, now: datetime) -> None:
    with store.read() as conn:
        groups = due_groups(conn, now, name)
    store.write(mend)
    for group in groups:
        while store.write(claim, Worker("rehearsal", {}), group, now, 1_000, new_codes()).judged:
            continue
