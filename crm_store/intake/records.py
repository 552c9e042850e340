"""What files say, as records: fields checked and read exactly, or a reason why not. Reasons never quote the values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crm_store.content.faults import did_you_mean
from crm_store.intake import values
from crm_store.intake.values import Reader, Reject, Rules

Raw = Mapping[str, Any]
_WORD = re.compile(r"[^\W\d][\w .-]{0,59}")


@dataclass(frozen=True)
class Form:
    """The fields a kind of record may have; below the one that is `free`, dotted names of any kind."""

    fields: tuple[str, ...]
    free: str

    def fault(self, name: str) -> str | None:
        """What is wrong with a field of that name, if anything."""
        if name in self.fields or name.startswith(f"{self.free}."):
            return None
        return f"{called(name)} is not known{did_you_mean(name, self.fields)}"


def is_word(name: str) -> bool:
    """Whether a name can be told: one that is no plain word may be somebody's address."""
    return _WORD.fullmatch(name) is not None


def called(name: str) -> str:
    """A field by its name, if that can be told."""
    return f"field '{name}'" if is_word(values.storable(name)) else "a field whose name is no plain word"


COLUMNS: Mapping[str, Reader] = {
    "email": values.email,
    "phone": values.phone,
    "first_name": values.text,
    "last_name": values.text,
    "locale": values.locale,
    "time_zone": values.text,
    "country": values.country,
    "region": values.text,
    "city": values.text,
    "postal_code": values.text,
    "latitude": values.degrees(90),
    "longitude": values.degrees(180),
    "joined_on": values.day,
    "stage": values.stage,
}
CUSTOMER = Form(("key", *COLUMNS, "birthday", "consents", "attributes"), "attributes")
EVENT = Form(("customer", "event", "at", "id", "amount", "currency", "items", "properties"), "properties")
PRODUCT = Form(("key", "title", "category", "brand", "price", "currency", "attributes"), "attributes")
_CONSENT = ("channel", "topic", "state", "basis", "at")
_ITEM = ("product", "quantity", "amount", "category", "brand")


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
    _check(raw, CUSTOMER)
    key = _needed(raw, "key", rules)
    columns = {name: _field(name, read, raw[name], rules) for name, read in COLUMNS.items() if name in raw}
    if "email" in columns:
        columns["email_key"] = values.address_key(columns["email"]) if columns["email"] else None
    if "birthday" in raw:
        parts = _field("birthday", values.birthday, raw["birthday"], rules) or (None, None, None)
        columns |= dict(zip(("birth_month", "birth_day", "birth_year"), parts, strict=True))
    consents = tuple(_consent(one, rules) for one in _list(raw, "consents"))
    return CustomerRecord(key, columns, _attributes(raw, rules), consents)


def read_event(raw: Raw, rules: Rules) -> EventRecord:
    """Raises Reject."""
    _check(raw, EVENT)
    kind = _needed(raw, "event", rules)
    said = _field("currency", values.currency, raw.get("currency"), rules)
    currency = said or rules.currency
    amount = _money("amount", raw.get("amount"), currency)
    items = tuple(_item(one, currency, rules) for one in _list(raw, "items"))
    has_money = amount is not None or any(item.amount is not None for item in items)
    declared = rules.vocabulary.events[kind].properties if kind in rules.vocabulary.events else {}
    return EventRecord(
        customer=_needed(raw, "customer", rules),
        kind=kind,
        at=_field("at", values.instant, _present(raw, "at"), rules),
        id=_field("id", values.text, raw.get("id"), rules) or None,
        amount=amount,
        currency=currency if has_money else said,
        items=items,
        properties=_typed(_nested(raw, "properties"), "properties", declared, rules),
    )


def read_product(raw: Raw, rules: Rules) -> ProductRecord:
    """Raises Reject."""
    _check(raw, PRODUCT)
    names = ("title", "category", "brand")
    columns: dict[str, Any] = {name: _field(name, values.text, raw[name], rules) for name in names if name in raw}
    currency = _field("currency", values.currency, raw.get("currency"), rules) or rules.currency
    if "price" in raw:
        columns["price"] = _money("price", raw["price"], currency)
        columns["currency"] = None if columns["price"] is None else currency
    attributes = _typed(_nested(raw, "attributes"), "attributes", {}, rules)
    return ProductRecord(_needed(raw, "key", rules), columns | ({"attributes": attributes} if attributes else {}))


def _attributes(raw: Raw, rules: Rules) -> dict[str, Any]:
    said, known = _nested(raw, "attributes"), rules.vocabulary.attributes
    for name in said:
        if name in known and known[name].built_in:
            raise Reject(f"attributes.{name}: is a field of its own, not an attribute")
    return _typed(said, "attributes", {name: one.type for name, one in known.items() if not one.built_in}, rules)


def _typed(said: Mapping[str, Any], where: str, types: Mapping[str, str], rules: Rules, below: str = "") -> dict[str, Any]:
    """Values as the vocabulary types them; those that it does not name as they are."""
    found: dict[str, Any] = {}
    for name, value in said.items():
        path = below + name
        label = f"{where}.{path}" if is_word(path) else f"{where}: {called(path)}"
        if path in types:
            found[name] = _field(label, values.TYPED[types[path]], value, rules)
        elif isinstance(value, dict):
            found[name] = _typed(value, where, types, rules, f"{path}.")
        else:
            found[name] = _field(label, lambda one, _: values.plain(one), value, rules)
    return found


def _consent(raw: Any, rules: Rules) -> ConsentRecord:
    from crm_store.consent.record import STATES

    _check_part(raw, "consents", _CONSENT)
    state = _part(raw, "consents", "state", values.text, rules)
    if state not in STATES:
        raise Reject(f"consents: state: must be one of {', '.join(STATES)}")
    return ConsentRecord(
        _part(raw, "consents", "channel", values.text, rules),
        _part(raw, "consents", "topic", values.text, rules),
        state,
        _field("consents: basis", values.text, raw.get("basis"), rules),
        _part(raw, "consents", "at", values.instant, rules),
    )


def _item(raw: Any, currency: str, rules: Rules) -> ItemRecord:
    _check_part(raw, "items", _ITEM)
    quantity = _field("items: quantity", values.number, raw.get("quantity"), rules)
    return ItemRecord(
        _part(raw, "items", "product", values.text, rules),
        1.0 if quantity is None else float(quantity),
        _money("items: amount", raw.get("amount"), currency),
        _field("items: category", values.text, raw.get("category"), rules),
        _field("items: brand", values.text, raw.get("brand"), rules),
    )


def _check(raw: Raw, form: Form) -> None:
    for fault in map(form.fault, raw):
        if fault:
            raise Reject(fault)


def _check_part(raw: Any, where: str, fields: tuple[str, ...]) -> None:
    if not isinstance(raw, dict):
        raise Reject(f"{where}: each must be an object with {', '.join(fields)}")
    for name in raw:
        if name not in fields:
            raise Reject(f"{where}: {called(name)} is not known{did_you_mean(name, fields)}")


def _part(raw: Raw, where: str, name: str, read: Reader, rules: Rules) -> Any:
    """A field that each part must have."""
    return _field(where, lambda part, _: _field(name, read, _present(part, name), rules), raw, rules)


def _present(raw: Raw, name: str) -> Any:
    value = raw.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise Reject(f"{name}: is missing")
    return value


def _needed(raw: Raw, name: str, rules: Rules) -> str:
    return str(_field(name, values.text, _present(raw, name), rules))


def _field(name: str, read: Reader, value: Any, rules: Rules) -> Any:
    if value is None:
        return None
    try:
        return read(value, rules)
    except Reject as reject:
        raise Reject(f"{name}: {reject}") from None


def _money(name: str, value: Any, currency: str) -> int | None:
    if value is None:
        return None
    try:
        return values.money(value, currency)
    except Reject as reject:
        raise Reject(f"{name}: {reject}") from None


def _nested(raw: Raw, name: str) -> dict[str, Any]:
    """`{"attributes": {...}}`, a cell with that JSON, or columns `attributes.NAME`; dotted names become nested objects."""
    said = _json(name, raw.get(name))
    if said is not None and not isinstance(said, dict):
        raise Reject(f"{name}: must be an object")
    found: dict[str, Any] = {}
    dotted = {path[len(name) + 1 :]: value for path, value in raw.items() if path.startswith(f"{name}.")}
    try:
        for path, value in [*(said or {}).items(), *dotted.items()]:
            values.nest(found, path, value)
    except Reject as reject:
        raise Reject(f"{name}: {reject}") from None
    return found


def _list(raw: Raw, name: str) -> list[Any]:
    said = _json(name, raw.get(name))
    if said is not None and not isinstance(said, (list, tuple)):
        raise Reject(f"{name}: must be a list")
    return list(said or [])


def _json(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return values.parse_json(value)
    except ValueError:
        raise Reject(f"{name}: is not JSON (or names a field twice)") from None
