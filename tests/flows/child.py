"""Everything the tests of flows look at, done in a process of its own: Prefect keeps a server, threads and settings there.

`python -m tests.flows.child ROOT ...`: a shop's folder each, whose rapport.yaml names its store. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, patch

from crm_store.content.workspace import load_workspace
from crm_store.errors import StoreError
from flows.clock.embedded import run_everything_due, start_server
from flows.clock.ticking import tick_forever
from tests.copies import shop_on
from tests.ledger.rows import claim_all, run_out_leases
from tests.world import NOON, Shop

DAY = timedelta(days=1)


async def flow_runs() -> list[dict[str, Any]]:
    """Flow, name and parameters of every run there was, in the order they began."""
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        flows = {flow.id: flow.name for flow in await client.read_flows()}
        runs = await client.read_flow_runs()
        runs.sort(key=lambda run: str(run.start_time or run.created))
        return [{"flow": flows[run.flow_id], "name": run.name, "parameters": run.parameters} for run in runs]


def new_runs(work: Callable[[], object]) -> list[dict[str, Any]]:
    """The runs that the work made."""
    before = len(asyncio.run(flow_runs()))
    work()
    return asyncio.run(flow_runs())[before:]


def ticking(root: Path) -> dict[str, Any]:
    first = new_runs(lambda: run_everything_due(root, NOON))
    idle = new_runs(lambda: run_everything_due(root, NOON))
    then = new_runs(lambda: run_everything_due(root, NOON + DAY))
    return {"first": first, "idle": idle, "then": then}


def crashed(shop: Shop) -> list[dict[str, Any]]:
    """Everything that is due was claimed by somebody whose lease is gone."""
    shop.customer("late")
    shop.event("late", "signed_up", NOON + 2 * DAY)
    shop.plan(NOON + 2 * DAY)
    claim_all(shop, campaign="welcome", now=NOON + 2 * DAY)
    run_out_leases(shop)
    return new_runs(lambda: run_everything_due(shop.root, NOON + 2 * DAY))


def draining(shop: Shop) -> list[dict[str, Any]]:
    """The deliver flow, on what a plan has left."""
    from flows.deliver import deliver

    for key in ("one", "two"):
        shop.customer(key, birthday="--06-18", time_zone="UTC")
    shop.event("one", "signed_up", NOON + 3 * DAY)
    shop.plan(NOON + 3 * DAY)
    now = (NOON + 3 * DAY).isoformat()
    return new_runs(lambda: asyncio.run(deliver(str(shop.root), now)))


def failing(root: Path, where: str) -> str:
    """What a tick raises when planning or draining fails."""
    with patch(where, side_effect=StoreError("store is on fire; put it out")):
        try:
            run_everything_due(root, NOON + 4 * DAY)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return "nothing"


def one_fails(root: Path) -> list[Any]:
    """What is raised when the first campaign's flow fails, and which flows ran."""
    from flows.tick import FLOWS

    with shop_on(load_workspace(root).settings.store, root) as shop:
        shop.customer("last", birthday="--06-20", time_zone="UTC")
        shop.event("last", "signed_up", NOON + 5 * DAY)
    failing_flow = AsyncMock(side_effect=StoreError("no birthdays today"))
    with patch.dict(FLOWS, {"occasion": failing_flow}):
        try:
            run_everything_due(root, NOON + 5 * DAY)
        except StoreError as error:
            with shop_on(load_workspace(root).settings.store, root) as shop:
                return [str(error), [row[0:4] for row in shop.touches() if row[1] == "last"]]
    return []


def stopped(root: Path) -> int:
    """A clock that is stopped by SIGTERM in its first tick; returns how many ticks it told."""
    told: list[object] = []

    def tell(ticked: object) -> None:
        told.append(ticked)
        os.kill(os.getpid(), signal.SIGTERM)

    tick_forever(root, timedelta(hours=1), tell, lambda _: None)
    return len(told)


def clock_that_fails(root: Path) -> str:
    with patch("flows.tick.due_work", side_effect=StoreError("store is gone")):
        try:
            tick_forever(root, timedelta(hours=1), lambda _: None, lambda _: None)
        except StoreError as error:
            return str(error)
    return "nothing"


def report(root: Path) -> Mapping[str, Any]:
    url = load_workspace(root).settings.store
    found: dict[str, Any] = ticking(root)
    with shop_on(url, root) as shop:
        found["mails"] = len(shop.mails())
        found["ledger"] = [[str(value) for value in row] for row in shop.ledger()]
        found["crashed"] = crashed(shop)
        found["draining"] = draining(shop)
        found["states"] = sorted(row[3] for row in shop.touches())
    found["failing"] = [failing(root, "flows.plan.plan_campaigns"), failing(root, "flows.tick.due_work")]
    found["one_fails"] = one_fails(root)
    return found


if __name__ == "__main__":
    roots = [Path(name) for name in sys.argv[1:]]
    start_server(roots[0])
    reports = {root.name: report(root) for root in roots}
    last = {"stopped": stopped(roots[0]), "clock_that_fails": clock_that_fails(roots[0])}
    last["home"] = os.environ["PREFECT_HOME"]
    sys.stdout.write(json.dumps({**reports, "clock": last}))
