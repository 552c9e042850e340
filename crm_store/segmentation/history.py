"""What an attribute was, from `customer_change`: since when it has been so, what it was before, when it changed.

As of `now`: of changes after `now` the first one says what the value was until then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, func, or_, select, tuple_

from crm_store.content.literals import Duration
from crm_store.content.vocabulary import Attribute
from crm_store.schema import customer, customer_change
from crm_store.segmentation.amounts import Currency
from crm_store.segmentation.language import Scope
from crm_store.segmentation.passing import Passing
from crm_store.segmentation.times import Window
from crm_store.segmentation.typedvalues import typed_value

Column = ColumnElement[Any]
Test: TypeAlias = Callable[[Column], ColumnElement[bool]]


@dataclass(frozen=True)
class Since:
    """The instant so long before now."""

    span: Duration

    def edges(self, scope: Scope) -> list[datetime]:
        return [self.span.shift(scope.now, -1, scope.company_zone)]

    def reached(self, scope: Scope) -> ColumnElement[bool]:
        """The customer was there then."""
        return customer.c.created_at <= self.edges(scope)[0]


@dataclass(frozen=True)
class History:
    """The changes of one attribute; `currency`: what it is compared in, if it is money."""

    attribute: Attribute
    currency: Currency | None = None

    def _own(self, row: FromClause) -> ColumnElement[bool]:
        return and_(row.c.customer_id == customer.c.id, row.c.name == self._stored_name)

    @property
    def _stored_name(self) -> str:
        name = self.attribute.name
        return name if self.attribute.built_in else "attributes." + name.split(".")[0]

    def _old(self, row: FromClause, scope: Scope) -> Column:
        path = [] if self.attribute.built_in else self.attribute.name.split(".")[1:]
        return typed_value(row.c.old, path, self.attribute.type, scope, self.currency)

    def has_held(self, test: Test, span: Duration, stored: ColumnElement[bool], scope: Scope) -> ColumnElement[bool]:
        """The comparison has held without break for so long; `stored`: it holds for the value that is stored."""
        (since,) = Since(span).edges(scope)
        changed = customer_change.alias()
        broken = exists().where(
            self._own(changed),
            changed.c.at > since,
            func.coalesce(test(self._old(changed, scope)), False).is_(False),
            ~self._earlier_after_now(changed, scope),
        )
        later = customer_change.alias()
        changed_since = exists().where(self._own(later), later.c.at > scope.now)
        return and_(Since(span).reached(scope), ~broken, or_(stored, changed_since))

    def moved(self, time: Passing, span: Duration | None, changed: Window | None) -> list[Select[Any]]:
        """Of whom other changes matter, or have come to matter long enough ago, only because time has passed."""
        since = Since(span) if span else None
        at, of_name = customer_change.c.at, customer_change.c.name == self._stored_name
        found = time.over(customer_change, at, of_name, by=[since, changed])
        return found + (time.judged_otherwise(since.reached) if since else [])

    def _earlier_after_now(self, row: FromClause, scope: Scope) -> ColumnElement[bool]:
        """Another change came between `now` and this one: what was then has nothing to say about now."""
        other = customer_change.alias()
        return (
            select(1)
            .where(self._own(other), other.c.at > scope.now, tuple_(other.c.at, other.c.id) < tuple_(row.c.at, row.c.id))
            .correlate(customer, row)
            .exists()
        )

    def last_change(self, was: Test | None, at: Test | None, scope: Scope) -> ColumnElement[bool]:
        """The last change up to now came at such a time, and from such a value."""
        changed, newer = customer_change.alias(), customer_change.alias()
        tests = [self._own(changed), changed.c.at <= scope.now]
        tests += [was(self._old(changed, scope))] if was else []
        tests += [at(changed.c.at)] if at else []
        followed = (
            select(1)
            .where(
                self._own(newer),
                newer.c.at <= scope.now,
                tuple_(newer.c.at, newer.c.id) > tuple_(changed.c.at, changed.c.id),
            )
            .correlate(customer, changed)
            .exists()
        )
        return exists().where(*tests, ~followed)
