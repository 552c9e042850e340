"""Codes that can be typed and not guessed, and what they are worth in words."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import islice

import pytest

from crm_store.content.literals import Money
from crm_store.journeys.campaign import OfferTerms
from outreach.offers.codes import ALPHABET, new_codes
from outreach.offers.wording import benefit


def test_a_code_has_ten_characters_that_nobody_misreads() -> None:
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", next(new_codes()))
    assert not set("ILOU") & set(ALPHABET)


def test_codes_do_not_repeat() -> None:
    codes = {*islice(new_codes(), 10_000), *islice(new_codes(), 10_000)}
    assert len(codes) == 20_000
    assert set("".join(codes)) == {*ALPHABET, "-"}


def test_codes_of_one_claim_lie_together() -> None:
    assert len({code[:2] for code in islice(new_codes(), 3_000)}) == 1
    assert len({next(new_codes())[:2] for _ in range(100)}) > 50


@pytest.mark.parametrize(
    ("terms", "locale", "said"),
    [
        (OfferTerms("x", percent=Decimal(15)), "en_US", "15%"),
        (OfferTerms("x", percent=Decimal("7.5")), "de_DE", "7,5\xa0%"),
        (OfferTerms("x", money=Money(500, "USD", "5 USD")), "en_US", "$5.00"),
        (OfferTerms("x", money=Money(500, "JPY", "500 JPY")), "en_US", "¥500"),
        (OfferTerms("x", money=Money(1050, "EUR", "10.50 EUR")), "de_DE", "10,50\xa0€"),
        (OfferTerms("x", item="shipping"), "en_US", "shipping"),
        (OfferTerms("x", gift="a cup"), "en_US", "a cup"),
    ],
)
def test_a_benefit_is_written_as_the_locale_does(terms: OfferTerms, locale: str, said: str) -> None:
    assert benefit(terms, locale) == said
