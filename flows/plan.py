"""plan: a tick's first flow. Followed segments are refreshed, then every campaign is planned; nothing is sent."""

from __future__ import annotations

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from crm_store.journeys.plan import Planned
from crm_store.journeys.tick import plan_campaigns, refresh_segments
from flows.jobs import open_job


@task(name="refresh segments", cache_policy=NO_CACHE, persist_result=False)
def refresh(workspace: str, now: str) -> int:
    """Bring the segments that campaigns are entered by up to `now`."""
    job = open_job(workspace, now)
    return refresh_segments(job.store, job.now)


@task(name="plan campaigns", cache_policy=NO_CACHE, persist_result=False)
def plan_all(workspace: str, now: str) -> list[Planned]:
    """Plan every published campaign."""
    job = open_job(workspace, now)
    return plan_campaigns(job.store, job.now)


@flow(name="plan", flow_run_name="plan {now}", persist_result=False, validate_parameters=False)
async def plan(workspace: str, now: str) -> list[Planned]:
    """Plan everything as of `now`, an ISO instant with its offset."""
    refresh(workspace, now)
    return plan_all(workspace, now)
