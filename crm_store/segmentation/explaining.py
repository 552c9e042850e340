"""Why a customer is or is not in a segment: each of its conditions, asked about her alone, with the values it looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select, true

from crm_store.schema import customer, enrolment, zone
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.language import Scope

# Conditions asked about in one statement: with their values well within the columns that a database returns.
_AT_ONCE = 100


@dataclass(frozen=True)
class Explained:
    """A condition, whether it holds for the customer, the values it looks at, and the conditions it is made of; those of
    a segment that it names are its parts, too."""

    condition: Condition
    holds: bool
    values: Mapping[str, Any]
    parts: tuple[Explained, ...]


@dataclass(frozen=True)
class Judged:
    """A customer in the light of a segment. `zone` is that of her own dates, None where the company's stands in for it;
    `found` is None for who is erased, and therefore in no segment."""

    zone: str | None
    erased_at: datetime | None
    found: Explained | None


@dataclass(frozen=True)
class _Node:
    number: int
    condition: Condition
    parts: tuple[_Node, ...]

    def all(self) -> Iterator[_Node]:
        yield self
        for part in self.parts:
            yield from part.all()


def judge(conn: Connection, condition: Condition, scope: Scope, key: str, enrolment_id: int | None = None) -> Judged | None:
    """The customer of that key, None if there is none. `scope` must be of the shape `among`; where it has an enrolment,
    `enrolment_id` is which of hers."""
    chosen = select(customer.c.id, customer.c.erased_at, zone.c.name).join(zone).where(customer.c.key == key)
    row = conn.execute(chosen).one_or_none()
    if row is None:
        return None
    if row.erased_at is not None:
        return Judged(row.name, row.erased_at, None)
    tree = _tree(condition, scope, count())
    source = select().select_from(customer).where(customer.c.id == row.id)
    if enrolment_id is not None:
        source = source.join(enrolment, enrolment.c.customer_id == customer.c.id).where(enrolment.c.id == enrolment_id)
    return Judged(row.name, None, _explained(tree, _answers(conn, list(tree.all()), scope, source), scope))


def _tree(condition: Condition, scope: Scope, numbers: Iterator[int]) -> _Node:
    number = next(numbers)
    return _Node(number, condition, tuple(_tree(part, scope, numbers) for part in _below(condition, scope)))


def _below(condition: Condition, scope: Scope) -> Sequence[Condition]:
    """What it is made of. Of a segment that is followed it does not matter what it says, but who was in it when."""
    if condition.parts():
        return condition.parts()
    return [scope.segments[name] for name in sorted({*condition.segments()} - {*condition.followed()})]


def _answers(conn: Connection, nodes: Sequence[_Node], scope: Scope, source: Select[Any]) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for start in range(0, len(nodes), _AT_ONCE):
        columns = [column for node in nodes[start : start + _AT_ONCE] for column in _columns(node, scope)]
        row = conn.execute(source.add_columns(*columns)).one()
        answers |= row._mapping
    return answers


def _columns(node: _Node, scope: Scope) -> Iterator[ColumnElement[Any]]:
    yield node.condition.sql(scope).is_(true()).label(f"holds_{node.number}")
    for place, value in enumerate(node.condition.values(scope).values()):
        yield value.label(f"value_{node.number}_{place}")


def _explained(node: _Node, answers: Mapping[str, Any], scope: Scope) -> Explained:
    values = {name: answers[f"value_{node.number}_{place}"] for place, name in enumerate(node.condition.values(scope))}
    parts = tuple(_explained(part, answers, scope) for part in node.parts)
    return Explained(node.condition, bool(answers[f"holds_{node.number}"]), values, parts)
