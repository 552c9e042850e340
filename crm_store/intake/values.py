"""Single values as files say them: read exactly, or refused with the reason why not. Reasons never quote the values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from math import isinf
from typing import Any
from zoneinfo import ZoneInfo

from crm_store.clock import parse_instant
from crm_store.content.vocabulary import Vocabulary
from crm_store.money import to_minor

# Larger ones are a slip of the pen; below, a million amounts still add up in 64 bits.
TOO_MUCH = Decimal(10) ** 12
TOO_LARGE = Decimal(10) ** 18
DEEPEST = 50
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


class Reject(Exception):
    """A record that can't be taken; the text says why, without personal data."""


@dataclass(frozen=True)
class Rules:
    """What is needed to understand a record."""

    vocabulary: Vocabulary
    zone: ZoneInfo
    currency: str


Reader = Callable[[Any, Rules], Any]


def text(value: Any, rules: Rules) -> str:  # all readers take the rules
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise Reject("must be a text")
    return storable(str(value).strip())


def storable(word: str) -> str:
    """The text, if both databases can keep it. Raises Reject."""
    odd = _UNSTORABLE.search(word)
    if odd:
        raise Reject("holds a NUL character" if odd[0] == "\x00" else "holds half a character (a lone surrogate)")
    return word


def decimal(value: Any, limit: Decimal = TOO_LARGE) -> Decimal:
    """An exact decimal number, nearer to 0 than the limit. Raises Reject."""
    if isinstance(value, bool) or not _DECIMAL.fullmatch(str(value).strip()):
        raise Reject("must be a decimal number")
    try:
        parsed = Decimal(str(value).strip())
    except InvalidOperation:  # an exponent of more digits than there are atoms
        raise Reject("is too large") from None
    if abs(parsed) >= limit:
        raise Reject("is too large")
    return parsed


def number(value: Any, rules: Rules) -> float | int:
    parsed = decimal(value)
    whole = "." not in str(value) and parsed == parsed.to_integral_value()
    return int(parsed) if whole else float(parsed)


def money(value: Any, code: str) -> int:
    """Minor units of an amount in major units of the currency. Raises Reject."""
    try:
        return to_minor(decimal(value, TOO_MUCH), code)
    except ValueError as error:
        raise Reject(str(error)) from None


def currency(value: Any, rules: Rules) -> str | None:
    from babel.core import get_global

    word = text(value, rules).upper()
    if word and word not in get_global("all_currencies"):
        raise Reject("must be an ISO 4217 currency, e.g. EUR")
    return word or None


def day(value: Any, rules: Rules) -> date:
    try:
        return datetime.fromisoformat(text(value, rules)).date()
    except ValueError:
        raise Reject("must be a date, e.g. 2026-01-31") from None


def instant(value: Any, rules: Rules) -> datetime:
    try:
        return parse_instant(text(value, rules), rules.zone)
    except ValueError:
        raise Reject("must be a date and time, e.g. 2026-01-31T09:00:00Z") from None


def truth(value: Any, rules: Rules) -> bool:
    word = str(value).strip().lower()
    if word not in {"true", "false", "yes", "no"}:
        raise Reject("must be true or false")
    return word in {"true", "yes"}


def email(value: Any, rules: Rules) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text(value, rules), check_deliverability=False).normalized
    except EmailNotValidError:
        raise Reject("must be a mail address") from None


def address_key(address: str) -> str:
    """The one form in which two spellings of an address are the same."""
    return address.casefold()


def phone(value: Any, rules: Rules) -> str:
    import phonenumbers

    try:
        parsed = phonenumbers.parse(text(value, rules), None)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        raise Reject("must be a telephone number with its country, e.g. +49 30 123456")
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def country(value: Any, rules: Rules) -> str:
    word = text(value, rules).upper()
    if not re.fullmatch(r"[A-Z]{2}", word):
        raise Reject("must be a country's two letters, e.g. DE")
    return word


def locale(value: Any, rules: Rules) -> str:
    word = text(value, rules).replace("-", "_")
    if not re.fullmatch(r"[a-z]{2,3}(_[A-Z][a-z]{3})?(_[A-Z]{2})?", word):
        raise Reject("must be a locale, e.g. de_DE")
    return word


def stage(value: Any, rules: Rules) -> str:
    word = text(value, rules)
    if word not in rules.vocabulary.stages:
        raise Reject(f"must be one of {', '.join(rules.vocabulary.stages)}")
    return word


def degrees(limit: int) -> Reader:
    """A reader of latitudes or longitudes."""

    def read(value: Any, rules: Rules) -> float:
        found = float(number(value, rules))
        if abs(found) > limit:
            raise Reject(f"must lie between -{limit} and {limit}")
        return found

    return read


def birthday(value: Any, rules: Rules) -> tuple[int, int, int | None]:
    """(month, day, year or None) of `1992-02-29` or `--02-29`."""
    match = re.fullmatch(r"(\d{4}|-)-(\d{2})-(\d{2})", text(value, rules), re.ASCII)
    if not match:
        raise Reject("must be a date such as 1992-02-29, or --02-29 without a year")
    year = None if match[1] == "-" else int(match[1])
    month, of_month = int(match[2]), int(match[3])
    try:
        date(2000 if year is None else year, month, of_month)  # 2000 was a leap year
    except ValueError:
        raise Reject("is not a day of the calendar") from None
    return month, of_month, year


def money_value(value: Any, rules: Rules) -> dict[str, Any]:
    """`49.90 EUR`, or a number in the company's currency, as JSON in minor units."""
    amount, _, code = str(value).strip().partition(" ")
    code = currency(code, rules) or rules.currency
    return {"minor": money(amount, code), "currency": code}


def texts(value: Any, rules: Rules) -> list[str]:
    """A list of texts, as JSON or written as JSON."""
    try:
        found = parse_json(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, (list, tuple)):
        raise Reject('must be a list of texts, e.g. ["a", "b"]')
    return [text(one, rules) for one in found]


# How a value of each of the vocabulary's types is read, into plain JSON.
TYPED: Mapping[str, Reader] = {
    "text": text,
    "text path": text,
    "number": number,
    "money": money_value,
    "list": texts,
    "yes-no": truth,
    "date": lambda value, rules: day(value, rules).isoformat(),
    "instant": lambda value, rules: instant(value, rules).isoformat(timespec="microseconds").replace("+00:00", "Z"),
}


def parse_json(written: str) -> Any:
    """JSON with exact decimals. Raises ValueError; also for NaN, and for a name that stands twice."""
    try:
        return json.loads(written, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_unique)
    except (RecursionError, InvalidOperation):
        raise ValueError("nested too deeply, or a number beyond all measure") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def plain(value: Any, depth: int = 1) -> Any:
    """A value whose type no vocabulary gives, as JSON that both databases can keep. Raises Reject."""
    if depth > DEEPEST:
        raise Reject("is nested too deeply")
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Decimal):
        return _plain_number(value)
    if isinstance(value, (list, tuple)):
        return [plain(part, depth + 1) for part in value]
    if isinstance(value, dict):
        return {storable(name): plain(part, depth + 1) for name, part in value.items()}
    return value


def _plain_number(value: Decimal) -> float | int:
    if value.as_tuple().exponent == 0:
        return int(value)
    if isinf(float(value)):
        raise Reject("holds a number that is too large")
    return float(value)


def nest(found: dict[str, Any], path: str, value: Any, depth: int = 1) -> None:
    """Put a value at a dotted path into nested objects. Raises Reject if something stands there or it gets too deep."""
    head, dot, rest = path.partition(".")
    if depth > DEEPEST:
        raise Reject("is nested too deeply")
    if not (dot or isinstance(value, dict)):
        if head in found:
            raise Reject(f"'{head}' stands twice")
        found[storable(head)] = value
        return
    inner = found.setdefault(storable(head), {})
    if not isinstance(inner, dict):
        raise Reject(f"'{head}' stands twice")
    for name, part in ({rest: value} if dot else value).items():
        nest(inner, name, part, depth + 1)


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`old` with what `new` says: objects are merged, null takes away."""
    result = dict(old)
    for name, value in new.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            base = result.get(name)
            result[name] = merged(base if isinstance(base, dict) else {}, value)
        else:
            result[name] = value
    return result
