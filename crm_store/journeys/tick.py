"""One tick's planning: followed segments are refreshed, then every campaign is planned; nothing is delivered here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crm_store.changes import any_marks
from crm_store.journeys.context import Standing
from crm_store.journeys.due import dues
from crm_store.journeys.following import segments_to_follow
from crm_store.journeys.news import News
from crm_store.journeys.plan import Planned, plan_running
from crm_store.journeys.published import running, standings
from crm_store.journeys.renaming import finish_renames
from crm_store.ledger.claim import due_groups
from crm_store.ledger.settling import left_behind
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
    finish_renames(store)
    with store.read() as conn:
        campaigns = running(conn, now)
        news = News.read(conn, now, [version for one in campaigns for version in one.followed])
    planned = []
    for one in campaigns:
        planned.append(plan_running(store, one, news))
        if planned[-1].moved and one.updates:  # those who are planned after it look at whom it has written of
            with store.read() as conn:
                news.look_again(conn)
    news.end(store)
    return planned


def due_work(store: Store, now: datetime) -> list[Work]:
    """The campaigns that have touches to deliver now, the higher priority first, and those whose lease is gone."""
    with store.read() as conn:
        kinds = {one.name: one.kind for one in standings(conn)}
        due = [group.campaign for group in due_groups(conn, now, None)]
        names = dict.fromkeys([*due, *sorted(left_behind(conn))])
    return [Work(name, kinds[name]) for name in names if name in kinds]  # others are about to be renamed


def can_go_on(store: Store, now: datetime) -> bool:
    """Whether planning again as of `now` might move somebody: a step's turn has come, a touch is settled, or something was
    written of a customer that nobody has looked at yet."""
    with store.read() as conn:
        if any_marks(conn):
            return True
        under_way = [version for one in running(conn, now) if _is_moved(one.stands) for version in one.followed]
        return any(one.come or one.settled for one in dues(conn, under_way, now).values())


def _is_moved(stands: Standing) -> bool:
    return stands.status != "draft" and stands.held is None
