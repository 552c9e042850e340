"""What an offer is worth, in words."""

from __future__ import annotations

from functools import lru_cache

from crm_store.journeys.campaign import OfferTerms
from crm_store.money import to_major


@lru_cache(maxsize=1_000)
def benefit(terms: OfferTerms, locale: str) -> str:
    """`15 %`, `$5.00`, the item's name or the gift's text, written as the locale does."""
    from babel.numbers import format_currency, format_percent

    if terms.percent is not None:
        return str(format_percent(terms.percent / 100, locale=locale, decimal_quantization=False))
    if terms.money is not None:
        amount = to_major(terms.money.minor, terms.money.currency)
        return str(format_currency(amount, terms.money.currency, locale=locale))
    return terms.item or terms.gift or ""
