"""One tick's planning: followed segments are refreshed, then every campaign is planned; nothing is delivered here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, or_, select

from crm_store.journeys.following import segments_to_follow
from crm_store.journeys.plan import Planned, plan_campaign
from crm_store.journeys.published import standings
from crm_store.ledger.claim import due_groups
from crm_store.ledger.settling import left_behind
from crm_store.ledger.states import FAILED, PASSED
from crm_store.schema import campaign, enrolment, touch
from crm_store.segmentation.membership import refresh
from crm_store.store import Store


@dataclass(frozen=True)
class Work:
    """A campaign with touches due."""

    campaign: str
    kind: str


def refresh_segments(store: Store, now: datetime) -> int:
    """Bring the segments that are followed up to `now`. Returns how many entries and exits there were."""
    with store.read() as conn:
        followed = segments_to_follow(conn)
    return refresh(store, followed, now)


def plan_campaigns(store: Store, now: datetime) -> list[Planned]:
    """Plan every published campaign."""
    with store.read() as conn:
        names = [one.name for one in standings(conn)]
    return [plan_campaign(store, name, now) for name in names]


def due_work(store: Store, now: datetime) -> list[Work]:
    """The campaigns that have touches to deliver now, those whose lease is gone among them."""
    with store.read() as conn:
        kinds = {one.name: one.kind for one in standings(conn)}
        names = {group.campaign for group in due_groups(conn, now, None)} | left_behind(conn)
    return [Work(name, kinds[name]) for name in sorted(names)]


def can_go_on(store: Store, now: datetime) -> bool:
    """Whether planning again as of `now` would move somebody: a step's turn has come, or a touch is settled."""
    settled = exists().where(
        touch.c.enrolment_id == enrolment.c.id, touch.c.step == enrolment.c.step, touch.c.state.in_((*PASSED, FAILED))
    )
    moves = or_(enrolment.c.next_at <= now, enrolment.c.next_at.is_(None) & settled)
    waiting = select(enrolment.c.id).join(campaign, campaign.c.name == enrolment.c.campaign)
    waiting = waiting.where(enrolment.c.state == "in", campaign.c.status != "draft", campaign.c.held.is_(None), moves)
    with store.read() as conn:
        return conn.execute(waiting.limit(1)).first() is not None
