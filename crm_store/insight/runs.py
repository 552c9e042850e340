"""Campaign runs: what each was to do, what became of it, and what went wrong on the way. Customers appear by key only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from crm_store.ledger.runs import HELD
from crm_store.ledger.states import CLAIMED, DISPATCHED, DUE, IN_DOUBT, STATES
from crm_store.many import ids_of
from crm_store.schema import campaign_run, customer, refusal, request, touch

SAMPLES = 5  # customers of each reason
ANSWERS = 20  # the most frequent


@dataclass(frozen=True)
class Run:
    """A run. `now`: business time; `state`: planning, held, stopped, or None: may be claimed of; `why` it is, or was, held
    or stopped; `states`: how many of its touches are in each."""

    id: int
    campaign: str
    now: datetime
    started_at: datetime
    state: str | None
    why: str | None
    accepted_at: datetime | None
    eligible: int
    states: Mapping[str, int]

    @property
    def stands(self) -> str:
        """Its state, or `open` as long as any of its touches may leave (`accepted`: a person has let it go), then `in
        doubt` while it is not known whether some have; else `done`."""
        if self.state is not None:
            return self.state
        if any(self.states[state] for state in (DUE, CLAIMED, DISPATCHED)):
            return "accepted" if self.why else "open"
        return "in doubt" if self.states[IN_DOUBT] else "done"

    @property
    def holds(self) -> bool:
        """The sum law."""
        return self.eligible == sum(self.states.values())


@dataclass(frozen=True)
class Ended:
    """Touches of a run that share a state and a reason, and the keys of some of their customers."""

    state: str
    reason: str
    touches: int
    samples: Sequence[str]


@dataclass(frozen=True)
class Report:
    """All of a run. `slowest`: the longest time from a claim to the dispatch, of machine time; None where nothing was
    dispatched. `answers`: what providers said instead of yes, and of how many touches."""

    run: Run
    reasons: Sequence[Ended]
    slowest: timedelta | None
    answers: Sequence[tuple[str, int]]


def runs(conn: Connection, campaign: str | None = None, limit: int = 50) -> list[Run]:
    """Up to `limit` runs of a campaign, or of all, the newest first."""
    tests = [campaign_run.c.campaign == campaign] if campaign is not None else []
    return _runs(conn, *tests, limit=limit)


def _runs(conn: Connection, *tests: ColumnElement[bool], limit: int) -> list[Run]:
    chosen = select(campaign_run).where(*tests).order_by(campaign_run.c.id.desc()).limit(limit)
    rows = conn.execute(chosen).all()
    counted = select(touch.c.run_id, touch.c.state, func.count()).group_by(touch.c.run_id, touch.c.state)
    states: dict[int, dict[str, int]] = {row.id: dict.fromkeys(STATES, 0) for row in rows}
    for run_id, state, count in conn.execute(counted.where(touch.c.run_id.in_(ids_of(list(states))))):
        states[run_id][state] = count
    return [_run(row, states[row.id]) for row in rows]


def _run(row: Any, states: Mapping[str, int]) -> Run:
    times = row.now, row.started_at
    return Run(row.id, row.campaign, *times, row.state, row.why, row.accepted_at, int(row.eligible), states)


def report(conn: Connection, run_id: int) -> Report | None:
    """None for a run that is not in the store."""
    found = _runs(conn, campaign_run.c.id == run_id, limit=1)
    if not found:
        return None
    return Report(found[0], _reasons(conn, run_id), _slowest(conn, run_id), _answers(conn, run_id))


def _reasons(conn: Connection, run_id: int) -> list[Ended]:
    counted = select(touch.c.state, touch.c.reason, func.count().label("touches"))
    counted = counted.where(touch.c.run_id == run_id, touch.c.reason.is_not(None))
    rows = conn.execute(counted.group_by(touch.c.state, touch.c.reason).order_by(func.count().desc(), touch.c.reason))
    return [Ended(state, why, count, _samples(conn, run_id, state, why)) for state, why, count in rows.all()]


def _samples(conn: Connection, run_id: int, state: str, reason: str) -> list[str]:
    of = touch.c.run_id == run_id, touch.c.state == state, touch.c.reason == reason
    keys = select(customer.c.key).join(touch, touch.c.customer_id == customer.c.id).where(*of)
    return list(conn.execute(keys.order_by(touch.c.id).limit(SAMPLES)).scalars())


def _slowest(conn: Connection, run_id: int) -> timedelta | None:
    requests = select(touch.c.request_id).where(touch.c.run_id == run_id, touch.c.request_id.is_not(None))
    took = request.c.dispatched_at - request.c.claimed_at
    slowest = select(request.c.claimed_at, request.c.dispatched_at).where(request.c.id.in_(requests))
    row = conn.execute(slowest.where(request.c.claimed_at.is_not(None)).order_by(took.desc()).limit(1)).first()
    return row.dispatched_at - row.claimed_at if row else None


def _answers(conn: Connection, run_id: int) -> list[tuple[str, int]]:
    touches = func.sum(refusal.c.touches)
    chosen = select(refusal.c.answer, touches).where(refusal.c.run_id == run_id).group_by(refusal.c.answer)
    return [
        (said, int(count)) for said, count in conn.execute(chosen.order_by(touches.desc(), refusal.c.answer).limit(ANSWERS))
    ]


@dataclass(frozen=True)
class Waiting:
    """A held run with touches that are due: a person decides."""

    id: int
    campaign: str
    now: datetime
    why: str


def held_runs(conn: Connection) -> list[Waiting]:
    """Runs that their guard holds, as long as there is anything to let go."""
    due = select(touch.c.id).where(touch.c.run_id == campaign_run.c.id, touch.c.state == DUE).exists()
    columns = campaign_run.c.id, campaign_run.c.campaign, campaign_run.c.now, campaign_run.c.why
    chosen = select(*columns).where(campaign_run.c.state == HELD, due).order_by(campaign_run.c.id)
    return [Waiting(*row) for row in conn.execute(chosen)]
