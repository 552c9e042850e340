"""A value in a JSON column as its type in the vocabulary has it, NULL where it is none of that type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, literal

from crm_store.dialect import JsonList, JsonScalar
from crm_store.schema.types import Instant
from crm_store.segmentation.amounts import Currency
from crm_store.segmentation.language import Scope

Column = ColumnElement[Any]


def typed_value(column: Column, path: Sequence[str], kind: str, scope: Scope, currency: Currency | None = None) -> Column:
    """`currency`: what money is compared in; its rate is today's."""
    if kind == "list":
        return JsonList(column, path)
    if currency is None:
        return JsonScalar(column, path, kind)
    amount, code = JsonScalar(column, [*path, "minor"], "number"), JsonScalar(column, [*path, "currency"], "code")
    return currency.value(amount, code, literal(scope.now, Instant()), scope)
