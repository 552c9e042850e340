"""A machine clock that is set by hand: an hour passes at once, and whoever sleeps wakes at the right time."""

from __future__ import annotations

from datetime import datetime, timedelta

from crm_store.clock import MachineClock
from tests.world import Shop


class SetClock(MachineClock):
    """Stands still but for what the test adds. `slept`: every sleep there was, in seconds."""

    def __init__(self) -> None:
        self.began = super().instant(), super().monotonic()
        self.ahead = timedelta(0)
        self.set_back = timedelta(0)
        self.slept: list[float] = []

    def instant(self) -> datetime:
        return self.began[0] + self.ahead - self.set_back

    def monotonic(self) -> float:
        return self.began[1] + self.ahead.total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ahead += timedelta(seconds=seconds)

    def jump(self, span: timedelta) -> None:
        """Somebody sets the clock: the instants change, the monotonic seconds don't."""
        self.set_back -= span


def clock_of(shop: Shop) -> SetClock:
    """From now on the shop goes by a clock that the test sets."""
    clock = SetClock()
    shop.store.use_clock(clock)
    return clock
