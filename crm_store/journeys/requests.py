"""Entries by hand: whom a person asks for becomes rows of `entry_request`, which the campaign's trigger finds.

The key of a request makes it safe to repeat: the same request again adds nobody who is in it already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, literal, select

from crm_store.changes import mark
from crm_store.dialect import insert
from crm_store.errors import UsageError, no_customer
from crm_store.journeys.published import current, standing
from crm_store.journeys.triggers.by_hand import ByHandTrigger
from crm_store.ledger.log import Order, write_log
from crm_store.many import ids_of
from crm_store.schema import customer, entry_request
from crm_store.schema.types import Instant, Words
from crm_store.segmentation.compile import scope_of, select_ids
from crm_store.segmentation.conditions.list import NOT_IMPORTED, ListCondition
from crm_store.segmentation.segment import Segment
from crm_store.store import Store

SLICE = 2_000


@dataclass(frozen=True)
class Asked:
    """A request: its key, who asks, and for whom: `how` is customer, segment or list, of the name `which`."""

    key: str
    order: Order
    how: str
    which: str


@dataclass(frozen=True)
class Entered:
    """How many customers a request is about, and how many of them were not in it before."""

    asked: int
    new: int


def enrol(
    store: Store, campaign: str, asked: Asked, segments: Mapping[str, Segment], zone: ZoneInfo, now: datetime
) -> Entered:
    """Ask for customers to enter a campaign as of `now`, in slices; it is logged. `segments`, `zone`: those of the company.

    Raises UsageError for a campaign that is not entered by hand or takes nobody in, StoreError for one that is not
    published.
    """
    with store.read() as conn:
        _refuse_others(conn, campaign)
        ids = _ids(conn, asked, segments, zone, now)
    new = 0
    for first in range(0, max(len(ids), 1), SLICE):
        new += store.write(_request, campaign, asked, ids, first, now)
    return Entered(len(ids), new)


def _refuse_others(conn: Connection, name: str) -> None:
    campaign, status = current(conn, name).campaign, standing(conn, name).status
    if not isinstance(campaign.trigger, ByHandTrigger):
        raise UsageError(f"campaign '{name}' is not entered by hand, but by {campaign.trigger.sentence()}")
    if status not in ("live", "paused"):
        raise UsageError(f"campaign '{name}' is {status}: nobody enters it; set its status to live, then `rapport apply`")


def _ids(conn: Connection, asked: Asked, segments: Mapping[str, Segment], zone: ZoneInfo, now: datetime) -> Sequence[int]:
    if asked.how == "customer":
        found = select(customer.c.id).where(customer.c.key == asked.which, customer.c.erased_at.is_(None))
        ids = list(conn.execute(found).scalars())
        if not ids:
            raise no_customer(asked.which)
        return ids
    scope = scope_of(conn, now, zone, segments)
    if asked.how == "list" and asked.which not in scope.lists:
        raise UsageError(NOT_IMPORTED.format(name=asked.which))
    condition = ListCondition(asked.which) if asked.how == "list" else segments[asked.which].who
    chosen = select_ids(condition, scope)
    return sorted(conn.execute(chosen).scalars())


def _request(conn: Connection, campaign: str, asked: Asked, ids: Sequence[int], first: int, now: datetime) -> int:
    """A slice of them; the first one writes the log. Returns how many are new."""
    if first == 0:
        details = {"request": asked.key, "by": asked.how, "customers": len(ids)}
        write_log(conn, asked.order, "enrol", f"campaign {campaign}", details)
    fixed: dict[str, ColumnElement[Any]] = {
        "campaign": literal(campaign, Words),
        "request": literal(asked.key, Words),
        "at": literal(now, Instant()),
        "who": literal(asked.order.who, Words),
    }
    whom = select(*fixed.values(), customer.c.id).where(customer.c.id.in_(ids_of(ids[first : first + SLICE])))
    statement = insert(conn, entry_request).from_select([*fixed, "customer_id"], whom)
    new = statement.on_conflict_do_nothing().returning(entry_request.c.customer_id)
    added = [row.customer_id for row in conn.execute(new)]
    mark(conn, added)
    return len(added)
