"""Touches that nobody claims - their campaign is paused, or a person was asked and never answered - end at their expiry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from crm_store.journeys.context import Runnable
from crm_store.ledger.gates import look, waits_for_a_person
from crm_store.ledger.states import DUE
from crm_store.ledger.transitions import SKIP, move
from crm_store.schema import campaign_run, touch


def expire_held(conn: Connection, version: Runnable, now: datetime, why: str | None, most: int) -> int:
    """End up to `most` due touches of a version that the claim passes over: all of them if the campaign is paused or held
    (`why`), else those that wait for a person, as skipped(held)."""
    held: list[ColumnElement[Any]] = [] if why else [waits_for_a_person(look(conn, version, now))]
    over = touch.c.campaign == version.campaign.name, touch.c.definition_id == version.id, touch.c.expires_at <= now
    chosen = select(touch.c.id).join(campaign_run, campaign_run.c.id == touch.c.run_id)
    ids = conn.execute(chosen.where(touch.c.state == DUE, *over, *held).order_by(touch.c.id).limit(most)).scalars().all()
    move(conn, SKIP, touch.c.id.in_(ids), reason=why or "held", decided_at=now)
    return len(ids)
