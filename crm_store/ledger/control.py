"""What a person does to a campaign at work: pause it, let it go on, stop it.

Each is one short commit, after which nobody claims what it bars (`brake.py`). What a stop leaves due is cancelled
afterwards, in slices, by the command or, if that is killed, by the next planning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, case, delete, func, select, true, update

from crm_store.dialect import insert
from crm_store.errors import UsageError
from crm_store.journeys.renaming import finish_renames
from crm_store.ledger.brake import pull
from crm_store.ledger.expire import barred_by_runs, end_barred
from crm_store.ledger.log import Order, write_log
from crm_store.ledger.runs import HELD, PLANNING, STOPPED
from crm_store.ledger.states import CANCELLED, CLAIMED, DISPATCHED, DUE, IN_DOUBT, SENT
from crm_store.many import ids_of
from crm_store.schema import campaign, campaign_pause, campaign_run, touch
from crm_store.schema.journeys import EVERY
from crm_store.store import Store, machine_now

SLICE = 1_000
# What is in doubt may come back: refused after all, or sent again by a person.
_UNDER_WAY = (DUE, CLAIMED, DISPATCHED, IN_DOUBT)


def pause_campaign(conn: Connection, name: str | None, order: Order) -> bool:
    """Pause a campaign, or all there are and will be (None), until somebody lifts it: nothing of it is claimed after this
    commits. It is logged. Returns whether it was not paused before. Raises UsageError for a name that no campaign has."""
    pull(conn)
    if name is not None:
        _names(conn, name)
    return _pause(conn, name, order)


def _names(conn: Connection, name: str) -> tuple[str, ...]:
    """The campaign's name and, while it is being renamed, the one that it had: its runs may still be under that."""
    row = conn.execute(select(campaign.c.renamed_from).where(campaign.c.name == name)).first()
    if row is None:
        raise UsageError(f"campaign '{name}' is not in the store; `rapport campaign list` says how it is called now")
    return (name,) if row.renamed_from is None else (name, row.renamed_from)


def _pause(conn: Connection, name: str | None, order: Order) -> bool:
    row = {"campaign": name or EVERY, "at": machine_now(conn), "who": order.who, "reason": order.reason}
    statement = insert(conn, campaign_pause).on_conflict_do_nothing().returning(campaign_pause.c.campaign)
    new = conn.execute(statement, row).first() is not None
    if new:
        write_log(conn, order, "pause", _subject(name), {})
    return new


def resume_campaign(conn: Connection, name: str | None, order: Order) -> bool:
    """Lift what `pause_campaign` began of this campaign, or of all (None): who was paused beside that stays so. It is
    logged. Returns whether there was anything to lift."""
    lifted = conn.execute(delete(campaign_pause).where(campaign_pause.c.campaign == (name or EVERY))).rowcount
    if lifted:
        write_log(conn, order, "resume", _subject(name), {})
    return bool(lifted)


def _subject(name: str | None) -> str:
    return "all campaigns" if name is None else f"campaign {name}"


@dataclass(frozen=True)
class Stopped:
    """What a stop came to: how many touches of the runs it ended had left, were with a sender, were cancelled, are in
    doubt: they may have left, and are cancelled if they come back.
    `sent_before`: how many its other runs had sent, the last of them in `last_before`; nothing if a run was named."""

    runs: Sequence[int]
    sent: int
    in_flight: int
    cancelled: int
    in_doubt: int
    sent_before: int = 0
    last_before: int | None = None


def stop_campaign(store: Store, name: str, run_id: int | None, order: Order, now: datetime) -> Stopped:
    """End the runs of a campaign that have work left, or that one, and pause the campaign if no run is named.

    After its first commit nobody claims of them; what was claimed before may still leave. Killed later, it can be run
    again. Raises UsageError for a run that is not the campaign's, and for a name that no campaign has.
    """
    runs, in_flight = store.write(_stop, name, run_id, order)
    finish_renames(store)
    while store.write(_cancel, name, now):
        continue
    with store.read() as conn:
        counts, before = _counts(conn, runs), _before(conn, name, runs) if run_id is None else (0, None)
    sent, cancelled, in_doubt = (counts.get(state, 0) for state in (SENT, CANCELLED, IN_DOUBT))
    return Stopped(runs, sent, in_flight, cancelled, in_doubt, *before)


def _stop(conn: Connection, name: str, run_id: int | None, order: Order) -> tuple[list[int], int]:
    """The first commit. Returns the runs it is about, those of a stop that was killed among them, and how many of their
    touches are with senders."""
    pull(conn)
    names = _names(conn, name)
    if run_id is None:
        _pause(conn, name, order)
    else:
        _refuse_others(conn, names, run_id)
    left = select(touch.c.id).where(touch.c.run_id == campaign_run.c.id, touch.c.state.in_(_UNDER_WAY)).exists()
    unfinished = (PLANNING,) if run_id is None else (PLANNING, STOPPED)
    named = campaign_run.c.campaign.in_(names), campaign_run.c.id == run_id if run_id is not None else true()
    under_way = select(campaign_run.c.id).where(*named, left | campaign_run.c.state.in_(unfinished))
    runs = sorted(conn.execute(under_way).scalars())
    # One that was stopped before keeps the reason; one that its guard held, that as well.
    anew = campaign_run.c.id.in_(ids_of(runs)), campaign_run.c.state.is_distinct_from(STOPPED)
    why = case((campaign_run.c.state == HELD, campaign_run.c.why + "; stopped: " + order.why), else_=order.why)
    conn.execute(update(campaign_run).where(*anew).values(state=STOPPED, state_since=machine_now(conn), why=why))
    # By the runs' index alone: a count of all their touches would hold every claim up.
    held = touch.c.run_id.in_(ids_of(runs)), touch.c.state.in_((CLAIMED, DISPATCHED))
    in_flight = int(conn.execute(select(func.count()).select_from(touch).where(*held)).scalar_one())
    subject = _subject(name) + (f", run {run_id}" if run_id is not None else "")
    write_log(conn, order, "stop", subject, {"runs": runs, "in flight": in_flight})
    return runs, in_flight


def _refuse_others(conn: Connection, names: Sequence[str], run_id: int) -> None:
    whose = conn.execute(select(campaign_run.c.campaign).where(campaign_run.c.id == run_id)).scalar()
    if whose not in names:
        what = f"is of campaign '{whose}'" if whose else "is not in the store"
        raise UsageError(f"run {run_id} {what}; `rapport runs --campaign {names[0]}` lists those of {names[0]}")


def _cancel(conn: Connection, name: str, now: datetime) -> bool:
    """A slice of what is due in stopped runs. Whether there is more."""
    end_barred(conn, name, now, SLICE)
    return barred_by_runs(conn, name, now)


def _counts(conn: Connection, runs: Sequence[int]) -> Mapping[str, int]:
    of_runs: ColumnElement[bool] = touch.c.run_id.in_(ids_of(runs))
    rows = conn.execute(select(touch.c.state, func.count()).where(of_runs).group_by(touch.c.state))
    return {state: count for state, count in rows.all()}


def _before(conn: Connection, name: str, runs: Sequence[int]) -> tuple[int, int | None]:
    """How many touches other runs of the campaign have sent, and the newest of these runs."""
    others = select(campaign_run.c.id).where(campaign_run.c.campaign == name, campaign_run.c.id.not_in(ids_of(runs)))
    sent = touch.c.run_id.in_(others), touch.c.state == SENT
    row = conn.execute(select(func.count(), func.max(touch.c.run_id)).where(*sent)).one()
    return int(row[0]), row[1]
