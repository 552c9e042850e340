"""The crash matrix: deliver, die at point N, start again, settle - for every N.

After each death the invariants are checked against what the provider itself has counted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import Connection, update

from crm_store.ledger.accounts import mend
from crm_store.schema import holder, touch
from crm_store.store import open_store
from outreach import delivery, recovery
from outreach.channels.base import Channel
from outreach.channels.outbox import Outbox
from tests.chaos.points import Points
from tests.chaos.provider import Counting, Posting
from tests.copies import copy_of, shop_on
from tests.journeys.files import sums_hold
from tests.ledger.rows import LONG_GONE, by_customer, planned
from tests.world import SETTINGS, Shop

CUSTOMERS = 5
PER_REQUEST = 2


@dataclass(frozen=True)
class Case:
    """A way out, on a kind of store, with so many workers at once, of which one dies."""

    way: str  # outbox | http
    workers: int

    @property
    def name(self) -> str:
        return f"{self.way}-{self.workers}"


CASES = [Case(way, workers) for way in ("outbox", "http") for workers in (1, 2)]


class Bench:
    """A filled store to make copies of, and a provider that counts."""

    def __init__(self, case: Case, url: str, root: Path) -> None:
        self.case, self.url, self.root = case, url, root
        self.server = Counting()
        with shop_on(url, root) as shop:
            Shop.open(root, shop.store)
            shop.write({"config/rapport.yaml": SETTINGS + "delivery: {batch: 3}\n"})
            planned(shop, *(f"c{n}" for n in range(CUSTOMERS)))

    @contextmanager
    def fresh(self) -> Iterator[Shop]:
        """A shop on a copy of the store, with nothing sent yet."""
        self.server.accepted.clear()
        self.server.requests = 0
        with copy_of(self.url) as copy, tempfile.TemporaryDirectory() as folder, shop_on(copy, self.root) as shop:
            self.copy, self.outbox = copy, Path(folder)
            yield shop

    def channel(self) -> Channel:
        if self.case.way == "http":
            return Posting(self.server.port, PER_REQUEST)
        channel = Outbox(self.outbox)
        channel.per_request = PER_REQUEST
        return channel

    def arrived(self) -> Counter[int]:
        """How often each touch's mail has arrived, as the provider counts."""
        if self.case.way == "http":
            return Counter(self.server.accepted)
        return Counter(int(path.stem.partition("-")[0]) for path in self.outbox.glob("*/*.eml"))

    def deliver(self, shop: Shop) -> None:
        def chosen(*_: object) -> Channel:
            return self.channel()

        with patch.object(delivery, "channel_for", chosen), patch.object(recovery, "channel_for", chosen):
            shop.deliver()


def worker(bench: Bench, points: Points, told: int | None) -> None:
    """A process of its own: opens the store, delivers, says how many points it passed."""
    store = open_store(bench.copy, Path("/"))
    shop = Shop(bench.root, store)
    points.watch(store.engine)
    bench.deliver(shop)
    points.watching = False
    if told is not None:
        os.write(told, json.dumps({"passed": points.passed, "kinds": points.kinds}).encode())


def forked(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
        os._exit(0)
    except BaseException as error:
        sys.stderr.write(f"worker: {type(error).__name__}: {error}\n")
        os._exit(1)


def deliver_and_die(bench: Bench, at: int) -> tuple[bool, dict[str, int], int]:
    """Whether the worker was killed at that point; the points it passed by kind, and in all, if it was not."""
    read, write = os.pipe()
    others = [forked(lambda: worker(bench, Points(), None)) for _ in range(bench.case.workers - 1)]
    pid = forked(lambda: worker(bench, Points(at), write))
    os.close(write)
    _, status = os.waitpid(pid, 0)
    for other in others:
        assert os.waitpid(other, 0)[1] == 0, "the worker beside it failed"
    said = os.read(read, 65_536)
    os.close(read)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True, {}, 0
    assert status == 0, "the worker failed without being killed"
    found = json.loads(said)
    return False, found["kinds"], found["passed"]


def pass_leases(conn: Connection) -> None:
    """As if time had passed since whoever held them died."""
    conn.execute(update(touch).where(touch.c.lease_until.is_not(None)).values(lease_until=LONG_GONE))
    conn.execute(update(touch).values(retry_at=None))
    conn.execute(update(holder).values(until=LONG_GONE))


def start_again(bench: Bench, shop: Shop) -> None:
    """The leases pass; whoever comes next settles and delivers, until nothing is left to do."""
    for _ in range(4):
        shop.store.write(pass_leases)
        shop.store.write(mend)
        bench.deliver(shop)


def broken(bench: Bench, shop: Shop) -> list[str]:
    """The invariants that do not hold, against the provider's own count."""
    arrived, states = bench.arrived(), by_customer(shop, "id", "state")
    doubtful = [touch_id for touch_id, state in states.values() if state == "in_doubt"]
    found = [f"touch {one} arrived {times} times" for one, times in arrived.items() if times > 1]
    lost = [one for one, state in states.values() if state == "sent" and not arrived[one]]
    found += [f"touch {one} is sent, but never arrived" for one in lost]
    found += [f"touch {one} is {state}" for one, state in states.values() if state not in ("sent", "in_doubt")]
    if len(doubtful) > PER_REQUEST or (bench.case.way == "outbox" and doubtful):
        found.append(f"{len(doubtful)} touches are in doubt")
    return found if sums_hold(shop) else [*found, "the sum law does not hold"]


def sweep(
    case: Case, url: str, root: Path, step: int = 1, first: int = 1, most: int = 100_000
) -> tuple[int, dict[str, int]]:
    """Die at every `step`-th point from `first` on, up to `most`. Raises AssertionError.

    Returns how often it died, and the points of a whole run by kind. Of several workers it is chance who does how much:
    one that was not killed says nothing of the next point; alone it has shown that there are no more.
    """
    bench, died, kinds = Bench(case, url, root), 0, dict[str, int]()
    for at in range(first, most, step):
        with bench.fresh() as shop:
            killed, kinds, _ = deliver_and_die(bench, at)
            start_again(bench, shop)
            wrong = broken(bench, shop)
        assert not wrong, f"{case.name}, killed at point {at}: {'; '.join(wrong)}"
        died += killed
        if not killed and case.workers == 1:
            break
    return died, kinds
