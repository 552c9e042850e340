"""Campaign runs and the sum law: eligible = due + claimed + dispatched + sent + skipped + cancelled + failed + in_doubt.

Nothing of a run is claimed while it has a state: it is in planning, held by its guard, or stopped by a person. A run in
planning belongs to the campaign, not to a planner: whoever plans adds to it, and who comes to the end of it closes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from crm_store.clock import machine_instant
from crm_store.ledger.log import Order, write_log
from crm_store.ledger.states import DUE, STATES
from crm_store.many import ids_of
from crm_store.restraint.guard import USUAL_RUNS, Guard, usual_guard
from crm_store.schema import campaign_run, touch
from crm_store.store import machine_now

# States of a run; one that has none is open.
PLANNING = "planning"
HELD = "held"
STOPPED = "stopped"


def ensure_run(conn: Connection, run_id: int | None, campaign: str, now: datetime) -> int:
    """The run that is in planning, written now if this is the first work of the tick. A planner whose run was stopped
    meanwhile goes on in that one; one whose run somebody else has closed begins another."""
    ours = campaign_run.c.id == run_id, campaign_run.c.state.in_((PLANNING, STOPPED))
    if run_id is not None and conn.execute(select(campaign_run.c.id).where(*ours)).first() is not None:
        return run_id
    if (open_ := in_planning(conn, campaign)) is not None:
        return open_
    row = {"campaign": campaign, "now": now, "started_at": machine_instant(), "eligible": 0, "state": PLANNING}
    return int(conn.execute(insert(campaign_run).returning(campaign_run.c.id), row).scalar_one())


def in_planning(conn: Connection, campaign: str) -> int | None:
    """The campaign's run that is in planning, be it that of a planner who is gone."""
    mine = campaign_run.c.campaign == campaign, campaign_run.c.state == PLANNING
    return conn.execute(select(campaign_run.c.id).where(*mine)).scalar()


def close_run(conn: Connection, run_id: int, guard: Guard | None) -> bool:
    """Planning is over: the run is open, or held if it is not as its guard expects (None: the usual guard). Which it is."""
    row = conn.execute(select(campaign_run).where(campaign_run.c.id == run_id)).one()
    expected = guard or usual_guard(_last_sizes(conn, row.campaign, run_id))
    why = expected.bars(row.eligible) if expected else None
    values = {"state": HELD if why else None, "why": why, "state_since": machine_now(conn)}
    conn.execute(update(campaign_run).where(campaign_run.c.id == run_id, campaign_run.c.state == PLANNING).values(values))
    return why is not None


def _last_sizes(conn: Connection, campaign: str, run_id: int) -> list[int]:
    """How many recipients the last runs of a campaign had that went, or might have."""
    went = campaign_run.c.state.is_(None) | (campaign_run.c.state == STOPPED)
    before = campaign_run.c.campaign == campaign, campaign_run.c.id != run_id, went
    newest = campaign_run.c.now.desc(), campaign_run.c.id.desc()
    return list(conn.execute(select(campaign_run.c.eligible).where(*before).order_by(*newest).limit(USUAL_RUNS)).scalars())


def add_eligible(conn: Connection, run_id: int, count: int) -> None:
    """More touches that must exist in this run: counted from triggers and enrolments, never from `touch`."""
    grown = campaign_run.c.eligible + count
    conn.execute(update(campaign_run).where(campaign_run.c.id == run_id).values(eligible=grown))


def accept(conn: Connection, campaign: str, at: datetime, order: Order) -> int:
    """Let a campaign's runs go that its guard holds, and their late touches (`late: {otherwise: ask}`). It is logged.
    Returns how many runs waited. A run in planning is not among them: nobody knows yet what it will be."""
    due = select(touch.c.id).where(touch.c.run_id == campaign_run.c.id, touch.c.state == DUE).exists()
    waits = campaign_run.c.state.is_(None) | (campaign_run.c.state == HELD)
    waiting = campaign_run.c.campaign == campaign, campaign_run.c.accepted_at.is_(None), waits, due
    accepted = update(campaign_run).where(*waiting).values(accepted_at=at, state=None).returning(campaign_run.c.id)
    runs = sorted(conn.execute(accepted).scalars())
    if runs:
        write_log(conn, order, "accept", f"campaign {campaign}", {"runs": runs})
    return len(runs)


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
