"""One import: read, check, write in chunks, set aside what can't be taken. A second run of the same adds nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import Connection

from crm_store.clock import machine_instant
from crm_store.intake.bulk import gather_statistics
from crm_store.intake.customers import Customers
from crm_store.intake.events import Events
from crm_store.intake.outcome import Outcome
from crm_store.intake.products import Products
from crm_store.intake.readers import Records, Rejects, refuse
from crm_store.intake.records import Form, Raw
from crm_store.intake.values import Reject, Rules
from crm_store.journeys.atonce import AtOnce
from crm_store.journeys.slices import take_turn
from crm_store.store import Store

R = TypeVar("R")
# Rows a write transaction takes, items included: some 45 ms on SQLite (a checkpoint of its log apart), 120 on PostgreSQL.
CHUNK = 3_000
ENTRY = 3  # what a campaign that is entered at once weighs beside the event


class Intake(Protocol[R]):
    """A kind of record: how it is read and written."""

    name: ClassVar[str]
    help: ClassVar[str]
    form: ClassVar[Form]

    def read(self, raw: Raw, rules: Rules) -> R: ...

    def weight(self, record: R) -> int: ...

    def write(self, conn: Connection, records: Sequence[R], source: str, at: datetime) -> Outcome: ...


# What can be imported. A new kind is one file and one line.
INTAKES: tuple[Intake[Any], ...] = (Customers(), Events(), Products())


@dataclass(frozen=True)
class Line:
    """A record, and where it came from; `original` is what a rejects file keeps of it."""

    number: int
    record: Any
    original: Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Refused:
    """A line that can't be taken, whatever is in the store."""

    number: int
    reason: str
    original: Callable[[], dict[str, Any]]


def read_lines(intake: Intake[Any], records: Records, rules: Rules) -> Iterator[Line | Refused]:
    """A file's records, understood or refused. Raises RapportError for a file of which no record could be taken."""
    records.check(intake.form)
    for raw in records:
        try:
            refuse(raw.trouble)
            yield Line(raw.line, intake.read(raw.fields, rules), partial(dict, raw.original))
        except Reject as reject:
            yield Refused(raw.line, str(reject), partial(dict, raw.original))


def import_lines(
    store: Store,
    intake: Intake[Any],
    lines: Iterable[Line | Refused],
    rejects: Rejects,
    source: str,
    progress: Callable[[int], None] = lambda _: None,
    now: datetime | None = None,
) -> Outcome:
    """Write records in chunks, set aside what is refused. `progress` is told how many more have been dealt with.

    Campaigns that begin at once with what is written do so as of `now`; unless said, the machine's.
    """
    total, at_once = Outcome(), AtOnce(store, now or machine_instant())
    good = _set_aside(lines, rejects, total)
    for chunk in chunks(good, lambda line: intake.weight(line.record) + ENTRY * len(at_once.entered_by(line.record))):
        outcome = store.write(_write, intake, [line.record for line in chunk], source, at_once)
        total.add(outcome)
        for index, reason in outcome.late:
            _reject(Refused(chunk[index].number, reason, chunk[index].original), rejects, total)
        progress(len(chunk))
    store.write(gather_statistics, total.new + total.items + total.consents)
    return total


def _write(conn: Connection, intake: Intake[R], records: Sequence[R], source: str, at_once: AtOnce) -> Outcome:
    """A chunk, and what campaigns do about it at once: together or not at all."""
    entering = [record for record in records if at_once.entered_by(record)]
    if entering:
        take_turn(conn)  # first, so that nobody who has it waits for what this transaction has written
    outcome = intake.write(conn, records, source, machine_instant())
    at_once.enter(conn, entering)
    return outcome


def _set_aside(lines: Iterable[Line | Refused], rejects: Rejects, total: Outcome) -> Iterator[Line]:
    for line in lines:
        if isinstance(line, Line):
            yield line
        else:
            _reject(line, rejects, total)


def _reject(line: Refused, rejects: Rejects, total: Outcome) -> None:
    rejects.add(line.number, line.reason, line.original())
    total.reject(line.reason)


def chunks(records: Iterable[R], weight: Callable[[R], int], most: int = CHUNK) -> Iterator[list[R]]:
    """Lists of records that weigh at most so much together (or are one heavy record)."""
    chunk: list[R] = []
    weighs = 0
    for record in records:
        if chunk and weighs + weight(record) > most:
            yield chunk
            chunk, weighs = [], 0
        chunk.append(record)
        weighs += weight(record)
    if chunk:
        yield chunk
