"""broadcast: sends what is due to everybody in an audience, at a time of the calendar."""

from __future__ import annotations

from prefect import flow

from flows.draining import drain_until_empty
from outreach.beside import Drained


@flow(name="broadcast", flow_run_name="{campaign} {day}", persist_result=False, validate_parameters=False)
async def broadcast(workspace: str, now: str, campaign: str, day: str) -> Drained:
    """Drain the campaign's touches that are due as of `now`."""
    return await drain_until_empty(workspace, now, campaign)
