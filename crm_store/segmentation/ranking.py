"""`top` and `bottom`: the customers with the highest or lowest values, among those who have one.

Ties are broken by key; with `tie: all` everybody who equals the last one chosen belongs too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, func, literal, or_, select, union_all

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
        """The ids of the chosen, each once, of a select of (customer_id, value).

        Whoever is before the last one chosen is chosen; only those who equal him are put in the order of their keys.
        """
        known = _known(values)
        ahead = select(self._ahead(known).label("n")).cte()  # how many of the chosen are before the last one
        in_order = known.c.value.desc() if self.word == "top" else known.c.value.asc()
        last = select(known.c.value).order_by(in_order).limit(1).offset(select(ahead.c.n).scalar_subquery()).cte()
        value = select(last.c.value).scalar_subquery()
        before = select(known.c.id).where(or_(self._is_before(known.c.value, value), value.is_(None)))
        equal = select(known.c.id).where(known.c.value == value)
        if not self.tie_all:
            many = select(func.count()).select_from(known).where(self._is_before(known.c.value, value)).scalar_subquery()
            places = select(ahead.c.n + 1).scalar_subquery() - many
            equal = equal.join(customer, customer.c.id == known.c.id).order_by(customer.c.key).limit(places)
        chosen = union_all(before, select(equal.subquery().c.id)).subquery()
        return select(chosen.c.id).where(*asked(chosen.c.id, scope))

    def _is_before(self, value: ColumnElement[Any], last: ColumnElement[Any]) -> ColumnElement[bool]:
        return value > last if self.word == "top" else value < last

    def _ahead(self, known: FromClause) -> ColumnElement[int]:
        if isinstance(self.most, int):
            return literal(self.most - 1, BigInteger)
        # The share rounded up, less one; of nobody 0, as both databases cut -1 / n off.
        share = (func.count() * self.most.numerator - 1) // self.most.denominator
        return select(share).select_from(known).scalar_subquery()

    def sentence(self) -> str:
        return f"is among the {'highest' if self.word == 'top' else 'lowest'} {self.written}"


def _known(values: Select[Any]) -> FromClause:
    """id, value of those who have a value and are not erased."""
    found = values.subquery()
    id_, value = found.c
    known = select(id_.label("id"), value.label("value")).join(customer, customer.c.id == id_)
    return known.where(customer.c.erased_at.is_(None), value.is_not(None)).cte()


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
