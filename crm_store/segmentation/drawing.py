"""Drawing customers by lot: stable, by their keys, and independent from salt to salt.

The bucket of each key (crm_store/intake/buckets.py) goes through (bucket * a + b) mod p, with a and b from the salt: a
universal family of hash functions (Carter and Wegman 1979), so that draws of different salts know nothing of each other.
"""

from __future__ import annotations

from decimal import Decimal
from math import ceil

from sqlalchemy import ColumnElement

from crm_store.intake.buckets import PRIME, bucket_of, first_bytes
from crm_store.schema import customer


def drawn(salt: str) -> ColumnElement[int]:
    """SQL over the `customer` row: a number from 0 to PRIME - 1."""
    a = 1 + first_bytes(f"a:{salt}") % (PRIME - 1)
    b = first_bytes(f"b:{salt}") % PRIME
    return (customer.c.bucket * a + b) % PRIME


def lot_of(key: str, salt: str) -> int:
    """The same number, for whoever has this key."""
    return (bucket_of(key) * (1 + first_bytes(f"a:{salt}") % (PRIME - 1)) + first_bytes(f"b:{salt}") % PRIME) % PRIME


def below(percent: Decimal) -> int:
    """The number below which so many percent are drawn."""
    return ceil(percent * PRIME / 100)
