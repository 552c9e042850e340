"""The embedded clock: APScheduler starts a tick every so often, never two at once; missed ones become one."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from crm_store.clock import machine_instant
from flows.clock.environment import set_up_prefect
from outreach.channels.base import ChannelStopped

if TYPE_CHECKING:
    from flows.tick import Ticked


def tick_forever(
    root: Path, every: timedelta, told: Callable[[Ticked], None], complained: Callable[[ChannelStopped], None]
) -> None:
    """Tick until SIGINT or SIGTERM; a tick under way is finished first. Raises what a tick raises.

    A channel that takes nothing is complained of, and tried again in the next tick.
    """
    set_up_prefect(root)
    asyncio.run(_run(root, every, told, complained))


async def _run(
    root: Path, every: timedelta, told: Callable[[Ticked], None], complained: Callable[[ChannelStopped], None]
) -> None:
    from flows.tick import tick

    stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    turn = asyncio.Lock()

    async def once() -> None:
        async with turn:
            try:
                told(await tick(str(root), machine_instant().isoformat()))
            except ChannelStopped as stopped_channel:
                complained(stopped_channel)
            except Exception as error:
                _settle(stopped, error)

    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, _settle, stopped)
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.add_job(once, "interval", seconds=every.total_seconds(), coalesce=True, max_instances=1)
    scheduler.start()
    try:
        await once()
        await stopped
        async with turn:
            return
    finally:
        scheduler.shutdown(wait=False)


def _settle(stopped: asyncio.Future[None], error: Exception | None = None) -> None:
    if stopped.done():
        return
    if error is None:
        stopped.set_result(None)
    else:
        stopped.set_exception(error)
