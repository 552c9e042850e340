"""Buckets: a stable hash of each customer's key, from which `sample` draws."""

from __future__ import annotations

from hashlib import sha256

# A Mersenne prime, so that (bucket * a + b) mod PRIME spreads evenly for every salt and fits in 64 bits before the mod.
PRIME = 2**31 - 1


def bucket_of(key: str) -> int:
    """A number from 0 to PRIME - 1, the same for a key wherever and whenever it is imported."""
    return first_bytes(key) % PRIME


def first_bytes(text: str) -> int:
    """The first 8 bytes of its SHA-256, as a number."""
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")
