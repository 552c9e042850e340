"""Touches that nobody claims end at their expiry: their campaign is paused or held, or a person never answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from crm_store.journeys.context import Runnable
from crm_store.ledger.gates import look, waits_for_a_person
from crm_store.ledger.states import DUE
from crm_store.ledger.transitions import SKIP, move
from crm_store.schema import campaign_run, touch


def expire_held(conn: Connection, version: Runnable, now: datetime, passed_over: str | None, most: int) -> int:
    """End up to `most` due touches of a version that the claim passes over, as skipped(paused) or skipped(held).

    `passed_over`: that reason, if it passes over all of them."""
    held: list[ColumnElement[Any]] = [] if passed_over else [waits_for_a_person(look(conn, version, now))]
    over = touch.c.campaign == version.campaign.name, touch.c.definition_id == version.id, touch.c.expires_at <= now
    chosen = select(touch.c.id).join(campaign_run, campaign_run.c.id == touch.c.run_id)
    ids = conn.execute(chosen.where(touch.c.state == DUE, *over, *held).order_by(touch.c.id).limit(most)).scalars().all()
    move(conn, SKIP, touch.c.id.in_(ids), reason=passed_over or "held", decided_at=now)
    return len(ids)
