"""Tasks for people: written once for each touch, looked at, and done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from crm_store.dialect import insert
from crm_store.errors import UsageError
from crm_store.ledger.states import DISPATCHED
from crm_store.many import ids_of
from crm_store.schema import customer, follow_up, touch


@dataclass(frozen=True)
class Task:
    """What somebody is to do about a customer. `kind`: one of the vocabulary's; `due_at`: by when."""

    kind: str
    assignee: str | None
    note: str | None
    due_at: datetime | None


def add_tasks(conn: Connection, request_id: str, tasks: Iterable[tuple[int, Task]], now: datetime) -> set[int]:
    """Write the tasks of a request's touches as of `now`. Returns the touches that have one now: each has one at most,
    however often and by whomever it is asked for, and a request that was settled without us adds none."""
    wanted = dict(tasks)
    ours = touch.c.id.in_(wanted), touch.c.request_id == request_id, touch.c.state == DISPATCHED
    found = conn.execute(select(touch.c.id, touch.c.customer_id, touch.c.enrolment_id).where(*ours)).all()
    rows = [
        {"touch_id": one.id, "customer_id": one.customer_id, "enrolment_id": one.enrolment_id, "created_at": now}
        | _columns(wanted[one.id])
        for one in found
    ]
    if rows:
        conn.execute(insert(conn, follow_up).on_conflict_do_nothing(index_elements=["touch_id"]), rows)
    return {one.id for one in found}


def write_tasks(conn: Connection, tasks: Mapping[int, Task], now: datetime) -> None:
    """Write the tasks of claimed touches, in the transaction that claims them; a touch that has one keeps it."""
    chosen = select(touch.c.id, touch.c.customer_id, touch.c.enrolment_id).where(touch.c.id.in_(ids_of(tasks)))
    rows = [
        {"touch_id": one.id, "customer_id": one.customer_id, "enrolment_id": one.enrolment_id, "created_at": now}
        | _columns(tasks[one.id])
        for one in conn.execute(chosen.order_by(touch.c.id))
    ]
    if rows:
        conn.execute(insert(conn, follow_up).on_conflict_do_nothing(index_elements=["touch_id"]), rows)


def _columns(task: Task) -> dict[str, Any]:
    return {"kind": task.kind, "assignee": task.assignee, "note": task.note, "due_at": task.due_at}


def touches_with_tasks(conn: Connection, touch_ids: Iterable[int]) -> set[int]:
    return set(conn.execute(select(follow_up.c.touch_id).where(follow_up.c.touch_id.in_(list(touch_ids)))).scalars())


@dataclass(frozen=True)
class WantedTasks:
    """What to look for; None: any. `done`: whether those that are done, or those that are not."""

    done: bool | None = False
    kind: str | None = None
    assignee: str | None = None
    limit: int | None = 100


def find_tasks(conn: Connection, wanted: WantedTasks) -> list[dict[str, Any]]:
    """The tasks, most urgent first; those without a date last."""
    said = (follow_up.c[name] for name in ("kind", "assignee", "note", "created_at", "due_at", "done_at", "outcome"))
    chosen = select(follow_up.c.id, customer.c.key.label("customer"), *said)
    chosen = chosen.join(customer, customer.c.id == follow_up.c.customer_id).where(*_tests(wanted))
    urgent = follow_up.c.due_at.is_(None), follow_up.c.due_at, follow_up.c.id
    return [dict(row._mapping) for row in conn.execute(chosen.order_by(*urgent).limit(wanted.limit))]


def _tests(wanted: WantedTasks) -> list[Any]:
    tests: list[Any] = []
    if wanted.done is not None:
        tests.append(follow_up.c.done_at.is_not(None) if wanted.done else follow_up.c.done_at.is_(None))
    if wanted.kind is not None:
        tests.append(follow_up.c.kind == wanted.kind)
    if wanted.assignee is not None:
        tests.append(follow_up.c.assignee == wanted.assignee)
    return tests


def finish_task(conn: Connection, task_id: int, outcome: str | None, now: datetime) -> None:
    """It is done as of `now`. Raises UsageError if there is no such task, or somebody was quicker."""
    done = {"done_at": now, "outcome": outcome}
    open_ = follow_up.c.id == task_id, follow_up.c.done_at.is_(None)
    if conn.execute(update(follow_up).where(*open_).values(done)).rowcount:
        return
    row = conn.execute(select(follow_up.c.done_at).where(follow_up.c.id == task_id)).first()
    if row is None:
        raise UsageError(f"task {task_id} is not there; `rapport follow-up list` shows those that are open")
    raise UsageError(f"task {task_id} was done on {row.done_at:%Y-%m-%d %H:%M} UTC already; it stays as it is")


def kind_of_task(conn: Connection, task_id: int) -> str | None:
    """None if there is no such task."""
    return conn.execute(select(follow_up.c.kind).where(follow_up.c.id == task_id)).scalar_one_or_none()
