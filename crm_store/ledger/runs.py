"""Campaign runs and the sum law: eligible = due + claimed + dispatched + sent + skipped + cancelled + failed + in_doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from crm_store.clock import machine_instant
from crm_store.ledger.states import DUE, STATES
from crm_store.many import ids_of
from crm_store.schema import campaign_run, touch


def ensure_run(conn: Connection, run_id: int | None, campaign: str, now: datetime) -> int:
    """The run, written now if this is the first work of the tick."""
    if run_id is not None:
        return run_id
    row = {"campaign": campaign, "now": now, "started_at": machine_instant(), "eligible": 0}
    return int(conn.execute(insert(campaign_run).returning(campaign_run.c.id), row).scalar_one())


def add_eligible(conn: Connection, run_id: int, count: int) -> None:
    """More touches that must exist in this run: counted from triggers and enrolments, never from `touch`."""
    grown = campaign_run.c.eligible + count
    conn.execute(update(campaign_run).where(campaign_run.c.id == run_id).values(eligible=grown))


def accept_late(conn: Connection, campaign: str, at: datetime) -> int:
    """Let the late touches of a campaign's runs go (`late: {otherwise: ask}`). Returns how many runs waited."""
    due = select(touch.c.id).where(touch.c.run_id == campaign_run.c.id, touch.c.state == DUE).exists()
    waiting = campaign_run.c.campaign == campaign, campaign_run.c.accepted_at.is_(None), due
    return conn.execute(update(campaign_run).where(*waiting).values(accepted_at=at)).rowcount


def take_copies(conn: Connection, touch_ids: Sequence[int], now: datetime) -> int:
    """Of how many runs of these touches no copies have been sent yet; from now on, of none."""
    runs = select(touch.c.run_id).where(touch.c.id.in_(ids_of(touch_ids)))
    not_yet = campaign_run.c.id.in_(runs), campaign_run.c.copied_at.is_(None)
    return conn.execute(update(campaign_run).where(*not_yet).values(copied_at=now)).rowcount


@dataclass(frozen=True)
class Sum:
    """The sum law of a campaign: what was eligible, and what became of each."""

    campaign: str
    runs: int
    eligible: int
    states: Mapping[str, int]

    @property
    def holds(self) -> bool:
        return self.eligible == sum(self.states.values())


def sums(conn: Connection) -> list[Sum]:
    """The sum law per campaign, in the order of names."""
    runs = select(campaign_run.c.campaign, func.count(), func.sum(campaign_run.c.eligible)).group_by(
        campaign_run.c.campaign
    )
    counted = select(campaign_run.c.campaign, touch.c.state, func.count()).join(touch, touch.c.run_id == campaign_run.c.id)
    states: dict[str, dict[str, int]] = {}
    for name, state, count in conn.execute(counted.group_by(campaign_run.c.campaign, touch.c.state)):
        states.setdefault(name, {})[state] = count
    return [
        Sum(name, int(count), int(eligible), {state: states.get(name, {}).get(state, 0) for state in STATES})
        for name, count, eligible in conn.execute(runs.order_by(campaign_run.c.campaign))
    ]
