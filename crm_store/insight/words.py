"""What the store holds and the vocabulary does not name yet, as YAML lines to paste."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from crm_store.content.vocabulary import EventKind, Vocabulary, can_be_name
from crm_store.schema import consent, customer, event, tally

# Rows looked at for types: enough to see them, few enough for any store.
_LOOKED_AT = 20_000


def suggestions(conn: Connection, vocabulary: Vocabulary) -> list[str]:
    """Lines under `attributes:`, `events:`, `topics:` and `currencies:`; empty if nothing is missing.

    What no vocabulary can name (quotes or backslashes in a name) and lists are left out: no segment can ask for them.
    """
    return [
        *_attributes(conn, vocabulary),
        *_events(conn, vocabulary),
        *_topics(conn, vocabulary),
        *_currencies(conn, vocabulary),
    ]


def _attributes(conn: Connection, vocabulary: Vocabulary) -> list[str]:
    rows = conn.execute(select(customer.c.attributes).limit(_LOOKED_AT)).scalars()
    found = _types(rows, known=vocabulary.attributes)
    lines = [f"  {_word(name)}: {{type: {kind}}}" for name, kind in found.items()]
    return ["attributes:", *lines] if lines else []


def _events(conn: Connection, vocabulary: Vocabulary) -> list[str]:
    lines = []
    for kind in filter(can_be_name, conn.execute(select(tally.c.kind).distinct().order_by(tally.c.kind)).scalars().all()):
        known = vocabulary.events.get(kind)
        rows = conn.execute(select(event.c.properties).where(event.c.kind == kind).limit(_LOOKED_AT)).scalars()
        missing = _types(rows, known=known.properties if known else {})
        if known is None or missing:
            lines.append(
                _event_line(known or _unnamed(conn, kind), missing) + ("  # instead of the line there" if known else "")
            )
    return ["events:", *lines] if lines else []


def _unnamed(conn: Connection, kind: str) -> EventKind:
    with_amount = select(event.c.id).where(event.c.kind == kind, event.c.amount.is_not(None)).limit(1)
    return EventKind(kind, kind.replace("_", " "), "repeatedly", conn.execute(with_amount).first() is not None, {})


def _event_line(kind: EventKind, missing: Mapping[str, str]) -> str:
    facts = [] if kind.title == kind.name.replace("_", " ") else [f"title: {_word(kind.title)}"]
    facts += [f"happens: {_word(kind.happens)}", *(["amount: yes"] if kind.amount else [])]
    properties = ", ".join(f"{_word(name)}: {type_}" for name, type_ in {**kind.properties, **missing}.items())
    facts += [f"properties: {{{properties}}}"] if properties else []
    return f"  {_word(kind.name)}: {{{', '.join(facts)}}}"


def _topics(conn: Connection, vocabulary: Vocabulary) -> list[str]:
    found = conn.execute(select(consent.c.topic).distinct().order_by(consent.c.topic)).scalars()
    lines = [f"  {_word(topic)}: {{}}" for topic in found if topic not in vocabulary.topics and can_be_name(topic)]
    return ["topics:", *lines] if lines else []


def _currencies(conn: Connection, vocabulary: Vocabulary) -> list[str]:
    found = conn.execute(select(tally.c.currency).where(tally.c.currency != "").distinct()).scalars().all()
    missing = sorted(set(found) - set(vocabulary.currencies))
    return [f"currencies: [{', '.join([*vocabulary.currencies, *missing])}]"] if missing else []


def _types(rows: Iterable[dict[str, Any]], known: Container[str]) -> dict[str, str]:
    """The type each unknown name has in all rows, dotted for what is nested; text where they differ."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for name, value in _leaves(row):
            if name not in known and can_be_name(name):
                found.setdefault(name, set()).add(_type(value))
    return {name: kinds.pop() if len(kinds) == 1 else "text" for name, kinds in sorted(found.items())}


def _leaves(row: Mapping[str, Any], below: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{below}{name}.")
        elif value is not None and not isinstance(value, list):
            yield below + name, value


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
