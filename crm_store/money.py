"""Money: integers of minor units with a currency; decimals of major units at the edges."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache


@cache
def digits(currency: str) -> int:
    """How many digits the currency's minor unit has (ISO 4217, from CLDR): 2 for USD, 0 for JPY, 3 for KWD."""
    from babel.numbers import get_currency_precision

    return int(get_currency_precision(currency))


def to_minor(amount: Decimal, currency: str) -> int:
    """Minor units of an amount in major units. Raises ValueError for more digits than the currency has."""
    minor = amount.scaleb(digits(currency))
    rounded = minor.to_integral_value(ROUND_HALF_EVEN)
    if rounded != minor:
        raise ValueError(f"amount has more digits than {currency} has")
    return int(rounded)


def to_major(minor: int, currency: str) -> Decimal:
    """The amount in major units, with the currency's digits."""
    return Decimal(minor).scaleb(-digits(currency))
