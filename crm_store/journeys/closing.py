"""Slices that close the run in planning, and end what runs that are stopped or held keep from being claimed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from crm_store.journeys import slices
from crm_store.journeys.context import Runnable
from crm_store.journeys.slices import Slice
from crm_store.ledger.expire import end_barred
from crm_store.ledger.runs import close_run, in_planning


def barred_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int) -> Slice:
    """Touches of runs that were stopped, and those of held ones at their expiry."""
    ended = end_barred(conn, version.campaign.name, now, slices.SLICE)
    return Slice(run_id, expired=ended, last=last if ended >= slices.SLICE else None)


def close_slice(conn: Connection, version: Runnable, now: datetime, run_id: int | None, last: int) -> Slice:
    """Nothing is left to be planned: the run is weighed, and may be claimed of or is held."""
    planning = in_planning(conn, version.campaign.name)
    one = version.campaign
    held = planning is not None and close_run(conn, planning, one.restraint.guard, one.trigger.by_zones)
    return Slice(run_id, held=int(held))
