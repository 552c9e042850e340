"""`channels:` of rapport.yaml, as far as delivery itself is concerned: how fast, and how many at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, text
from crm_store.content.nodes import Node

_SECONDS = {"s": 1, "min": 60, "h": 3_600, "day": 86_400}


@dataclass(frozen=True)
class Limits:
    """What an account may take. `rate`: mails a second, None for any; `connections`: requests under way at once, by all
    workers together, which is also how many may go into doubt when the provider fails."""

    rate: float | None = None
    connections: int = 8


USUAL_LIMITS = Limits()


def read_limits(fields: Fields) -> Limits:
    """The limits among a channel's keys."""
    return Limits(fields.maybe("rate", read_rate), fields.get("connections", _connections, Limits.connections))


def read_rate(node: Node) -> float:
    """`100/s`, `6000/min`, `36000/h` or `100000/day`, as mails a second."""
    word = text(node)
    parts = re.fullmatch(r"([1-9]\d{0,8})\s*/\s*(s|min|h|day)", word)
    if parts is None:
        raise Fault(node.place, f"'{word}' is not a rate of mails; write e.g. 100/s, 6000/min, 36000/h or 100000/day")
    return int(parts[1]) / _SECONDS[parts[2]]


def _connections(node: Node) -> int:
    word = text(node)
    if not re.fullmatch(r"[1-9]\d{0,2}", word):
        raise Fault(node.place, f"'{word}' must be a whole number from 1 to 999")
    return int(word)
