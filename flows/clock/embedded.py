"""The embedded engine: this process, with Prefect's own server beside it for as long as it lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crm_store.journeys.tick import can_go_on
from flows.clock.environment import set_up_prefect

if TYPE_CHECKING:
    from flows.tick import Ticked

# A journey of sends without waits goes one step a pass; more passes than this would be a journey without end.
MOST_PASSES = 50


def start_server(root: Path) -> None:
    """Start Prefect's own server, if none runs in this process yet, and wait for it."""
    set_up_prefect(root)
    asyncio.run(_greet())


async def _greet() -> None:
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        await client.hello()


def run_everything_due(root: Path, now: datetime, only: str | None = None) -> list[Ticked]:
    """Tick as of `now` until nothing is left to plan or to send."""
    set_up_prefect(root)
    return asyncio.run(_until_nothing_is_left(root, now, only))


async def _until_nothing_is_left(root: Path, now: datetime, only: str | None) -> list[Ticked]:
    from flows.jobs import open_job
    from flows.tick import tick

    done = []
    for _ in range(MOST_PASSES):
        done.append(await tick(str(root), now.isoformat(), only))
        if not can_go_on(open_job(str(root), now.isoformat()).store, now):
            break
    return done


def play(root: Path, instants: list[datetime], told: Callable[[datetime, Ticked], None]) -> None:
    """One tick at each instant, in order; `told` is called after each."""
    set_up_prefect(root)
    asyncio.run(_play(root, instants, told))


async def _play(root: Path, instants: list[datetime], told: Callable[[datetime, Ticked], None]) -> None:
    from flows.tick import tick

    for now in instants:
        told(now, await tick(str(root), now.isoformat()))
