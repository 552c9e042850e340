"""`top` and `bottom`: the customers with the highest or lowest values, among those who have one.

Ties are broken by key; with `tie: all` everybody who equals the last one chosen belongs too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, func, literal, select

from crm_store.content.faults import Fault
from crm_store.content.fields import one_of, text
from crm_store.content.literals import read_percent
from crm_store.content.nodes import Node, Scalar
from crm_store.schema import customer

RANKING_WORDS = ("top", "bottom")
Entries = Sequence[tuple[Scalar, Node]]


@dataclass(frozen=True)
class Ranking:
    """The first `most` by value, a number or a share of those that have one (rounded up)."""

    word: str
    most: int | Fraction
    tie_all: bool
    written: str

    def ids(self, values: Select[Any]) -> Select[Any]:
        """The ids of the chosen, of a select of (customer_id, value)."""
        found = values.subquery()
        id_, value = found.c
        known = select(id_.label("id"), value.label("value"), customer.c.key)
        known = known.join(customer, customer.c.id == id_).where(customer.c.erased_at.is_(None), value.is_not(None))
        ranked = self._ranked(known.subquery()).subquery()
        return select(ranked.c.id).where(ranked.c.place <= self._limit(ranked.c.all))

    def _ranked(self, known: Any) -> Select[Any]:
        by_value = known.c.value.desc() if self.word == "top" else known.c.value
        place = (
            func.rank().over(order_by=by_value)
            if self.tie_all
            else func.row_number().over(order_by=(by_value, known.c.key))
        )
        return select(known.c.id, place.label("place"), func.count().over().label("all"))

    def _limit(self, everybody: ColumnElement[int]) -> ColumnElement[int]:
        if isinstance(self.most, int):
            return literal(self.most, BigInteger)
        part, whole = self.most.numerator, self.most.denominator
        return (everybody * part + (whole - 1)) // whole

    def sentence(self) -> str:
        return f"is among the {'highest' if self.word == 'top' else 'lowest'} {self.written}"


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
