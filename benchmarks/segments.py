"""Twenty segments, compiled from their YAML, beside the fastest SQL that a person wrote for each: `hand_sql/NAME.sql`.

Both are streamed to the end, for all customers and among a thousand. A select is made once for an instant, as a tick asks
the same conditions at one instant again and again; `compile_s` says how long that takes, and is no part of our time.
Every formulation must give the same ids as ours; a difference is an error. The bar is 1.25x.

    bin/bench segments --size 100k --store postgres --only regulars

`growth`: how many times longer ours takes on this store than on the one of 100k, per times more customers; 1 is linear.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from benchmarks import handwritten
from benchmarks.handwritten import Formulation, Known
from benchmarks.measure import Case, Wanted, arguments, case, in_turns, read_size, report, seconds, show
from benchmarks.memory import peak_mb, processes_of
from benchmarks.ours import Ours, load
from benchmarks.population import make_once
from benchmarks.shape import NOW, SEED
from benchmarks.stores import kept_store
from crm_store.store import open_store

ROUNDS = 3
ROWS = 10_000  # fetched at once
AMONG = 1_000
STREAM = {"stream_results": True, "max_row_buffer": ROWS}
PATIENCE = 4.0  # a formulation is given up after this many times ours, or the least of these seconds:
LEAST_PATIENCE = 5.0
LONG = 2.0  # seconds; shorter runs are taken again, with caches filled
CLOSE = 1.3  # formulations this near to the fastest are timed in turns with ours
GROWS_FROM = "100k"


# Of each formulation: the seconds of a single run, None if given up, and whether its ids are ours.
Tried: TypeAlias = dict[str, tuple[float | None, bool]]


@dataclass(frozen=True)
class Compared:
    """A segment on both sides. `formulations`: seconds of a single run, None for those given up; `peak_mb` of ours and
    of the floor; `differs`: formulations whose ids aren't ours."""

    case: Case
    mode: str
    members: int
    best: str
    compile_s: float
    peak_mb: float
    floor_peak_mb: float
    formulations: dict[str, float | None]
    differs: list[str]


@dataclass(frozen=True)
class Bench:
    """An open store, our segments, and the thousand customers."""

    conn: Connection
    known: Known
    ours: Ours
    ids: Sequence[int]

    def asked(self, mode: str) -> Sequence[int] | None:
        return self.ids if mode == "among" else None

    def our_rows(self, name: str, mode: str) -> Iterator[Any]:
        """Parts of the answer: it is never there as a whole."""
        selected = self.ours.select(self.conn, name, mode == "among")
        bound = {"ids": self.ids} if mode == "among" else {}
        yield from self.conn.execute(selected, bound, execution_options=STREAM).scalars().partitions(ROWS)

    def their_rows(self, formulation: Formulation, mode: str) -> Iterator[Any]:
        statement = handwritten.sql_of(formulation, self.known, self.asked(mode))
        found = self.conn.exec_driver_sql(statement, execution_options={**STREAM, "no_parameters": True})
        yield from found.scalars().partitions(ROWS)

    def ways(self, name: str, mode: str) -> dict[str, Callable[[], Iterator[Any]]]:
        """The rows of every formulation."""
        found = handwritten.formulations(name, self.known.dialect)
        return {one.name: partial(self.their_rows, one, mode) for one in found}


@contextmanager
def bench(store: str, written: str, root: Path = handwritten.WORKSPACE) -> Iterator[Bench]:
    """The kept store of that size, made if it is not there yet."""
    with kept_store(store, written) as url:
        make_once(url, read_size(written))
        opened = open_store(url, Path("/"))
        with opened.read() as conn:
            size = read_size(written)
            ids = sorted(Random(SEED).sample(range(1, size + 1), min(AMONG, size // 2)))
            yield Bench(conn, handwritten.look_up(conn), load(root), ids)
        opened.close()


def ids_of(parts: Iterator[Any]) -> NDArray[np.int64]:
    """All ids, sorted."""
    return np.sort(np.concatenate([np.array([], dtype=np.int64), *(np.array(part, dtype=np.int64) for part in parts)]))


def drain(rows: Callable[[], Iterator[Any]]) -> int:
    """Read to the end, keep nothing. Returns how many there were."""
    return sum(len(part) for part in rows())


def compare(bench: Bench, name: str, mode: str) -> Compared:
    """Check every formulation, then time the fastest in turns with ours."""
    ours, ways = partial(bench.our_rows, name, mode), bench.ways(name, mode)
    members, tried = try_all(bench, name, mode)
    near = nearest(tried)
    taken = in_turns({"": partial(drain, ours), **{way: partial(drain, ways[way]) for way in near}}, ROUNDS)
    best = min(near, key=lambda way: taken[way])
    processes = processes_of(bench.conn)
    return Compared(
        case(f"{name} ({mode})", taken[""], taken[best]),
        mode,
        members,
        best,
        round(_compile_seconds(bench, name, mode), 4),
        peak_mb(partial(drain, ours), processes),
        peak_mb(partial(drain, ways[best]), processes),
        {way: taken for way, (taken, _) in tried.items()},
        [way for way, (_, same) in tried.items() if not same],
    )


def try_all(bench: Bench, name: str, mode: str) -> tuple[int, Tried]:
    """How many members there are, and every formulation run, its ids beside ours."""
    start = time.perf_counter()
    members = ids_of(bench.our_rows(name, mode))
    limit = max(LEAST_PATIENCE, PATIENCE * (time.perf_counter() - start))
    return len(members), {way: _tried(bench.conn, rows, members, limit) for way, rows in bench.ways(name, mode).items()}


def nearest(tried: Tried) -> list[str]:
    """The fastest of the single runs first, then those that may be as fast."""
    known = {way: taken for way, (taken, _) in tried.items() if taken is not None}
    if not known:
        raise SystemExit(f"every formulation was given up: {', '.join(tried)}")
    ranked = sorted(known, key=lambda way: known[way])
    return [way for way in ranked[:3] if known[way] <= max(CLOSE * known[ranked[0]], known[ranked[0]] + 0.01)]


def _tried(
    conn: Connection, rows: Callable[[], Iterator[Any]], members: NDArray[np.int64], limit: float
) -> tuple[float | None, bool]:
    """(seconds or None if given up, whether the ids are the members)."""
    found: list[NDArray[np.int64]] = []
    try:
        with _at_most(conn, limit):
            cold = seconds(lambda: found.append(ids_of(rows())))
            taken = seconds(partial(drain, rows)) if cold < LONG else cold
    except DBAPIError as error:
        if not any(word in str(error.orig) for word in ("interrupted", "statement timeout")):
            raise
        conn.rollback()
        return None, True
    return round(taken, 4), np.array_equal(found[0], members)


@contextmanager
def _at_most(conn: Connection, limit: float) -> Iterator[None]:
    """Statements that take longer are broken off."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(f"SET statement_timeout = {round(limit * 1000)}")
        yield
        conn.exec_driver_sql("SET statement_timeout = 0")
        return
    raw: Any = conn.connection.driver_connection
    timer = _Timer(limit)
    raw.set_progress_handler(timer.over, 100_000)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)


class _Timer:
    """Says once SQLite asks whether the time is over; both runs of a formulation share it."""

    def __init__(self, limit: float) -> None:
        self._clock, self._end = time.monotonic, time.monotonic() + 2 * limit

    def over(self) -> int:
        return int(self._clock() > self._end)


def _compile_seconds(bench: Bench, name: str, mode: str) -> float:
    """From the condition to SQL text with its parameters, at instants it was not asked at before."""
    dialect = bench.conn.dialect

    def made(now: datetime) -> object:
        return bench.ours.select(bench.conn, name, mode == "among", now).compile(dialect=dialect)

    return median(seconds(partial(made, NOW + timedelta(seconds=number))) for number in range(1, 4))


def compared(bench: Bench, wanted: Wanted) -> Iterator[Compared]:
    """Every segment that loads and is asked for, each for all and among few; progress goes to the error output."""
    for name in handwritten.names():
        if name in bench.ours.segments and (not wanted.only or name in wanted.only):
            for mode in ("all", "among"):
                found = compare(bench, name, mode)
                sys.stderr.write(f"{found.case.name:<30} {found.case.ratio:6.2f}x  {found.best}\n")
                yield found


def grown(bench: Bench, results: Sequence[Compared], wanted: Wanted) -> dict[str, float]:
    """Of each segment, for all: the growth of our time over the growth of the customers."""
    times = wanted.size / read_size(GROWS_FROM)
    now = {one.case.name.split()[0]: one.case.ours_s for one in results if one.mode == "all"}
    before = in_turns({name: partial(drain, partial(bench.our_rows, name, "all")) for name in now}, ROUNDS)
    return {name: round(now[name] / before[name] / times, 3) for name in now}


def summary(results: Sequence[Compared], faults: Sequence[str]) -> dict[str, Any]:
    """What the report says beyond its cases."""
    every: dict[str, Any] = {
        "differs": {one.case.name: one.differs for one in results if one.differs},
        "not_loaded": faults,
    }
    for mode in ("all", "among"):
        ratios = [one.case.ratio for one in results if one.mode == mode]
        every[mode] = {"median": median(ratios), "worst": max(ratios)} if ratios else {}
    every["peak_mb"] = max(one.peak_mb for one in results)
    every["segments"] = [{**asdict(one), "case": one.case.name} for one in results]
    return every


def measure(wanted: Wanted, root: Path = handwritten.WORKSPACE) -> dict[str, Any]:
    """The whole benchmark."""
    with bench(wanted.store, wanted.written, root) as here:
        results = list(compared(here, wanted))
        faults = here.ours.faults
    more = summary(results, faults)
    if wanted.size > read_size(GROWS_FROM):
        with bench(wanted.store, GROWS_FROM, root) as smaller:
            more["growth"] = grown(smaller, results, wanted)
    return report("segments", wanted, [one.case for one in results], more)


def main() -> None:
    wanted = arguments("segments", "100k")
    result = measure(wanted)
    show(result, wanted.as_json)
    for name, ways in result["differs"].items():
        sys.stderr.write(f"error: {name} differs from {', '.join(ways)}\n")
    for fault in result["not_loaded"]:
        sys.stderr.write(f"not loaded: {fault}\n")
    sys.exit(1 if result["differs"] else 0)


if __name__ == "__main__":
    main()
