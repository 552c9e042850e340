"""Money is an integer of minor units; what does not fit exactly is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.money import digits, to_major, to_minor

CURRENCIES = ("USD", "EUR", "JPY", "KWD", "BHD", "KRW", "MXN")


@pytest.mark.parametrize(("currency", "count"), [("USD", 2), ("EUR", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("TND", 3)])
def test_a_currency_has_its_own_digits(currency: str, count: int) -> None:
    assert digits(currency) == count


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("49.90", "USD", 4990), ("49.9000", "USD", 4990), ("-0.01", "EUR", -1), ("1E+3", "JPY", 1000), ("0.001", "KWD", 1)],
)
def test_major_units_become_minor_ones(amount: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(amount), currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.005", "USD"),
        ("0.5", "JPY"),
        ("0.0001", "KWD"),
        ("1.00000000000000000000000000000000000001", "USD"),
        ("1E-400", "USD"),
        ("NaN", "USD"),
    ],
)
def test_more_digits_than_the_currency_has_are_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=f"amount has more digits than {currency} has"):
        to_minor(Decimal(amount), currency)


@pytest.mark.parametrize("amount", ["Infinity", "-Infinity", "1E+400", "1E+999999"])
def test_more_than_there_is_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="amount is too large"):
        to_minor(Decimal(amount), "USD")


def test_a_float_is_taken_for_what_it_is() -> None:
    tenth = 0.1
    assert to_minor(Decimal(str(tenth)), "EUR") == 10
    with pytest.raises(ValueError, match="more digits"):
        to_minor(Decimal(tenth), "EUR")


@given(minor=st.integers(-(10**17), 10**17), currency=st.sampled_from(CURRENCIES))
def test_there_and_back_is_the_same(minor: int, currency: str) -> None:
    major = to_major(minor, currency)
    assert to_minor(major, currency) == minor
    assert -int(major.as_tuple().exponent) == digits(currency)


@given(amount=st.decimals(-(10**9), 10**9, allow_nan=False, places=4), currency=st.sampled_from(CURRENCIES))
def test_what_is_taken_is_exact(amount: Decimal, currency: str) -> None:
    scaled = amount * 10 ** digits(currency)
    if scaled == int(scaled):
        assert to_minor(amount, currency) == int(scaled)
    else:
        with pytest.raises(ValueError, match="more digits"):
            to_minor(amount, currency)
