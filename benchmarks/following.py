"""Following segments: all of them refreshed into `segment_member`, beside the INSERT ... SELECT that a person would write.

Works on a copy of the kept store. The floor for a segment is its fastest formulation (see segments.py) below
`INSERT INTO segment_member`, committed at once; `total` is the ratio of all of them together (bar: 1.25). `parts` has
the seconds of the first refresh of all, of one where nothing is new, and of one after 1 % of the customers had an order
(`late` of what the first took); `longest_write_ms` is the longest time that anybody else had to wait for our transactions.

    bin/bench following --size 100k --store sqlite
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Connection, delete, event

from benchmarks import handwritten
from benchmarks.handwritten import Formulation
from benchmarks.measure import Case, Wanted, arguments, case, read_size, report, seconds, show
from benchmarks.ours import Ours, load
from benchmarks.persons import key_of
from benchmarks.population import make_once
from benchmarks.segments import bench, nearest, try_all
from benchmarks.shape import NOW, NOW_MICROS
from benchmarks.stores import copy_of, kept_store
from crm_store.clock import machine_instant
from crm_store.content.workspace import load_workspace
from crm_store.intake.events import Events
from crm_store.intake.records import read_event
from crm_store.intake.values import Rules
from crm_store.schema import followed_segment, segment_member
from crm_store.segmentation.membership import Following, refresh
from crm_store.store import Store, open_store

ROUNDS = 3
SHARE = 100  # one customer of so many has an order before the last refresh
BATCH = 5_000  # orders taken in at once


@dataclass
class Writes:
    """How long write transactions took, in seconds, from their begin (the lock is taken then) to their end."""

    taken: list[float] = field(default_factory=list)
    _begun: dict[int, float] = field(default_factory=dict)

    def watch(self, store: Store) -> None:
        event.listen(store.engine, "begin", self._begin)
        for end in ("commit", "rollback"):
            event.listen(store.engine, end, self._end)

    def _begin(self, conn: Connection) -> None:
        if conn.get_execution_options().get("write"):
            self._begun[id(conn)] = time.perf_counter()

    def _end(self, conn: Connection) -> None:
        if id(conn) in self._begun:
            self.taken.append(time.perf_counter() - self._begun.pop(id(conn)))

    @contextmanager
    def left_out(self) -> Iterator[None]:
        """What the benchmark itself writes does not count."""
        kept = list(self.taken)
        yield
        self.taken = kept

    @property
    def longest_ms(self) -> float:
        return round(1000 * max(self.taken, default=0.0), 1)


def follow(store: Store, ours: Ours, names: Sequence[str], now: datetime, at_start: bool) -> None:
    """The one call of the code that is measured."""
    refresh(store, [Following(name, ours.segments, ours.zone, at_start) for name in names], now)


def insert(store: Store, name: str, formulation: Formulation) -> None:
    """The floor: everybody found is a member from now on."""

    def write(conn: Connection) -> None:
        found = handwritten.sql_of(formulation, handwritten.look_up(conn))  # one column, of whatever name
        into = "INSERT INTO segment_member (segment, customer_id, n, entered_at, at_start)"
        chosen = f"SELECT '{name}', found.*, 1, {NOW_MICROS}, true FROM ({found}) found"
        conn.exec_driver_sql(f"{into} {chosen}", execution_options={"no_parameters": True})

    store.write(write)


def forget(store: Store, names: Sequence[str]) -> None:
    """Nobody has been a member of these yet."""

    def write(conn: Connection) -> None:
        conn.execute(delete(segment_member).where(segment_member.c.segment.in_(names)))
        conn.execute(delete(followed_segment).where(followed_segment.c.name.in_(names)))

    store.write(write)


def fastest(wanted: Wanted) -> dict[str, Formulation]:
    """The fastest formulation of each segment that loads and is asked for."""
    with bench(wanted.store, wanted.written) as here:
        names = [
            one for one in handwritten.names() if one in here.ours.segments and (not wanted.only or one in wanted.only)
        ]
        best = {name: nearest(try_all(here, name, "all")[1])[0] for name in names}
        ways = {name: handwritten.formulations(name, here.known.dialect) for name in names}
    return {name: next(one for one in ways[name] if one.name == best[name]) for name in names}


@contextmanager
def copied(wanted: Wanted) -> Iterator[Store]:
    """A store like the kept one, to be written to."""
    with kept_store(wanted.store, wanted.written) as url:
        make_once(url, read_size(wanted.written))
        with copy_of(url) as copy:
            store = open_store(copy, Path("/"))
            yield store
            store.close()


def pairs(store: Store, ours: Ours, floors: dict[str, Formulation], writes: Writes) -> list[Case]:
    """Each segment's first refresh beside its INSERT, in turns."""
    cases = []
    for name, formulation in floors.items():
        taken: list[float] = []
        least: list[float] = []
        for _ in range(ROUNDS):
            forget(store, [name])
            writes.taken.clear()
            least.append(seconds(partial(insert, store, name, formulation)))
            forget(store, [name])
            taken.append(seconds(partial(follow, store, ours, [name], NOW, True)))
        cases.append(case(name, median(taken), median(least)))
    return cases


def orders_of_some(store: Store, size: int, at: datetime) -> None:
    """An order of one customer in a hundred, through the intake, so that everything is kept in step."""
    workspace = load_workspace(handwritten.WORKSPACE)
    rules = Rules(workspace.vocabulary, workspace.settings.company.zone, workspace.settings.company.currency)
    for start in range(0, size, SHARE * BATCH):
        keys = [key_of(number) for number in range(start, min(size, start + SHARE * BATCH), SHARE)]
        said = [{"customer": key, "event": "order", "at": at.isoformat(), "amount": 20, "currency": "EUR"} for key in keys]
        store.write(Events().write, [read_event(one, rules) for one in said], "benchmark", machine_instant())


def measure(wanted: Wanted) -> dict[str, Any]:
    ours, floors, writes = load(), fastest(wanted), Writes()
    with copied(wanted) as store:
        cases = pairs(store, ours, floors, writes)
        names, later = list(floors), NOW + timedelta(minutes=10)
        forget(store, names)
        writes.watch(store)
        parts = {"first": seconds(partial(follow, store, ours, names, NOW, True))}
        parts["nothing_new"] = seconds(partial(follow, store, ours, names, NOW + timedelta(minutes=1), False))
        longest = writes.longest_ms
        orders_of_some(store, wanted.size, NOW + timedelta(minutes=5))
        writes.taken.clear()
        parts["after_1_percent"] = seconds(partial(follow, store, ours, names, later, False))
        longest = max(longest, writes.longest_ms)
    total = sum(one.ours_s for one in cases) / sum(one.floor_s for one in cases)
    more = {
        "total": round(total, 3),
        "parts": {name: round(taken, 3) for name, taken in parts.items()},
        "late": round(parts["after_1_percent"] / parts["first"], 3),
        "longest_write_ms": longest,
        "not_loaded": ours.faults,
    }
    return report("following", wanted, cases, more)


def main() -> None:
    wanted = arguments("following", "100k")
    show(measure(wanted), wanted.as_json)


if __name__ == "__main__":
    main()
