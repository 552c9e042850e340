"""Amounts of money as they are compared: in one currency, or by the event's day's rates in the first of the vocabulary.

With rates amounts are multiplied so that the comparison is of whole numbers, alike on both databases.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Float, Numeric, case, literal, null, type_coerce
from sqlalchemy import cast as sql_cast

from crm_store.clock import start_of_day
from crm_store.content.faults import Fault
from crm_store.content.nodes import Node
from crm_store.content.vocabulary import Rates
from crm_store.money import digits
from crm_store.schema.types import Number
from crm_store.segmentation.comparisons import ValueSpec
from crm_store.segmentation.language import Language, Scope

Column = ColumnElement[Any]
RATE_SCALE = 10**6  # rates have 6 decimals at most


@dataclass(frozen=True)
class Currency:
    """What amounts are compared in: one currency, others counted by `rates` if there are any."""

    code: str
    rates: Rates | None = None

    def value(self, amount: Column, currency: Column, at: Column, scope: Scope) -> Column:
        """The amount, missing if there is no rate for its currency and day."""
        if self.rates is None:
            return case((currency == self.code, amount))
        exact = type_coerce(sql_cast(amount, Numeric), Number())
        rated = {code: exact * self._rate(code, at, scope) for code in self.rates.by_day if code != self.code}
        return case({self.code: exact * self.scale, **rated}, value=currency)

    def has_other_rates(self, before: Scope, after: Scope) -> bool:
        """Whether a rate begins between two instants."""
        days = {day for rates in self.rates.by_day.values() for day, _ in rates} if self.rates else set()
        starts = (start_of_day(day, after.company_zone) for day in days)
        first, last = sorted((before.now, after.now))
        return any(first < start <= last for start in starts)

    @property
    def scale(self) -> int:
        """What amounts are multiplied by, so that every rate makes whole numbers of them."""
        if self.rates is None:
            return 1
        return int(RATE_SCALE * 10 ** max(0, *(digits(code) - digits(self.code) for code in self.rates.by_day)))

    def major(self, value: Column) -> Column:
        """A value or a sum of values in major units, as people read it."""
        return sql_cast(value, Float) / float(self.scale * 10 ** digits(self.code))

    def _rate(self, code: str, at: Column, scope: Scope) -> Column:
        assert self.rates is not None
        newest_first = reversed(self.rates.by_day[code])
        steps = [
            (at >= start_of_day(day, scope.company_zone), literal(self._minor_rate(code, rate), BigInteger))
            for day, rate in newest_first
        ]
        return case(*steps, else_=sql_cast(null(), BigInteger))

    def _minor_rate(self, code: str, rate: Decimal) -> int:
        """Of minor units to minor units, which may have other digits (a yen has none)."""
        return int(rate * self.scale * Decimal(10) ** (digits(self.code) - digits(code)))


def currency_of(node: Node, language: Language) -> Currency:
    """What amounts are compared in. Raises a Fault if there are several currencies without rates, or none."""
    currencies, rates = language.vocabulary.currencies, language.vocabulary.rates
    if not currencies:
        raise Fault(node.place, "amounts need `currencies` in the vocabulary, e.g. [USD]")
    if len(currencies) > 1 and rates is None:
        raise Fault(node.place, "amounts of several currencies need rates in the vocabulary, under `currencies`")
    return Currency(currencies[0], rates)


def spec_of(currency: Currency) -> ValueSpec:
    """How operands are read that amounts are compared with."""
    return ValueSpec("money", currency=currency.code, scale=currency.scale)
