"""The passing of time: of which customers a condition may say something else only because it is later.

Where nothing was written about a customer, what a condition says of her changes when `now` reaches a fact's instant (facts
may be dated ahead), or when the edge of a window passes over it. A condition gives selects of those whom that may concern:
more than necessary does no harm, one too few would leave her where she is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from sqlalchemy import ColumnElement, Connection, FromClause, Select, func, select

from crm_store.schema import customer
from crm_store.segmentation.language import OnDemand, Scope

# Where it may concern more customers than one in so many, all of them are looked at: that costs no more.
SHARE = 10
_STREAM = 10_000


@dataclass(frozen=True)
class Anybody:
    """It may be anybody, as with rankings, where one's place follows from others'; but nobody, as long as nothing was
    written and none of these selects of ids finds a customer."""

    unless_none: list[Select[Any]]


# Selects of ids of customers; None: it may be anybody at any time.
Moved: TypeAlias = "list[Select[Any]] | Anybody | None"
Test: TypeAlias = Callable[[Scope], ColumnElement[bool]]


class Edged(Protocol):
    """Something that compares instants with some that move on as time does."""

    def edges(self, scope: Scope) -> Sequence[datetime]:
        """Those instants, always as many."""
        ...


@dataclass(frozen=True)
class Passing:
    """From one look at the store to a later one."""

    before: Scope
    after: Scope

    @property
    def is_another_day(self) -> bool:
        """Whether something has asked what day it is, and it is another one: then all customers may have to be looked at,
        which must not be done again in every look of that day."""
        asked = isinstance(self.after.local_dates, OnDemand) and self.after.local_dates.asked
        return asked and self.before.local_dates != self.after.local_dates

    def over(
        self, table: FromClause, at: ColumnElement[Any], *tests: ColumnElement[bool], by: Sequence[Edged | None] = ()
    ) -> list[Select[Any]]:
        """The customers of rows with an instant that `now` or one of the edges has passed over."""
        before, after = (
            [scope.now, *(edge for one in by if one is not None for edge in one.edges(scope))]
            for scope in (self.before, self.after)
        )
        crossed = {(min(pair), max(pair)) for pair in zip(before, after, strict=True) if pair[0] != pair[1]}
        return [select(table.c.customer_id).where(*tests, at.between(*span)) for span in sorted(crossed)]

    def judged_otherwise(self, test: Test) -> list[Select[Any]]:
        """The customers of whom a test of their own row says something else now."""
        return [select(customer.c.id).where(test(self.before).is_distinct_from(test(self.after)))]

    def days_later(self, test: Test) -> list[Select[Any]]:
        """The same for a test of dates, which asks nothing but what day it is where the customer is."""
        return self.judged_otherwise(test) if self.before.local_dates != self.after.local_dates else []


def concerned(conn: Connection, moved: Moved, changed: Collection[int]) -> list[int] | None:
    """The customers of whom something was written or whom time may concern; None: anybody, or very many."""
    if moved is None:
        return None
    if isinstance(moved, Anybody):
        return None if changed or any(_finds(conn, chosen) for chosen in moved.unless_none) else []
    some = [chosen for chosen in moved if _finds(conn, chosen)]
    if not (some or changed):
        return []
    most = (conn.execute(select(func.max(customer.c.id))).scalar_one() or 0) / SHARE
    found = set(changed)
    for chosen in some:
        if len(found) > most:
            return None
        with conn.execute(chosen.limit(int(most) + 1), execution_options={"yield_per": _STREAM}) as result:
            for part in result.partitions():
                found.update(row[0] for row in part)
    return None if len(found) > most else sorted(found)


def _finds(conn: Connection, chosen: Select[Any]) -> bool:
    return conn.execute(chosen.limit(1)).first() is not None


def together(parts: Iterable[Moved]) -> Moved:
    """Whom any of the parts may concern."""
    found: list[Select[Any]] = []
    anybody = False
    for part in parts:
        if part is None:
            return None
        anybody |= isinstance(part, Anybody)
        found += part.unless_none if isinstance(part, Anybody) else part
    return Anybody(found) if anybody else found
