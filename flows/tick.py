"""A tick: one `plan` run, then one run per campaign with due touches, of the flow of its kind."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_store.clock import local_date
from crm_store.journeys.plan import Planned
from crm_store.journeys.tick import Work, due_work
from flows.broadcast import broadcast
from flows.jobs import open_job
from flows.nurture import nurture
from flows.occasion import occasion
from flows.plan import plan
from flows.winback import winback
from outreach.beside import Drained

# The flow of each kind of campaign.
FLOWS: Mapping[str, Callable[[str, str, str, str], Coroutine[Any, Any, Drained]]] = {
    "broadcast": broadcast,
    "nurture": nurture,
    "occasion": occasion,
    "winback": winback,
}


@dataclass(frozen=True)
class Ticked:
    """What a tick did."""

    planned: list[Planned]
    drained: Mapping[str, Drained]


async def tick(workspace: str, now: str, only: str | None = None) -> Ticked:
    """Plan all campaigns, then deliver those with work (`only`: that one)."""
    planned = await plan(workspace, now)
    job = open_job(workspace, now)
    day = local_date(job.now, job.workspace.settings.company.zone).isoformat()
    work = [one for one in due_work(job.store, job.now) if only in (None, one.campaign)]
    return Ticked(planned, await _deliver(work, workspace, now, day))


async def _deliver(work: Sequence[Work], workspace: str, now: str, day: str) -> dict[str, Drained]:
    """One campaign after the other. One that fails does not keep the others from their turn; then it is raised."""
    drained: dict[str, Drained] = {}
    errors: list[Exception] = []
    for one in work:
        try:
            drained[one.campaign] = await FLOWS[one.kind](workspace, now, one.campaign, day)
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return drained
