"""Usual gaps: the median of the gaps between a customer's events, within the bounds that the vocabulary gives it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)

from crm_store.content.literals import Duration
from crm_store.content.vocabulary import UsualGap

Column = ColumnElement[Any]
# The first or last event's instant, and a gap in microseconds: whether the customer belongs to it.
Judge: TypeAlias = Callable[[Column, Column], ColumnElement[bool]]


def usual_gaps(events: Select[Any], usual: UsualGap, outer: list[FromClause]) -> FromClause:
    """customer_id, gap in microseconds, of a select of (customer_id, at)."""
    customer_id, at = events.selected_columns
    before = func.lag(at).over(partition_by=customer_id, order_by=at)
    gap = (type_coerce(at, BigInteger) - type_coerce(before, BigInteger)).label("gap")
    gaps = events.with_only_columns(customer_id, gap).correlate(*outer).subquery()
    # The first event has no gap; last in order, it is no middle one.
    whose = gaps.c.customer_id
    place = func.row_number().over(partition_by=whose, order_by=gaps.c.gap.nulls_last()).label("place")
    count = func.count(gaps.c.gap).over(partition_by=whose).label("count")
    placed = select(whose, gaps.c.gap, place, count).subquery()
    middle = placed.c.place >= (placed.c.count + 1) // 2, placed.c.place <= (placed.c.count + 2) // 2
    median = (func.min(placed.c.gap) + func.max(placed.c.gap)) // 2
    found = select(placed.c.customer_id, _usable(median, func.max(placed.c.count), usual).label("gap")).where(*middle)
    return found.group_by(placed.c.customer_id).subquery()


def _usable(median: Column, count: Column, usual: UsualGap) -> Column:
    """Between its bounds; `otherwise` where there are too few events (one more than there are gaps)."""
    bounds = [(median < _micros(usual.at_least), _micros(usual.at_least))] if usual.at_least else []
    bounds += [(median > _micros(usual.at_most), _micros(usual.at_most))] if usual.at_most else []
    return case((count + 1 < usual.events, _micros(usual.otherwise)), *bounds, else_=median)


def judged_by_gaps(
    events: Select[Any],
    anybodys: Select[Any],
    usual: UsualGap,
    which: Callable[[Column], Column],
    judge: Judge,
    one_edge: bool,
) -> Select[Any]:
    """The customers, each once, whose first or last event (`which`) passes; `events`: a select of (customer_id, at) of
    those who are asked, `anybodys`: the same of all.

    Most are decided without their gaps: too few events, or the least and the longest gap there can be say the same.
    That needs bounds, and a window of which one edge lies gaps ago (`one_edge`).
    """
    customer_id, at = events.selected_columns
    summed = events.with_only_columns(customer_id, which(at).label("at"), func.count().label("events"))
    each = summed.group_by(customer_id).cte()
    enough, few = each.c.events >= usual.events, each.c.events < usual.events
    undecided, decided = enough, and_(few, judge(each.c.at, _micros(usual.otherwise)))
    if one_edge and usual.at_least and usual.at_most:
        least, longest = (judge(each.c.at, _micros(bound)) for bound in (usual.at_least, usual.at_most))
        undecided = and_(enough, or_(and_(least, ~longest), and_(longest, ~least)))
        decided = or_(decided, and_(enough, least, longest))
    theirs = anybodys.where(customer_id.in_(select(each.c.customer_id).where(undecided)))
    gaps = usual_gaps(theirs, usual, [])
    by_gap = select(each.c.customer_id).join(gaps, gaps.c.customer_id == each.c.customer_id)
    found = union_all(select(each.c.customer_id).where(decided), by_gap.where(judge(each.c.at, gaps.c.gap))).subquery()
    return select(found.c.customer_id)


def _micros(duration: Duration) -> Column:
    return literal(duration.fixed() // timedelta(microseconds=1), BigInteger)
