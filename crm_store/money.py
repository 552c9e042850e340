"""Money: integers of minor units with a currency; decimals of major units at the edges."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import cache


@cache
def digits(currency: str) -> int:
    """How many digits the currency's minor unit has (ISO 4217, from CLDR): 2 for USD, 0 for JPY, 3 for KWD."""
    from babel.numbers import get_currency_precision

    return int(get_currency_precision(currency))


def to_minor(amount: Decimal, currency: str) -> int:
    """Minor units of an amount in major units. Raises ValueError for more digits than the currency has, and for NaN."""
    try:
        rounded = amount.quantize(Decimal(1).scaleb(-digits(currency)), ROUND_HALF_EVEN)
    except InvalidOperation:
        raise ValueError("amount is too large") from None
    if rounded != amount:  # compared exactly, whatever the context's precision; NaN equals nothing
        raise ValueError(f"amount has more digits than {currency} has")
    return int(rounded.scaleb(digits(currency)))


def to_major(minor: int, currency: str) -> Decimal:
    """The amount in major units, with the currency's digits."""
    return Decimal(minor).scaleb(-digits(currency))
