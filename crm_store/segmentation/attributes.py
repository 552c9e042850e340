"""Where a customer's attribute is kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement

from crm_store.content.vocabulary import Attribute
from crm_store.dialect import JsonScalar
from crm_store.schema import customer


def stored_value(attribute: Attribute) -> ColumnElement[Any]:
    """The scalar that the `customer` row holds: a column of its own, or a value in `attributes`."""
    if attribute.built_in:
        return customer.c[attribute.name]
    return JsonScalar(customer.c.attributes, attribute.name.split("."), attribute.type)
