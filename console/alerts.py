"""What people must know before anything else: campaigns and runs that are held, campaigns that somebody has paused."""

from __future__ import annotations

from crm_store.content.sources import CAMPAIGNS
from crm_store.insight.runs import Waiting, held_runs
from crm_store.journeys.context import Brake, Standing
from crm_store.journeys.held import FILE_GONE
from crm_store.journeys.published import standings
from crm_store.store import Store


def alerts(store: Store) -> list[str]:
    """A line for each campaign or run that is held or paused, and what to do."""
    with store.read() as conn:
        known, waiting = standings(conn), held_runs(conn)
    paused = [_paused(one.name, one.brake) for one in known if one.brake]
    return [*(_alert(one) for one in known if one.held), *paused, *(_held(run) for run in waiting)]


def _paused(name: str, brake: Brake) -> str:
    return f"campaign '{name}' is {brake}; `rapport campaign resume {'--all' if brake.of_all else name}` lets it go on"


def _held(run: Waiting) -> str:
    what = f"campaign '{run.campaign}': run {run.id} is held since {run.since:%Y-%m-%d %H:%M} UTC: {run.why}"
    go, end = f"rapport run --accept {run.campaign}", f"rapport campaign stop {run.campaign} --run {run.id}"
    return f"{what}; `{go}` lets it go, `{end}` ends it"


def _alert(one: Standing) -> str:
    since = f"{one.held_since:%Y-%m-%d %H:%M} UTC" if one.held_since else "a while"
    what = f"campaign '{one.name}' is held since {since}: {one.held}"
    if one.held != FILE_GONE:
        return f"{what}; nothing of it is sent"
    file = f"{CAMPAIGNS}/{one.name}.yaml"
    return f"{what}; nothing of it is sent. Put {file} back, or end it there with `status: ended`"
