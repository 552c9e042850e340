"""What the store holds and the vocabulary does not name yet, as YAML lines to paste."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from crm_store.content.vocabulary import Vocabulary
from crm_store.schema import consent, customer, event, tally

# Rows looked at for types: enough to see them, few enough for any store.
_LOOKED_AT = 20_000


def suggestions(conn: Connection, vocabulary: Vocabulary) -> list[str]:
    """Lines under `attributes:`, `events:`, `topics:` and `currencies:`; empty if nothing is missing."""
    return [
        *_attributes(conn, vocabulary),
        *_events(conn, vocabulary),
        *_topics(conn, vocabulary),
        *_currencies(conn, vocabulary),
    ]


def _attributes(conn: Connection, vocabulary: Vocabulary) -> list[str]:
    rows = conn.execute(select(customer.c.attributes).limit(_LOOKED_AT)).scalars()
    found = _types(rows)
    lines = [f"  {_word(name)}: {{type: {kind}}}" for name, kind in found.items() if name not in vocabulary.attributes]
    return ["attributes:", *lines] if lines else []


def _events(conn: Connection, vocabulary: Vocabulary) -> list[str]:
    lines = []
    for kind in conn.execute(select(tally.c.kind).distinct().order_by(tally.c.kind)).scalars().all():
        known = vocabulary.events.get(kind)
        rows = conn.execute(select(event.c.properties).where(event.c.kind == kind).limit(_LOOKED_AT)).scalars()
        missing = {name: type_ for name, type_ in _types(rows).items() if known is None or name not in known.properties}
        if known is None or missing:
            properties = ", ".join(f"{_word(name)}: {type_}" for name, type_ in missing.items())
            lines.append(f"  {_word(kind)}: {{{', '.join(_facts(conn, kind, properties))}}}{_note(known)}")
    return ["events:", *lines] if lines else []


def _facts(conn: Connection, kind: str, properties: str) -> list[str]:
    with_amount = select(event.c.id).where(event.c.kind == kind, event.c.amount.is_not(None)).limit(1)
    facts = ["happens: repeatedly"]
    facts += ["amount: yes"] if conn.execute(with_amount).first() else []
    return [*facts, f"properties: {{{properties}}}"] if properties else facts


def _note(known: object) -> str:
    return "  # these properties are not named yet" if known is not None else ""


def _topics(conn: Connection, vocabulary: Vocabulary) -> list[str]:
    found = conn.execute(select(consent.c.topic).distinct().order_by(consent.c.topic)).scalars()
    lines = [f"  {_word(topic)}: {{}}" for topic in found if topic not in vocabulary.topics]
    return ["topics:", *lines] if lines else []


def _currencies(conn: Connection, vocabulary: Vocabulary) -> list[str]:
    found = conn.execute(select(tally.c.currency).where(tally.c.currency != "").distinct()).scalars().all()
    missing = sorted(set(found) - set(vocabulary.currencies))
    return [f"currencies: [{', '.join([*vocabulary.currencies, *missing])}]"] if missing else []


def _types(rows: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The type each name has in all rows; text where they differ."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            if value is not None and not isinstance(value, (dict, list)):
                found.setdefault(name, set()).add(_type(value))
    return {name: kinds.pop() if len(kinds) == 1 else "text" for name, kinds in sorted(found.items())}


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "yes-no"
    if isinstance(value, (int, float)):
        return "number"
    return _type_of_text(str(value))


def _type_of_text(text: str) -> str:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) and _is(date.fromisoformat, text):
        return "date"
    return "instant" if re.match(r"\d{4}-\d{2}-\d{2}T", text) and _is(datetime.fromisoformat, text) else "text"


def _is(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _word(name: str) -> str:
    """A name as a YAML key."""
    return name if re.fullmatch(r"[A-Za-z_][\w-]*", name) else "'" + name.replace("'", "''") + "'"
