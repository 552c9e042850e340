"""A tick over many enrolments: everybody is enrolled in a nurture of ten steps with branches, beside 20 campaigns of
all kinds, five of them entered by a segment.

Works on a copy of the kept store, by the plain functions that the `plan` flow calls, in this process. The floor of a step
by which a mail comes due is the bare INSERT ... SELECT of as many rows into a table like `touch`, with its indexes, in
slices as ours; of one without a mail, of as many rows as there were moves into one like `enrolment` (bar: 3). `parts` has
the seconds of a tick in which nothing is new (bar: 0.05), of one a minute later, of one after 1,000 events (bar: 20 times
the first), and of the one in which a day's birthdays have their turn; `writes` how many transactions idle ticks wrote
(bar: none), `longest_write_ms` the longest of all (bar: 200), `peak_mb` the memory while everybody moves on.

    bin/bench journeys --size 100k --store sqlite
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import MetaData, Table, func, select, update
from sqlalchemy.sql import quoted_name

from benchmarks.following import Writes, copied
from benchmarks.handwritten import WORKSPACE
from benchmarks.measure import Case, Wanted, arguments, case, report, seconds, show
from benchmarks.memory import peak_mb, processes_of
from benchmarks.persons import key_of
from benchmarks.shape import NOW
from crm_store.clock import machine_instant
from crm_store.content.workspace import load_workspace
from crm_store.dialect import unindexed
from crm_store.intake.events import Events
from crm_store.intake.records import read_event
from crm_store.intake.values import Rules
from crm_store.journeys import slices
from crm_store.journeys.plan import Planned, plan_campaign
from crm_store.journeys.tick import plan_campaigns, refresh_segments
from crm_store.many import ids_of
from crm_store.schema import enrolment, touch
from crm_store.schema.base import METADATA, say_where
from crm_store.store import Store
from outreach.publishing import apply, check

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ROUNDS = 5
EVENT_ROUNDS = 3
EVENTS = 1_000
LONG = """\
kind: nurture
status: live
topic: offers
enter: {segment: everybody, existing: enrol}
exit_when: {event: refund, since: entered}
steps:
  - wait: 1 days
  - send: welcome
  - {wait: 2 days, name: after welcome}
  - branch:
      - {when: {attribute: tier, is: gold}, then: [{wait: 1 days, name: gold}, {send: welcome-voucher}]}
      - {otherwise: [{wait: 2 days, name: others}]}
  - {wait_for: {message: clicked, of: {step: welcome}}, at_most: 5 days, then: [{wait: 3 days, name: clicked}]}
  - split: {a: {share: 50 %, then: [{send: digest}]}, b: {share: 50 %, then: [{wait: 1 days, name: b}]}}
  - send: digest-more
"""
# Beside it: how each is entered. Of every kind four times, with leads and filters that differ.
KINDS = {
    "nurture": "{{event: cart_updated}}\nagain: after {n} days",
    "nurture-by-segment": "{{segment: {segment}}}\nagain: after leaving",
    "occasion": '{{date: {n} days before birthday, at: "09:00"}}',
    "winback": "{{lapse: order, after: {n}0 days}}",
}
SEGMENTS = ("gold-coffee-fans", "big-baskets", "lookers", "new-customers", "second-chance")
BESIDE = """\
kind: {kind}
status: live
topic: offers
enter: {enter}
exit_when: {{event: order, since: entered}}
steps: [{{send: digest}}, {{wait: 7 days}}, {{send: digest-more}}]
"""


def campaigns() -> Iterator[tuple[str, str]]:
    """The 20 beside the long one, by name."""
    for n, segment in enumerate(SEGMENTS, start=1):
        for kind, enter in KINDS.items():
            said = enter.format(n=n + 1, segment=segment)
            yield f"{kind}-{n}", BESIDE.format(kind=kind.partition("-")[0], enter=said)


@contextmanager
def workspace() -> Iterator[Path]:
    """That of the made-up stores, whose own campaigns are drafts, with these."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        shutil.copytree(WORKSPACE, root)
        (root / "segments/everybody.yaml").write_text("who: {attribute: joined_on, before: 2100-01-01}\n")
        for name, text in [("long", LONG), *campaigns()]:
            (root / f"config/campaigns/{name}.yaml").write_text(text)
        yield root


@dataclass
class Bench:
    """A store, its workspace, and what was measured."""

    store: Store
    root: Path
    now: datetime = NOW
    writes: Writes = field(default_factory=Writes)
    parts: dict[str, float] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)

    def tick(self) -> list[Planned]:
        """What the `plan` flow does."""
        refresh_segments(self.store, self.now)
        return plan_campaigns(self.store, self.now)

    def timed(self, part: str) -> list[Planned]:
        planned: list[Planned] = []
        self.parts[part] = seconds(lambda: planned.extend(self.tick()))
        return planned

    def idle(self, part: str, ahead: timedelta) -> int:
        """The median of some ticks without anything new, each so much later. Returns how many transactions they wrote."""
        self.tick()
        before, taken = len(self.writes.taken), []
        for _ in range(ROUNDS):
            self.now += ahead
            taken.append(seconds(self.tick))
        self.parts[part] = median(taken)
        return len(self.writes.taken) - before

    def after_events(self, size: int) -> None:
        """The median of some ticks, each after 1,000 events: in a running process, statements have been made before."""
        taken = []
        for nth in range(EVENT_ROUNDS):
            self.now += MINUTE
            happen(self.store, size, self.now, nth)
            taken.append(seconds(self.tick))
            self.deliver()
            self.tick()
        self.parts["after_1000_events"] = median(taken)

    def advance(self, name: str, like: Table, ahead: timedelta) -> None:
        """Everybody in the long one goes a step on in one tick; beside it the bare INSERT of as many rows."""
        self.now += ahead
        refresh_segments(self.store, self.now)
        done: list[Planned] = []
        ours = seconds(lambda: done.append(plan_campaign(self.store, "long", self.now)))
        rows = done[0].touches if like is touch else done[0].moved
        copied: list[int] = []
        with self.writes.left_out():
            twin = self.twin(like)
            floor = seconds(lambda: copied.append(self.bare(like, twin, rows)))
        self.cases.append(case(name, ours, floor * rows / copied[0]))  # in one tick there may be several moves of each

    def deliver(self) -> int:
        """Every touch is sent, as far as the journeys can see. Returns how many were due."""

        def send(conn: Any, ids: list[int]) -> None:
            sent = {"state": "sent", "sent_at": self.now}
            conn.execute(update(touch).where(touch.c.id.in_(ids_of(ids))).values(sent))

        with self.store.read() as conn:
            due = list(conn.execute(select(touch.c.id).where(touch.c.state == "due")).scalars())
        with self.writes.left_out():
            for start in range(0, len(due), slices.SLICE):
                self.store.write(send, due[start : start + slices.SLICE])
        return len(due)

    def twin(self, like: Table) -> Table:
        """An empty table with the same columns and indexes."""
        self.store.write(lambda conn: say_where(METADATA, conn))
        twin = like.to_metadata(MetaData(), name=f"bare_{like.name}")
        for constraint in list(twin.foreign_key_constraints):
            twin.constraints.remove(constraint)
        for index in twin.indexes:
            index.name = quoted_name(f"bare_{index.name}", None)
        for key in twin.constraints:
            key.name = quoted_name(f"bare_{key.name}", None)
        self.store.write(lambda conn: twin.drop(conn, checkfirst=True))
        self.store.write(twin.create)
        return twin

    def bare(self, like: Table, twin: Table, rows: int) -> int:
        """INSERT ... SELECT of so many rows of the long campaign into a table like theirs, in slices. Returns how many
        there were."""
        last, copied = 0, 0
        while copied < rows:
            some, last = self.store.write(partial(_copy, like=like, twin=twin), last, min(rows - copied, slices.SLICE))
            if not some:
                break
            copied += some
        return copied


def _end_made_up(conn: Any) -> None:
    """The made-up enrolments follow no definition that can be read."""
    conn.execute(update(enrolment).where(enrolment.c.state == "in").values(state="finished", next_at=None))
    conn.execute(update(touch).where(touch.c.state == "due").values(state="skipped", reason="late"))


def _copy(conn: Any, last: int, size: int, like: Table, twin: Table) -> tuple[int, int]:
    """Returns how many, and the last one's number."""
    chosen = select(like).where(unindexed(like.c.campaign) == "long", like.c.id > last).order_by(like.c.id).limit(size)
    written = twin.insert().from_select([column.name for column in like.c], chosen)
    some = conn.execute(written.execution_options(preserve_rowcount=True)).rowcount
    return some, conn.execute(select(func.coalesce(func.max(twin.c.id), 0))).scalar_one()


def happen(store: Store, size: int, at: datetime, nth: int) -> None:
    """A thousand events of as many customers, others each time, through the intake."""
    known = load_workspace(WORKSPACE)
    rules = Rules(known.vocabulary, known.settings.company.zone, known.settings.company.currency)
    keys = [key_of(number) for number in range(nth, size, max(1, size // EVENTS))][:EVENTS]
    said = [
        {"customer": key, "event": "cart_updated", "at": at.isoformat(), "properties": {"cart_id": "x"}} for key in keys
    ]
    store.write(Events().write, [read_event(one, rules) for one in said], "benchmark", machine_instant())


def measure(wanted: Wanted) -> dict[str, Any]:
    with copied(wanted) as store, workspace() as root:
        bench = Bench(store, root)
        store.write(_end_made_up)
        apply(store, check(load_workspace(root)), bench.now)
        bench.writes.watch(store)
        entered = sum(one.entered for one in bench.timed("enter"))
        bench.deliver()
        bench.tick()
        writes = bench.idle("idle", timedelta(0))
        later = bench.idle("a_minute_later", MINUTE)
        bench.after_events(wanted.size)
        born = _birthdays(bench)
        bench.advance("a mail comes due", touch, DAY)
        bench.deliver()
        bench.advance("a touch is settled", enrolment, timedelta(0))
        bench.advance("a wait ends, a branch is taken", enrolment, 2 * DAY)
        with store.read() as conn:
            processes = processes_of(conn)
        bench.now += 2 * DAY
        peak = peak_mb(bench.tick, processes)
        more = {
            "parts": {name: round(taken, 4) for name, taken in bench.parts.items()},
            "entered": entered,
            "birthdays": born,
            "writes": {"idle": writes, "a_minute_later": later},
            "events_to_idle": round(bench.parts["after_1000_events"] / bench.parts["idle"], 1),
            "longest_write_ms": bench.writes.longest_ms,
            "peak_mb": peak,
        }
        return report("journeys", wanted, bench.cases, more)


def _birthdays(bench: Bench) -> int:
    """The tick at 09:00 in Berlin, a few hours on, in which the occasions of that day have their turn; nobody else has."""
    bench.now = (NOW + DAY / 2).replace(hour=8, minute=0)
    found = bench.timed("a_day_of_birthdays")
    return sum(one.entered for one in found if one.campaign.startswith("occasion"))


def main() -> None:
    wanted = arguments("journeys", "100k")
    show(measure(wanted), wanted.as_json)


if __name__ == "__main__":
    main()
