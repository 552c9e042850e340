"""One record of an import: from what a file says to typed values, or a reason why not. Reasons never quote the values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from crm_store.clock import is_leap_year, parse_instant
from crm_store.content.vocabulary import Vocabulary
from crm_store.money import to_minor

Raw = Mapping[str, Any]


class Reject(Exception):
    """A record that can't be taken; the text says why, without personal data."""


@dataclass(frozen=True)
class Rules:
    """What is needed to understand a record."""

    vocabulary: Vocabulary
    zone: ZoneInfo
    currency: str


@dataclass(frozen=True)
class Column:
    """A column of `customer` and how its text is read."""

    name: str
    read: Callable[[Any, Rules], Any]


def text(value: Any, rules: Rules) -> str:  # all readers take the rules
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise Reject("must be a text")
    word = str(value).strip()
    if "\x00" in word:
        raise Reject("holds a NUL character")
    return word


def number(value: Any, rules: Rules) -> float | int:
    try:
        if isinstance(value, bool):
            raise Reject("must be a number")
        parsed = Decimal(str(value).strip())
    except InvalidOperation:
        raise Reject("must be a number") from None
    if not parsed.is_finite():
        raise Reject("must be a finite number")
    return int(parsed) if parsed == parsed.to_integral_value() and "." not in str(value) else float(parsed)


def day(value: Any, rules: Rules) -> date:
    try:
        return date.fromisoformat(text(value, rules)[:10])
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
        raise Reject("must be a telephone number with its country, e.g. +49 30 123456") from None
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


def _degrees(limit: int) -> Callable[[Any, Rules], float]:
    def read(value: Any, rules: Rules) -> float:
        degrees = float(number(value, rules))
        if abs(degrees) > limit:
            raise Reject(f"must lie between -{limit} and {limit}")
        return degrees

    return read


def birthday(value: Any, rules: Rules) -> tuple[int, int, int | None]:
    """(month, day, year or None) of `1992-02-29` or `--02-29`."""
    match = re.fullmatch(r"(\d{4}|-)-(\d{2})-(\d{2})", text(value, rules))
    if not match:
        raise Reject("must be a date such as 1992-02-29, or --02-29 without a year")
    year = None if match[1] == "-" else int(match[1])
    month, of_month = int(match[2]), int(match[3])
    try:
        date(2000 if year is None or year == 0 else year, month, of_month)
    except ValueError:
        raise Reject("is not a day of the calendar") from None
    if year is not None and not is_leap_year(year) and (month, of_month) == (2, 29):
        raise Reject("is not a day of the calendar")
    return month, of_month, year


CUSTOMER_COLUMNS = (
    Column("email", email),
    Column("phone", phone),
    Column("first_name", text),
    Column("last_name", text),
    Column("locale", locale),
    Column("time_zone", text),
    Column("country", country),
    Column("region", text),
    Column("city", text),
    Column("postal_code", text),
    Column("latitude", _degrees(90)),
    Column("longitude", _degrees(180)),
    Column("joined_on", day),
    Column("stage", stage),
)
CUSTOMER_FIELDS = ("key", "birthday", "consents", "attributes", *(column.name for column in CUSTOMER_COLUMNS))
EVENT_FIELDS = ("customer", "event", "at", "id", "amount", "currency", "items", "properties")
PRODUCT_FIELDS = ("key", "title", "category", "brand", "price", "currency", "attributes")


@dataclass(frozen=True)
class ConsentRecord:
    """A consent as a file says it."""

    channel: str
    topic: str
    state: str
    basis: str | None
    at: datetime


@dataclass(frozen=True)
class CustomerRecord:
    """A customer as a file says it: only what it says, None where it says that a value is gone."""

    key: str
    columns: dict[str, Any]
    attributes: dict[str, Any]
    consents: tuple[ConsentRecord, ...]


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One line of an order. `category` and `brand` fill a product that no catalogue names yet."""

    product: str
    quantity: float
    amount: int | None
    category: str | None = None
    brand: str | None = None


@dataclass(frozen=True)
class EventRecord:
    """An event as a file says it; `amount` in minor units, `at` in UTC."""

    customer: str
    kind: str
    at: datetime
    id: str | None = None
    amount: int | None = None
    currency: str | None = None
    items: tuple[ItemRecord, ...] = ()
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ProductRecord:
    """A product of a catalogue; columns as far as the file has them."""

    key: str
    columns: dict[str, Any]


def read_customer(raw: Raw, rules: Rules) -> CustomerRecord:
    """Raises Reject."""
    _refuse_unknown(raw, CUSTOMER_FIELDS, ("attributes",))
    columns: dict[str, Any] = {}
    for column in CUSTOMER_COLUMNS:
        if column.name in raw:
            columns[column.name] = _field(column.name, column.read, raw[column.name], rules)
    if "email" in columns:
        columns["email_key"] = address_key(columns["email"]) if columns["email"] else None
    if "birthday" in raw:
        parts = _field("birthday", birthday, raw["birthday"], rules) or (None, None, None)
        columns |= dict(zip(("birth_month", "birth_day", "birth_year"), parts, strict=True))
    attributes = {name: _attribute(name, value, rules) for name, value in _nested(raw, "attributes").items()}
    consents = tuple(_consent(item, rules) for item in _list(raw, "consents"))
    return CustomerRecord(_needed(raw, "key", rules), columns, attributes, consents)


def read_event(raw: Raw, rules: Rules) -> EventRecord:
    """Raises Reject."""
    _refuse_unknown(raw, EVENT_FIELDS, ("properties",))
    currency = _field("currency", text, raw.get("currency"), rules)
    amount = raw.get("amount")
    if amount is not None:
        currency = currency or rules.currency
    kind = _needed(raw, "event", rules)
    return EventRecord(
        customer=_needed(raw, "customer", rules),
        kind=kind,
        at=_field("at", instant, _present(raw, "at"), rules),
        id=_field("id", text, raw.get("id"), rules),
        amount=_money("amount", amount, currency or rules.currency),
        currency=currency,
        items=tuple(_item(item, currency or rules.currency, rules) for item in _list(raw, "items")),
        properties={name: _property(kind, name, value, rules) for name, value in _nested(raw, "properties").items()},
    )


def read_product(raw: Raw, rules: Rules) -> ProductRecord:
    """Raises Reject."""
    _refuse_unknown(raw, PRODUCT_FIELDS, ("attributes",))
    columns: dict[str, Any] = {
        name: _field(name, text, raw[name], rules) for name in ("title", "category", "brand") if name in raw
    }
    if raw.get("price") is not None:
        columns["currency"] = _field("currency", text, raw.get("currency"), rules) or rules.currency
        columns["price"] = _money("price", raw["price"], columns["currency"])
    if any(name == "attributes" or name.startswith("attributes.") for name in raw):
        columns["attributes"] = _nested(raw, "attributes")
    return ProductRecord(_needed(raw, "key", rules), columns)


def _refuse_unknown(raw: Raw, known: tuple[str, ...], nested: tuple[str, ...]) -> None:
    for name in raw:
        if name not in known and name.split(".")[0] not in nested:
            raise Reject(f"field '{name}' is not known; known are: {', '.join(known)}")


def _present(raw: Raw, name: str) -> Any:
    value = raw.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise Reject(f"{name}: is missing")
    return value


def _needed(raw: Raw, name: str, rules: Rules) -> str:
    return str(_field(name, text, _present(raw, name), rules))


def _field(name: str, read: Callable[[Any, Rules], Any], value: Any, rules: Rules) -> Any:
    if value is None:
        return None
    try:
        return read(value, rules)
    except Reject as reject:
        raise Reject(f"{name}: {reject}") from None


_TYPED: dict[str, Callable[[Any, Rules], Any]] = {
    "text": text,
    "text path": text,
    "number": number,
    "yes-no": truth,
    "date": lambda value, rules: day(value, rules).isoformat(),
    "instant": lambda value, rules: instant(value, rules).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
}


def _attribute(name: str, value: Any, rules: Rules) -> Any:
    declared = rules.vocabulary.attributes.get(name)
    if declared is not None and declared.built_in:
        raise Reject(f"attributes.{name}: is a field of its own, not an attribute")
    return _field(f"attributes.{name}", _TYPED[declared.type], value, rules) if declared else value


def _property(kind: str, name: str, value: Any, rules: Rules) -> Any:
    declared = rules.vocabulary.events[kind].properties if kind in rules.vocabulary.events else {}
    return _field(f"properties.{name}", _TYPED[declared[name]], value, rules) if name in declared else value


def _consent(raw: Any, rules: Rules) -> ConsentRecord:
    from crm_store.consent.record import STATES

    if not isinstance(raw, dict):
        raise Reject("consents: each must have channel, topic, state, at")
    state = str(_present(raw, "state"))
    if state not in STATES:
        raise Reject(f"consents: state must be one of {', '.join(STATES)}")
    at = _field("consents: at", instant, _present(raw, "at"), rules)
    basis = _field("consents: basis", text, raw.get("basis"), rules)
    return ConsentRecord(_needed(raw, "channel", rules), _needed(raw, "topic", rules), state, basis, at)


def _item(raw: Any, currency: str, rules: Rules) -> ItemRecord:
    if not isinstance(raw, dict):
        raise Reject("items: each must have product, quantity, amount")
    quantity = _field("items: quantity", number, raw.get("quantity", 1), rules)
    return ItemRecord(
        _needed(raw, "product", rules),
        float(quantity),
        _money("items: amount", raw.get("amount"), currency),
        _field("items: category", text, raw.get("category"), rules),
        _field("items: brand", text, raw.get("brand"), rules),
    )


def _money(name: str, value: Any, currency: str) -> int | None:
    if value is None:
        return None
    try:
        return to_minor(Decimal(str(value).strip()), currency)
    except InvalidOperation:
        raise Reject(f"{name}: must be a decimal number in major units") from None
    except ValueError as error:
        raise Reject(f"{name}: {error}") from None


def _nested(raw: Raw, name: str) -> dict[str, Any]:
    """`{"attributes": {...}}`, a cell with that JSON, or columns `attributes.NAME`."""
    value = _json(name, raw.get(name))
    if value is not None and not isinstance(value, dict):
        raise Reject(f"{name}: must be an object")
    dotted = {key.split(".", 1)[1]: part for key, part in raw.items() if key.startswith(f"{name}.")}
    return {**(value or {}), **dotted}


def _list(raw: Raw, name: str) -> list[Any]:
    value = _json(name, raw.get(name))
    if value is not None and not isinstance(value, (list, tuple)):
        raise Reject(f"{name}: must be a list")
    return list(value or [])


def _json(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_float=Decimal)
    except ValueError:
        raise Reject(f"{name}: is not JSON") from None
