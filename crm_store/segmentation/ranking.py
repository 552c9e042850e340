"""`top` and `bottom`: the customers with the highest or lowest values, among those who have one.

Ties are broken by key; with `tie: all` everybody who equals the last one chosen belongs too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, case, func, literal, or_, select

from crm_store.content.faults import Fault
from crm_store.content.fields import one_of, text
from crm_store.content.literals import read_percent
from crm_store.content.nodes import Node, Scalar
from crm_store.schema import customer
from crm_store.segmentation.belonging import asked
from crm_store.segmentation.language import Scope

RANKING_WORDS = ("top", "bottom")
Entries = Sequence[tuple[Scalar, Node]]


@dataclass(frozen=True)
class Ranking:
    """The first `most` by value, a number or a share of those that have one (rounded up)."""

    word: str
    most: int | Fraction
    tie_all: bool
    written: str

    def ids(self, values: Select[Any], scope: Scope) -> Select[Any]:
        """The ids of the chosen, of a select of (customer_id, value)."""
        known = _known(values)
        if not self.tie_all:
            ranked = select(known.c.id).order_by(self._first(known), known.c.key).limit(self._limit(values)).subquery()
            return select(ranked.c.id).where(*asked(ranked.c.id, scope))
        return select(known.c.id).where(self._not_after(known, self._last(values)), *asked(known.c.id, scope))

    def _first(self, known: FromClause) -> ColumnElement[Any]:
        return known.c.value.desc() if self.word == "top" else known.c.value.asc()

    def _last(self, values: Select[Any]) -> ColumnElement[Any]:
        """The value of the last one chosen, NULL if all are."""
        known, most = _known(values), self._limit(values)
        offset = case((most > 0, most - 1), else_=0)
        return select(known.c.value).order_by(self._first(known)).limit(1).offset(offset).scalar_subquery()

    def _not_after(self, known: FromClause, last: ColumnElement[Any]) -> ColumnElement[bool]:
        within = known.c.value >= last if self.word == "top" else known.c.value <= last
        return or_(within, last.is_(None))

    def _limit(self, values: Select[Any]) -> ColumnElement[int]:
        if isinstance(self.most, int):
            return literal(self.most, BigInteger)
        part, whole = self.most.numerator, self.most.denominator
        everybody = func.count() * part + (whole - 1)
        return select(everybody // whole).select_from(_known(values)).scalar_subquery()

    def sentence(self) -> str:
        return f"is among the {'highest' if self.word == 'top' else 'lowest'} {self.written}"


def _known(values: Select[Any]) -> FromClause:
    """id, key, value of those who have a value and are not erased."""
    found = values.subquery()
    id_, value = found.c
    known = select(id_.label("id"), customer.c.key, value.label("value")).join(customer, customer.c.id == id_)
    return known.where(customer.c.erased_at.is_(None), value.is_not(None)).subquery()


def read_ranking(entries: Entries, node: Node) -> Ranking | None:
    """`top: 10 %` or `bottom: 500`, with `tie: all` or without; None if neither stands there."""
    words = [(name, value) for name, value in entries if name.text in RANKING_WORDS]
    ties = [(name, value) for name, value in entries if name.text == "tie"]
    if not words:
        if ties:
            raise Fault(ties[0][0].place, "'tie' stands beside `top` or `bottom`")
        return None
    if len(entries) != 1 + len(ties):
        raise Fault(node.place, "must be a comparison with exactly one word, e.g. {top: 10 %}")
    (name, value) = words[0]
    for _, tie in ties:
        one_of("all")(tie)
    return Ranking(name.text, _most(value), bool(ties), " ".join(text(value).split()))


def _most(node: Node) -> int | Fraction:
    written = text(node).strip()
    if written.endswith("%"):
        share = Fraction(read_percent(node)) / 100
        if not share:
            raise Fault(node.place, "0 % are nobody; write more")
        return share
    if not re.fullmatch(r"[1-9]\d{0,8}", written):
        raise Fault(node.place, f"'{written}' must be a number of customers or a percentage, e.g. 500 or 10 %")
    return int(written)
