"""The task that all sending flows share: it drains the ledger for up to a minute or 50 batches."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.jobs import open_job
from outreach.beside import Drained
from outreach.delivery import drain


@task(name="drain", cache_policy=NO_CACHE, persist_result=False)
def drain_once(workspace: str, now: str, campaign: str | None) -> Drained:
    """Claim, render, dispatch and settle batch by batch; `campaign` None: of all campaigns."""
    job = open_job(workspace, now)
    return drain(job.store, job.workspace, job.now, campaign)


async def drain_until_empty(workspace: str, now: str, campaign: str | None) -> Drained:
    """One task run after the other until nothing is due."""
    total = drain_once(workspace, now, campaign)
    while total.more:
        total = total.plus(drain_once(workspace, now, campaign))
    return total
