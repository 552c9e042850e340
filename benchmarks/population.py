"""A made-up store of a realistic shape: `make bench-store SIZE=1m STORE=sqlite`; with options: `bin/bench-store --help`.

A million customers have ten million events, of these some 2.1 million orders with lines, 2.1 million enrolments,
4 million touches with 1.6 million opens and clicks; other sizes in proportion. The same size gives the same store.

Measured (load_shape.json, with sources): how often and for how long customers buy (Pareto/NBD) and for how much
(Gamma-Gamma, CDNOW), hot customers of 150-250 orders, months, weekdays and hours, which products are popular, the spread
of lines per order, the share of refunds, how many sends, opens and clicks. Assumed: the field `Shape` says so, and all of
`persons.py`: where customers live, attributes, consents (62 % given), scores, lists. Page views fill `event` up to ten a
customer: the mix counts sends, opens and clicks among its ten million, here they are rows of their own tables on top.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.bulk import filling
from benchmarks.deeds import count_tallies, write_deeds
from benchmarks.draws import Calendar, people
from benchmarks.measure import STORES as KINDS
from benchmarks.measure import read_size, seconds
from benchmarks.persons import HOMES, write_persons
from benchmarks.sendings import write_mails
from benchmarks.shape import load_shape
from benchmarks.stores import STORES, exists, kept_store, making
from crm_store.intake.zones import zone_ids
from crm_store.store import open_store, upgrade_store


def fill(url: str, size: int) -> None:
    """Make a store at that address, which is new or has no rows yet, of so many customers."""
    upgrade_store(url, Path("/"))
    store = open_store(url, Path("/"))
    zones = store.write(zone_ids, [(home.time_zone, home.country) for home in HOMES])
    store.close()
    shape = load_shape()
    calendar, them = Calendar(shape), people(shape, size)
    with filling(url) as bulk:
        homes = write_persons(bulk, them, calendar, zones)
        write_deeds(bulk, shape, them, homes, calendar)
        write_mails(bulk, shape, them, homes)
        count_tallies(bulk)


def make_once(url: str, size: int, again: bool = False) -> None:
    """Make the store unless it is there, complete and of today's schema."""
    if exists(url) and not again:
        return
    with making(url) as half:
        taken = seconds(lambda: fill(half, size))
    sys.stderr.write(f"made {url} in {taken:.0f} s\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench-store", description="make a store to measure on, and keep it")
    parser.add_argument("--size", default="100k", help="customers, e.g. 500, 100k, 1m (default 100k)")
    parser.add_argument("--store", default="sqlite", choices=KINDS)
    parser.add_argument("--into", type=Path, default=STORES, help="the folder it is kept in")
    parser.add_argument("--again", action="store_true", help="make it anew if it is there")
    given = parser.parse_args()
    with kept_store(given.store, given.size, given.into) as url:
        make_once(url, read_size(given.size), given.again)
        sys.stdout.write(f"{url}\n")


if __name__ == "__main__":
    main()
