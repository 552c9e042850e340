"""JSON in the store: what is read is what was written, to the last digit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.jsontexts import from_json, to_json

NUMBERS = st.integers() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.booleans())
def test_it_is_read_as_the_standard_library_reads_it(value: Any, ascii_only: bool) -> None:
    for written in (to_json(value), json.dumps(value, ensure_ascii=ascii_only)):
        assert repr(from_json(written)) == repr(json.loads(written)) == repr(value)


@pytest.mark.parametrize("written", ['"\\ud800"', "[NaN]", "1e999", '{"a": 1, "a": 2}', "123456789012345678901234567890"])
def test_so_is_what_a_stricter_reader_refuses(written: str) -> None:
    assert repr(from_json(written)) == repr(json.loads(written)) == repr(from_json(written.encode()))


def test_decimals_become_numbers() -> None:
    assert to_json([Decimal("2"), Decimal("2.50")]) == "[2, 2.5]"


def test_a_number_that_a_database_kept_as_one_is_no_text() -> None:
    with pytest.raises(TypeError, match="int is no text of JSON"):
        from_json(2)  # type: ignore[arg-type]
