"""deliver: drains the whole ledger, whatever the campaign; any number of these may run beside each other."""

from __future__ import annotations

from prefect import flow

from flows.draining import drain_until_empty
from outreach.beside import Drained


@flow(name="deliver", flow_run_name="deliver {now}", persist_result=False, validate_parameters=False)
async def deliver(workspace: str, now: str) -> Drained:
    """Drain every touch that is due as of `now`."""
    return await drain_until_empty(workspace, now, None)
