"""Measures of all events of some kinds: from the tallies, but from the events of the few who have some after `now`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, case, func, select

from crm_store.schema import event, tally
from crm_store.segmentation.belonging import asked
from crm_store.segmentation.eventrows import of_kinds
from crm_store.segmentation.language import Scope

Column = ColumnElement[Any]


def of_tallies(kinds: tuple[str, ...], name: str, currency: str | None, scope: Scope) -> tuple[Select[Any], Column]:
    """A select of the ids of whoever has such events, grouped by customer, and what is measured: count, sum (of a
    currency), first or last. One grouping of one table, so that PostgreSQL knows how many it gives."""
    tests = of_kinds(tally, kinds), tally.c.first <= scope.now, *asked(tally.c.customer_id, scope)
    chosen = select(tally.c.customer_id).where(*tests).group_by(tally.c.customer_id)
    known = {
        "count": func.sum(tally.c.count),
        "sum": func.sum(_of_currency(tally, tally.c.sum, currency)),
        "first": func.min(tally.c.first),
        "last": func.max(tally.c.last),
    }
    return chosen, case((func.max(tally.c.last) <= scope.now, known[name]), else_=_counted(kinds, name, currency, scope))


def _counted(kinds: tuple[str, ...], name: str, currency: str | None, scope: Scope) -> Column:
    """The same of the customer's events up to now."""
    measures = {
        "count": func.count(),
        "sum": func.coalesce(func.sum(_of_currency(event, event.c.amount, currency)), 0),
        "first": func.min(event.c.at),
        "last": func.max(event.c.at),
    }
    whose = of_kinds(event, kinds), event.c.customer_id == tally.c.customer_id, event.c.at <= scope.now
    return select(measures[name]).where(*whose).correlate(tally).scalar_subquery()


def _of_currency(row: FromClause, amount: Column, currency: str | None) -> Column:
    return case((row.c.currency == currency, amount), else_=0) if currency else amount
