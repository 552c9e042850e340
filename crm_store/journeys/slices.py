"""A slice of planning: one transaction, in turn with those of other planners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text, update

from crm_store.journeys.context import Runnable
from crm_store.schema import campaign as campaign_table

SLICE = 1_000  # enrolments, so that no transaction lasts over 200 ms, also on a busy machine with a large store


@dataclass(frozen=True)
class Slice:
    """What one transaction did. `last` is where the next one begins, None when there is nothing more."""

    run_id: int | None
    entered: int = 0
    moved: int = 0
    left: int = 0
    touches: int = 0
    expired: int = 0
    held: int = 0
    last: int | None = None


def take_turn(conn: Connection) -> None:
    """Let no other planner write until this transaction ends."""
    if conn.dialect.name == "postgresql":
        # Before the snapshot is taken. Waiting for the campaign's row instead made the second planner start anew each
        # time; beside a long planning it gave up after 50 times.
        conn.execute(text("LOCK TABLE campaign IN SHARE ROW EXCLUSIVE MODE"))


def in_turn(conn: Connection, work: Callable[..., Slice], version: Runnable, *args: Any) -> Slice:
    """One planner at a time, in the order they came. On SQLite the transaction has locked everything."""
    take_turn(conn)
    of_name = campaign_table.c.name == version.campaign.name
    there = conn.execute(update(campaign_table).where(of_name).values(plans=campaign_table.c.plans + 1)).rowcount
    if not there:  # it was given another name since this planner began; under that it is planned next time
        return Slice(None)
    return work(conn, version, *args)
