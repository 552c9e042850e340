"""Measures of all events of some kinds: from the tallies, and counted anew for the few of whom these know later ones."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select

from crm_store.schema import event, tally
from crm_store.segmentation.belonging import asked
from crm_store.segmentation.eventrows import of_kinds
from crm_store.segmentation.language import Scope

Column = ColumnElement[Any]


def of_tallies(kinds: tuple[str, ...], name: str, currency: str | None, scope: Scope) -> list[tuple[Select[Any], Column]]:
    """Selects of customer ids grouped by customer, and what is measured: count, sum (of a currency), first or last.

    A customer is in one of them at most. Two groupings of tables cost PostgreSQL less than one of what two selects give:
    of that it knows nothing beforehand.
    """
    return [_known(kinds, name, currency, scope), _counted(kinds, name, currency, scope)]


def _known(kinds: tuple[str, ...], name: str, currency: str | None, scope: Scope) -> tuple[Select[Any], Column]:
    """Of those without any event after `now`."""
    total = case((tally.c.currency == currency, tally.c.sum), else_=0) if currency else tally.c.sum
    measures = {
        "count": func.sum(tally.c.count),
        "sum": func.sum(total),
        "first": func.min(tally.c.first),
        "last": func.max(tally.c.last),
    }
    chosen = select(tally.c.customer_id).where(of_kinds(tally, kinds), *asked(tally.c.customer_id, scope))
    return chosen.group_by(tally.c.customer_id).having(func.max(tally.c.last) <= scope.now), measures[name]


def _counted(kinds: tuple[str, ...], name: str, currency: str | None, scope: Scope) -> tuple[Select[Any], Column]:
    """Of those who have some."""
    amount = case((event.c.currency == currency, event.c.amount)) if currency else event.c.amount
    measures = {
        "count": func.count(),
        "sum": func.coalesce(func.sum(amount), 0),
        "first": func.min(event.c.at),
        "last": func.max(event.c.at),
    }
    later = select(tally.c.customer_id).where(of_kinds(tally, kinds), tally.c.last > scope.now)
    later = later.where(*asked(tally.c.customer_id, scope))
    chosen = select(event.c.customer_id).where(of_kinds(event, kinds), event.c.at <= scope.now)
    return chosen.where(event.c.customer_id.in_(later)).group_by(event.c.customer_id), measures[name]
