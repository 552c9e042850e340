"""Finding touches among many: each question that `rapport touches` takes, over `--size` touches.

A customer has ten of them, a run a thousand; nine in ten are sent, the others skipped, failed or in doubt. `parts` has the
median seconds of each question; the bar is one second at 10m.

    bin/bench finding --size 1m --store sqlite
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, text

from benchmarks.measure import arguments, case, empty_store, report, seconds, show
from crm_store.clock import from_micros
from crm_store.ledger.find import Wanted, touches, whole_touch
from crm_store.store import Store, open_store, upgrade_store

BAR = 1.0  # seconds
ROUNDS = 5
DUE = 1_780_000_000_000_000
_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) ",
    "postgresql": "WITH n AS (SELECT i FROM generate_series(1, {}) AS g(i)) ",
}
_ONCE = (
    "INSERT INTO zone (id, time_zone, country) VALUES (1, '', '')",
    "INSERT INTO definition (id, kind, name, hash, files, renderer, published_at) "
    "VALUES (1, 'campaign', 'c', 'h', '{}', '1', 0)",
)
_PEOPLE = (
    "INSERT INTO campaign_run (id, campaign, now, started_at, eligible) {n} SELECT i, 'c', 0, 0, 0 FROM n",
    "INSERT INTO customer (id, key, email, email_key, attributes, zone_id, created_at, updated_at) "
    "{n} SELECT i, 'c' || i, 'c' || i || '@example.com', 'c' || i || '@example.com', '{{}}', 1, 0, 0 FROM n",
    "INSERT INTO customer_change (customer_id, name, old, new, at, source) "
    "{n} SELECT i, 'email', ('\"old' || i || '@example.com\"'){json}, '\"new\"'{json}, 0, 'x' FROM n",
)
_TOUCHES = (
    "INSERT INTO enrolment (id, campaign, customer_id, occasion, definition_id, state, entered_at, trigger_at, past) "
    "{n} SELECT i, 'c', 1 + i % {people}, i, 1, 'finished', 0, 0, {false} FROM n",
    "INSERT INTO touch (id, run_id, enrolment_id, step, campaign, definition_id, customer_id, channel, template, state, "
    "reason, right_at, due_at, expires_at, attempt, message_id, sent_at, doubt_since) {n} SELECT i, 1 + i / 1000, "
    "i, 's', CASE WHEN i % 5000 = 0 THEN 'rare' ELSE 'c' END, 1, 1 + i % {people}, 'email', 't', "
    "CASE i % 1000 WHEN 0 THEN 'in_doubt' WHEN 1 THEN 'failed' ELSE "
    "CASE WHEN i % 10 = 2 THEN 'skipped' ELSE 'sent' END END, "
    "CASE i % 1000 WHEN 0 THEN 'lease' WHEN 1 THEN 'template' ELSE CASE WHEN i % 10 = 2 THEN 'no_consent' END END, "
    "{due} + i, {due} + i, {due} + i, 1, 'sg-' || (i / 1000), {due} + i, CASE i % 1000 WHEN 0 THEN i END FROM n",
)


def fill(store: Store, size: int) -> None:
    people = max(1, size // 10)
    kind = store.dialect
    words = {"due": DUE, "people": people, "false": "false"}
    for statement in _ONCE:
        store.write(_run, statement)
    for statements, count in ((_PEOPLE, people), (_TOUCHES, size)):
        for statement in statements:
            store.write(_run, _said(statement, kind, count, words))
    store.write(_run, "ANALYZE")


def _said(statement: str, kind: str, count: int, words: Mapping[str, object]) -> str:
    """The statement in the database's own words."""
    said = statement.format(n=_NUMBERS[kind].format(count), json="::jsonb" if kind == "postgresql" else "", **words)
    if kind == "sqlite":
        return said
    return said.replace("'{}', 1, 0, 0 FROM", "'{}'::jsonb, 1, 0, 0 FROM").replace(
        "i, 1, 'finished'", "i::text, 1, 'finished'"
    )


def _run(conn: Connection, statement: str) -> None:
    conn.execute(text(statement.replace(":", r"\:")))


def questions(size: int) -> Mapping[str, Wanted]:
    middle = from_micros(DUE + size // 2)
    return {
        "customer": Wanted(customer="c7"),
        "address": Wanted(address="c7@example.com"),
        "former_address": Wanted(address="old7@example.com"),
        "message_id": Wanted(message_id="sg-7"),
        "touch": Wanted(touch=size // 2),
        "run": Wanted(run=2),
        "reason": Wanted(reason="template"),
        "rare_campaign": Wanted(campaign="rare"),
        "state": Wanted(state="in_doubt"),
        "common_state_of_a_rare_campaign": Wanted(campaign="rare", state="failed"),
        "interval": Wanted(since=middle, until=middle + timedelta(microseconds=500)),
        "newest": Wanted(),
    }


def measured(store: Store, size: int) -> dict[str, float]:
    """The median seconds of each question, and of showing one touch."""

    def ask(wanted: Wanted) -> None:
        with store.read() as conn:
            touches(conn, wanted)

    def look() -> None:
        with store.read() as conn:
            whole_touch(conn, size // 2)

    asked = questions(size).items()
    found = {name: median(seconds(partial(ask, one)) for _ in range(ROUNDS)) for name, one in asked}
    return {**found, "show": median(seconds(look) for _ in range(ROUNDS))}


def main() -> None:
    wanted = arguments("finding", "1m")
    with tempfile.TemporaryDirectory() as folder, empty_store(wanted.store, Path(folder)) as url:
        upgrade_store(url, Path("/"))
        store = open_store(url, Path("/"))
        fill(store, wanted.size)
        parts = measured(store, wanted.size)
        store.close()
    cases = [case(name, took, BAR) for name, took in parts.items()]
    show(report("finding", wanted, cases, {"parts": parts}), wanted.as_json)


if __name__ == "__main__":
    main()
