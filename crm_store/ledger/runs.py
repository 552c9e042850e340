"""Campaign runs and the sum law: eligible = due + claimed + dispatched + sent + skipped + cancelled + failed + in_doubt.

Nothing of a run is claimed while it has a state: it is in planning, held by its guard, or stopped by a person. A run in
planning belongs to the campaign, not to a planner: whoever plans adds to it, and who comes to the end of it closes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, false, func, insert, or_, select, update

from crm_store.clock import machine_instant
from crm_store.journeys.context import Runnable
from crm_store.journeys.published import versions_of_due
from crm_store.ledger.log import Order, write_log
from crm_store.ledger.states import DUE, SENT, STATES
from crm_store.many import ids_of
from crm_store.restraint.guard import USUAL_RUNS, Guard, usual_guard
from crm_store.schema import campaign_run, touch
from crm_store.schema.types import later
from crm_store.store import machine_now

# States of a run; one that has none is open.
PLANNING = "planning"
HELD = "held"
STOPPED = "stopped"
_DAY, _LONG = timedelta(days=1), timedelta(days=400)


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


def close_run(conn: Connection, run_id: int, guard: Guard | None, by_zones: bool = False) -> bool:
    """Planning is over: the run is open, or held if it is not as its guard expects (None: the usual guard). Which it is.

    `by_zones`: the campaign comes to each zone in a run of its own; the usual guard weighs those of a day together."""
    row = conn.execute(select(campaign_run).where(campaign_run.c.id == run_id)).one()
    size, expected = row.eligible, guard
    if guard is None:
        size, expected = _beside_its_days(conn, row) if by_zones else (size, usual_guard(_last_sizes(conn, row)))
    why = expected.bars(size) if expected else None
    values = {"state": HELD if why else None, "why": why, "state_since": machine_now(conn)}
    conn.execute(update(campaign_run).where(campaign_run.c.id == run_id, campaign_run.c.state == PLANNING).values(values))
    return why is not None


def _last_sizes(conn: Connection, run: Row[Any]) -> list[int]:
    return [one.eligible for one in conn.execute(_that_went(run).limit(USUAL_RUNS))]


def _beside_its_days(conn: Connection, run: Row[Any]) -> tuple[int, Guard | None]:
    """The recipients of the day that ends with this run, and what its last days had."""
    days = Counter({0: run.eligible})
    for one in conn.execute(_that_went(run).where(campaign_run.c.now > run.now - _LONG)):
        days[max(0, (run.now - one.now) // _DAY)] += one.eligible
    return days[0], usual_guard([days[day] for day in sorted(days) if day], "days")


def _that_went(run: Row[Any]) -> Select[Any]:
    """The runs of the same campaign that went, or might have, the newest first; of a stopped one something must have."""
    sent = select(touch.c.id).where(touch.c.run_id == campaign_run.c.id, touch.c.state == SENT).exists()
    went = campaign_run.c.state.is_(None) | ((campaign_run.c.state == STOPPED) & sent)
    others = campaign_run.c.campaign == run.campaign, campaign_run.c.id != run.id, went
    chosen = select(campaign_run.c.now, campaign_run.c.eligible).where(*others)
    return chosen.order_by(campaign_run.c.now.desc(), campaign_run.c.id.desc())


def add_eligible(conn: Connection, run_id: int, count: int) -> None:
    """More touches that must exist in this run: counted from triggers and enrolments, never from `touch`."""
    grown = campaign_run.c.eligible + count
    conn.execute(update(campaign_run).where(campaign_run.c.id == run_id).values(eligible=grown))


def accept(conn: Connection, campaign: str, at: datetime, order: Order) -> int:
    """Let a campaign's runs go that its guard holds, and those with touches that are late and wait for a person (`late:
    {otherwise: ask}`). It is logged. Returns how many there were. A run in planning is not among them: nobody knows yet
    what it will be."""
    due = touch.c.run_id == campaign_run.c.id, touch.c.state == DUE
    held = campaign_run.c.state == HELD, select(touch.c.id).where(*due).exists()
    asks = [_is_late(one, at) for one in versions_of_due(conn, campaign) if one.campaign.late.otherwise == "ask"]
    late = campaign_run.c.state.is_(None), select(touch.c.id).where(*due, or_(false(), *asks)).exists()
    waiting = campaign_run.c.campaign == campaign, campaign_run.c.accepted_at.is_(None), or_(and_(*held), and_(*late))
    accepted = update(campaign_run).where(*waiting).values(accepted_at=at, state=None).returning(campaign_run.c.id)
    runs = sorted(conn.execute(accepted).scalars())
    if runs:
        write_log(conn, order, "accept", f"campaign {campaign}", {"runs": runs})
    return len(runs)


def late_ones(conn: Connection, campaign: str, now: datetime) -> int:
    """How many due touches of a campaign are too late for it as of `now`: they will be skipped."""
    skips = [_is_late(one, now) for one in versions_of_due(conn, campaign) if one.campaign.late.otherwise == "skip"]
    due = touch.c.campaign == campaign, touch.c.state == DUE, touch.c.expires_at > now
    counted = select(func.count()).select_from(touch).where(*due, or_(false(), *skips))
    return int(conn.execute(counted).scalar_one())


def _is_late(version: Runnable, now: datetime) -> ColumnElement[bool]:
    return (touch.c.definition_id == version.id) & (later(touch.c.due_at, version.campaign.late.within) < now)


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
