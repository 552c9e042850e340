"""Facts in a table with a `customer_id`: whether the outer query's customer has one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, func, select

from crm_store.many import one_of_ids
from crm_store.schema import customer
from crm_store.segmentation.language import Scope


def has_row(table: FromClause, scope: Scope, *tests: ColumnElement[bool]) -> ColumnElement[bool]:
    """There is a row of the customer's that passes the tests."""
    own = select(1).select_from(table).where(table.c.customer_id == customer.c.id, *tests)
    return own.correlate(*outer(scope)).exists()


def in_set(ids: Select[Any], scope: Scope) -> ColumnElement[bool]:
    """The outer query's customer is one of these.

    Not by IN: behind NOT or beside OR PostgreSQL must hash all of them then, and where they are too many for its memory
    it goes through them for each customer. With EXISTS, or its rest, it joins; beside OR it has to be told.
    """
    if scope.is_alternative and scope.sets is not None:
        joined = ids.group_by(*ids.selected_columns).subquery()
        scope.sets.append(joined)
        return joined.c[0].is_not(None)
    chosen = ids.subquery()
    return select(1).where(chosen.c[0] == customer.c.id).correlate(customer).exists()


def ids_of_rows(table: FromClause, scope: Scope, *tests: ColumnElement[bool]) -> Select[Any]:
    """The customers of the rows that pass the tests, to begin with."""
    return select(table.c.customer_id).where(*tests, *asked(table.c.customer_id, scope))


def asked(customer_id: ColumnElement[int], scope: Scope) -> list[ColumnElement[bool]]:
    """Where few customers are asked, the test that it is one of them."""
    return [one_of_ids(customer_id)] if scope.narrowed else []


def looks_up(scope: Scope) -> bool:
    """Whether conditions are asked for each row of an outer query over few customers."""
    return scope.shape == "among" or scope.enrolment is not None


def outer(scope: Scope) -> list[FromClause]:
    """The tables of the outer query."""
    return [customer, scope.enrolment] if scope.enrolment is not None else [customer]


def own(table: FromClause, scope: Scope) -> list[ColumnElement[bool]]:
    """Where conditions are looked up, the test that a row is the customer's."""
    return [table.c.customer_id == customer.c.id] if looks_up(scope) else []


def newest(column: ColumnElement[Any], table: FromClause, *tests: ColumnElement[bool]) -> ColumnElement[Any]:
    """The largest value among the customer's rows."""
    found = select(func.max(column)).select_from(table).where(table.c.customer_id == customer.c.id, *tests)
    return found.correlate(customer).scalar_subquery()
