"""Claims beside touches that wait: `--size` of them, put off by caps, by hours, by a pace.

`look`: what is due and how much; `claim`: of 1,000 that may go under caps, hours and a pace; `put_off`: of 1,000 that find
no place in a pace, behind all that wait for one. The floor is each part without those that wait; the bar: 1.5.

    bin/bench deferred --size 1m --store sqlite
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Table, insert, literal, select, text, type_coerce

from benchmarks.mailing import OF_ALL, OF_ONE, Mailing
from benchmarks.measure import arguments, case, empty_store, report, seconds, show
from benchmarks.shape import NOW
from crm_store.clock import micros
from crm_store.ledger.claim import Worker, claim, due_groups, waiting
from crm_store.ledger.dispatch import give_back
from crm_store.ledger.judging import Group
from crm_store.schema import customer, enrolment, touch
from crm_store.schema.types import Instant
from crm_store.store import upgrade_store
from outreach.offers.codes import new_codes

PEOPLE, BATCH, ROUNDS = 8_000, 1_000, 3
FREE, TIGHT = "free", "tight"
REASONS = ("cap", "hours", "pace")
WORKER = Worker("benchmark", {})


def look(mailing: Mailing, campaign: str) -> Group:
    """What a drain does before its first claim."""
    with mailing.store.read() as conn:
        (group,) = due_groups(conn, NOW, campaign)
        waiting(conn, group, NOW, PEOPLE)
    return group


def claim_and_give_back(mailing: Mailing, group: Group) -> float:
    """The seconds of the claim alone."""
    found = []
    took = seconds(lambda: found.append(mailing.store.write(claim, WORKER, group, NOW, BATCH, new_codes())))
    assert len(found[0].touch_ids) == BATCH
    mailing.store.write(give_back, found[0])
    return took


def put_off(mailing: Mailing, group: Group) -> float:
    found = []
    took = seconds(lambda: found.append(mailing.store.write(claim, WORKER, group, NOW, BATCH, new_codes())))
    assert (found[0].judged, len(found[0].touch_ids)) == (BATCH, 0)
    return took


def measured(mailing: Mailing) -> dict[str, float]:
    """The median seconds of each part."""
    free, tight = look(mailing, FREE), look(mailing, TIGHT)
    parts: Mapping[str, Callable[[], float]] = {
        "look": lambda: seconds(partial(look, mailing, FREE)),
        "claim": lambda: claim_and_give_back(mailing, free),
        "put_off": lambda: put_off(mailing, tight),
    }
    return {name: median(part() for _ in range(ROUNDS)) for name, part in parts.items()}


def defer(mailing: Mailing, size: int) -> None:
    """Copies of all that is due, that wait."""
    for number in range(1, size // PEOPLE // 2 + 1):
        mailing.store.write(_copy, number, REASONS[number % len(REASONS)])
    mailing.store.write(lambda conn: conn.execute(text("ANALYZE")))


def _copy(conn: Connection, number: int, why: str) -> None:
    shift, word = number * 1_000_000, f"-{number}"
    people = {"id": customer.c.id + shift, "key": customer.c.key + word, "email_key": customer.c.email_key + word}
    ours = select(touch.c.enrolment_id).where(touch.c.id < 1_000_000)
    theirs = {"id": enrolment.c.id + shift, "customer_id": enrolment.c.customer_id + shift}
    ids = {name: touch.c[name] + shift for name in ("id", "enrolment_id", "customer_id")}
    again = {"state": literal("due"), "reason": literal(why), "due_at": _later(number, why)}
    _insert(conn, customer, people, customer.c.id < 1_000_000)
    _insert(conn, enrolment, theirs, enrolment.c.id.in_(ours))
    _insert(conn, touch, {**ids, **again}, touch.c.id < 1_000_000)


def _later(number: int, why: str) -> ColumnElement[Any]:
    """Under a pace so many every hour, the others all at once."""
    hours, hour = literal(number, BigInteger), literal(3_600_000_000, BigInteger)  # microseconds
    in_turn = hours * (PEOPLE // BATCH) + type_coerce(touch.c.id, BigInteger) // BATCH
    return type_coerce(literal(micros(NOW), BigInteger) + (in_turn if why == "pace" else hours) * hour, Instant())


def _insert(conn: Connection, table: Table, changed: Mapping[str, Any], which: Any) -> None:
    columns = {column.name: changed.get(column.name, column) for column in table.c}
    conn.execute(insert(table).from_select(list(columns), select(*columns.values()).where(which)))


def main() -> None:
    wanted = arguments("deferred", "100k")
    with tempfile.TemporaryDirectory() as name, empty_store(wanted.store, Path(name)) as url:
        folder = Path(name)
        upgrade_store(url, folder)
        mailing = Mailing.open(folder, url, "{provider: outbox}", PEOPLE)
        settings = folder / "config/rapport.yaml"
        settings.write_text(settings.read_text() + OF_ALL)
        mailing.plan(FREE, "small", OF_ONE)
        mailing.plan(TIGHT, "small", f"pace: {BATCH} per 1 hour\nwait_at_most: 365 days\n")
        with closing(mailing.store):
            mailing.store.write(claim, WORKER, look(mailing, TIGHT), NOW, BATCH, new_codes())
            without = measured(mailing)
            defer(mailing, wanted.size)
            beside = measured(mailing)
    cases = [case(part, took, without[part]) for part, took in beside.items()]
    show(report("deferred", wanted, cases, {"parts": beside}), wanted.as_json)


if __name__ == "__main__":
    main()
