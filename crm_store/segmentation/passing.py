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
from crm_store.segmentation.language import Scope

# Where it may concern more customers than one in so many, all of them are looked at: that costs no more.
SHARE = 10
_STREAM = 10_000
# Selects of ids of customers; None: it may be anybody.
Moved: TypeAlias = "list[Select[Any]] | None"
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
    if moved == [] and not changed:
        return []
    most = (conn.execute(select(func.max(customer.c.id))).scalar_one() or 0) / SHARE
    if moved is None or len(changed) > most:
        return None
    found = set(changed)
    for chosen in moved:
        with conn.execute(chosen, execution_options={"yield_per": _STREAM}) as result:
            for part in result.partitions():
                found.update(row[0] for row in part)
                if len(found) > most:
                    return None
    return sorted(found)


def together(parts: Iterable[Moved]) -> Moved:
    """Whom any of the parts may concern."""
    found: list[Select[Any]] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return found
