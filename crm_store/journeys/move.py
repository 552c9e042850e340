"""Moving enrolments from step to step, in one UPDATE each; and leaving."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, literal, null, select, update

from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Step, Wait
from crm_store.journeys.waiting import wait_ends
from crm_store.schema import customer, enrolment
from crm_store.schema.types import Words

Column = ColumnElement[Any]


def arrive(conn: Connection, version: Runnable, ids: Sequence[int], step: Step | None, base: Column) -> None:
    """Put enrolments on a step (None: past the last one) at the instant `base`, SQL on the enrolment's row as it was."""
    if not ids:
        return
    if step is None:
        values: dict[str, Any] = {"state": "finished", "finished_at": base, "step": None, "next_at": None}
    elif isinstance(step, Wait):
        values = {"step": step.name, **_wait_values(conn, version, ids, step, base)}
    else:
        values = {"step": step.name, "next_at": base}
    conn.execute(update(enrolment).where(enrolment.c.id.in_(ids)).values(values))


def _wait_values(conn: Connection, version: Runnable, ids: Sequence[int], wait: Wait, base: Column) -> dict[str, Any]:
    ends = wait_ends(conn, wait, base, ids, version)
    values: dict[str, Any] = {"next_at": ends.at, "past": False}
    if ends.past is None or wait.if_past == "go_on":
        return values
    if wait.if_past == "skip":
        return {**values, "past": ends.past}
    return {
        **values,
        "state": case((ends.past, literal("left", Words)), else_=enrolment.c.state),
        "reason": case((ends.past, literal("past", Words)), else_=null()),
        "left_at": case((ends.past, base), else_=null()),
    }


def leave(conn: Connection, ids: Sequence[int], reason: str, at: datetime) -> int:
    """End enrolments that are still in."""
    if not ids:
        return 0
    still_in = enrolment.c.id.in_(ids), enrolment.c.state == "in"
    return conn.execute(
        update(enrolment).where(*still_in).values(state="left", reason=reason, left_at=at, next_at=None)
    ).rowcount


def where_exit_holds(conn: Connection, version: Runnable, ids: Sequence[int], now: datetime) -> list[int]:
    """Which of these enrolments meet the campaign's `exit_when`."""
    if version.campaign.exit_when is None or not ids:
        return []
    holds = version.campaign.exit_when.sql(version.scope(conn, now, enrolment))
    chosen = select(enrolment.c.id).join(customer, customer.c.id == enrolment.c.customer_id)
    return list(conn.execute(chosen.where(enrolment.c.id.in_(ids), holds)).scalars())
