"""winback: sends what is due in a campaign for customers who stay away."""

from __future__ import annotations

from prefect import flow

from flows.draining import drain_until_empty
from outreach.beside import Drained


@flow(name="winback", flow_run_name="{campaign} {day}", persist_result=False, validate_parameters=False)
async def winback(workspace: str, now: str, campaign: str, day: str) -> Drained:
    """Drain the campaign's touches that are due as of `now`."""
    return await drain_until_empty(workspace, now, campaign)
