"""Comparisons of values as the grammar has them, for the oracle. Like the oracle it imports nothing of Rapport's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.segmentation.oracle_facts import Condition, Words
from tests.segmentation.oracle_patterns import fold, found_in

NEGATIVE = ("is_not", "not_in", "not_contains")


def deep(values: Any, path: Iterable[str]) -> Any:
    """The value at a path of nested JSON, None if there is none."""
    for part in path:
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def typed(value: Any, kind: str) -> Any:
    """The value, if its JSON type is that of the vocabulary, else None."""
    if kind == "money":
        amount, currency = typed(deep(value, ["minor"]), "number"), typed(deep(value, ["currency"]), "text")
        return None if amount is None or currency is None else value
    fits: Callable[[Any], bool] = {"yes-no": is_truth, "number": is_number, "list": is_list}.get(kind, is_text)
    if not fits(value):
        return None
    if kind == "date":
        return date.fromisoformat(value) if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else None
    if kind == "instant":
        return datetime.fromisoformat(value) if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value) else None
    return value


def is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def parted(test: Condition) -> tuple[str, Any, bool]:
    """The word of a comparison, its operand, and whether case is ignored."""
    ((word, operand),) = ((word, operand) for word, operand in test.items() if word != "ignoring")
    return word, operand, "ignoring" in test


def holds(value: Any, test: Condition) -> bool:
    return compare(value, *parted(test))


def money_holds(words: Words, minor: int | None, currency: str | None, day: date, test: Condition) -> bool:
    """An amount against amounts with their currencies, at the rates of the day."""
    word, operand, _ = parted(test)
    into = currency_of(operand) or words.currency
    return compare(words.worth(minor, currency, day, into), word, major(operand))


def currency_of(operand: Any) -> str | None:
    first = operand[0] if isinstance(operand, list) else operand
    return first.partition(" ")[2] or None


def major(operand: Any) -> Any:
    """`20.50 EUR` as 20.50, in lists too."""
    return [major(one) for one in operand] if isinstance(operand, list) else operand.partition(" ")[0]


def compare(value: Any, word: str, operand: Any, folded: bool = False) -> bool:
    """A missing value makes a positive word false, a negative one true, of the length of a missing list too."""
    if word == "is_set":
        return bool((value is not None) == (operand == "true"))
    if value is None:
        return holds(None, operand) if word == "length" else word in NEGATIVE
    if isinstance(value, list):
        return compare_lists(value, word, operand)
    if folded and word != "matches":
        value, operand = fold(value), [fold(one) for one in operand] if isinstance(operand, list) else fold(operand)
    value = value if isinstance(value, (str, bool, date)) else exact(value)
    if word in ("is", "is_not", "in", "not_in"):
        named = operand if isinstance(operand, list) else [operand]
        return any(value == alike(one, value) for one in named) == (word in ("is", "in"))
    if isinstance(value, str):
        return found_in(operand, value, folded) if word == "matches" else compare_texts(value, word, operand)
    return compare_numbers(value, word, operand)


def exact(value: float | Fraction) -> Fraction:
    """The number that is written there: 0.1 is a tenth."""
    return value if isinstance(value, Fraction) else Fraction(Decimal(str(value)))


def alike(operand: str, value: Any) -> Any:
    """The operand as a value of the same type."""
    if isinstance(value, bool):
        return operand.lower() in ("true", "yes")
    if isinstance(value, date):
        return date.fromisoformat(operand)
    return operand if isinstance(value, str) else Fraction(operand)


def compare_numbers(number: Fraction, word: str, operand: Any) -> bool:
    if word == "between":
        return Fraction(operand[0]) <= number <= Fraction(operand[1])
    other = Fraction(operand)
    return {
        "at_least": number >= other, "more_than": number > other, "at_most": number <= other, "less_than": number < other,
    }[word]  # fmt: skip


def compare_texts(value: str, word: str, operand: str) -> bool:
    if word == "under":
        return value == operand or value.startswith(operand + "/")
    if word in ("contains", "not_contains"):
        return (operand in value) == (word == "contains")
    return value.startswith(operand) if word == "starts_with" else value.endswith(operand)


def compare_lists(members: list[Any], word: str, operand: Any) -> bool:
    if word == "length":
        return holds(len(members), operand)
    wanted = operand if isinstance(operand, list) else [operand]
    found = [any(one == member for member in members if isinstance(member, str)) for one in wanted]
    return all(found) if word == "includes_all" else any(found)
