"""Public holidays by country and region, as the library `holidays` knows them (imported where it is asked)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache

from crm_store.folding import fold


@cache
def countries() -> frozenset[str]:
    """The countries whose holidays are known: two letters each."""
    import holidays

    return frozenset(code for code in holidays.list_supported_countries() if len(code) == 2)


@cache
def holidays_of(country: str, region: str | None, year: int) -> frozenset[date]:
    """The holidays of a year, of the whole country or of a region that `regions` knows; none of an unknown country."""
    import holidays

    if country not in countries():
        return frozenset()
    return frozenset(holidays.country_holidays(country, subdiv=region, years=year))


@cache
def regions(country: str) -> Mapping[str, frozenset[str]]:
    """The regions of a country, and how each may be written, folded: `BY`, `DE-BY`, `Bayern`."""
    import holidays

    if country not in countries():
        return {}
    known = holidays.country_holidays(country)
    named: dict[str, set[str]] = {code: {code, f"{country}-{code}"} for code in known.subdivisions}
    for name, code in getattr(known, "subdivisions_aliases", {}).items():
        named.setdefault(code, set()).add(name)
    return {code: frozenset(fold(name) for name in names) for code, names in named.items()}


def regions_that_differ(country: str, first: date, last: date) -> list[str]:
    """The regions whose holidays between the two days are not those of the whole country."""
    years = range(first.year, last.year + 1)
    return [
        region
        for region in regions(country)
        for year in years
        if any(first <= day <= last for day in holidays_of(country, region, year) ^ holidays_of(country, None, year))
    ]
