"""Touches that nobody claims: they end at their expiry where their campaign is paused or held, their run is held, or a
person never answered; those of a run that was stopped end at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from crm_store.journeys.context import Runnable
from crm_store.ledger.gates import look, waits_for_a_person
from crm_store.ledger.runs import HELD, STOPPED
from crm_store.ledger.states import DUE
from crm_store.ledger.transitions import CANCEL, SKIP, move
from crm_store.many import ids_of
from crm_store.schema import campaign_run, touch


def expire_held(conn: Connection, version: Runnable, now: datetime, passed_over: str | None, most: int) -> int:
    """End up to `most` due touches of a version that the claim passes over, as skipped(paused) or skipped(held).

    `passed_over`: that reason, if it passes over all of them."""
    held: list[ColumnElement[Any]] = [] if passed_over else [waits_for_a_person(look(conn, version, now))]
    over = touch.c.campaign == version.campaign.name, touch.c.definition_id == version.id, touch.c.expires_at <= now
    chosen = select(touch.c.id).join(campaign_run, campaign_run.c.id == touch.c.run_id)
    ids = conn.execute(chosen.where(touch.c.state == DUE, *over, *held).order_by(touch.c.id).limit(most)).scalars().all()
    move(conn, SKIP, touch.c.id.in_(ids_of(ids)), reason=passed_over or "held", decided_at=now)
    return len(ids)


def barred_by_runs(conn: Connection, campaign: str, now: datetime) -> bool:
    """Whether there is anything for `end_barred`: asked before it writes."""
    both = _stopped(campaign), _over(campaign, now)
    return any(conn.execute(chosen.limit(1)).first() is not None for chosen in both)


def end_barred(conn: Connection, campaign: str, now: datetime, most: int) -> int:
    """Cancel due touches of stopped runs, up to `most`; skip those of held runs that are over, as many. How many in all."""
    ended = 0
    for chosen, how, reason in ((_stopped(campaign), CANCEL, "stopped"), (_over(campaign, now), SKIP, "held")):
        ids = list(conn.execute(chosen.order_by(touch.c.id).limit(most)).scalars())
        ended += move(conn, how, touch.c.id.in_(ids_of(ids)), reason=reason, decided_at=now)
    return ended


def _stopped(campaign: str) -> Select[Any]:
    return _of_runs(campaign, STOPPED)


def _over(campaign: str, now: datetime) -> Select[Any]:
    return _of_runs(campaign, HELD).where(touch.c.expires_at <= now)


def _of_runs(campaign: str, state: str) -> Select[Any]:
    """The due touches of a campaign's runs in that state, found by their runs."""
    runs = campaign_run.c.campaign == campaign, campaign_run.c.state == state
    chosen = select(touch.c.id).join(campaign_run, campaign_run.c.id == touch.c.run_id)
    return chosen.where(*runs, touch.c.state == DUE)
