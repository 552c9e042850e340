"""The kinds of conditions, as a person reads about them: made from their own definitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm_store.segmentation.conditions import KINDS

BEGIN = "<!-- made by `rapport segment kinds --markdown` -->"
END = "<!-- end of what is made -->"


def kinds() -> list[dict[str, Any]]:
    """A row a kind, with its keys."""
    return [
        {
            "kind": kind.kind,
            "says": kind.help,
            "example": kind.example,
            "keys": [{"key": field.name, "says": field.help} for field in kind.fields],
        }
        for kind in KINDS
    ]


def kinds_in_words() -> Iterator[str]:
    """Lines for a terminal."""
    for one in kinds():
        yield f"{one['kind']}: {one['says']}"
        for key in one["keys"]:
            yield f"    {key['key']}: {key['says']}"
        yield f"    e.g. {one['example']}"
        yield ""


def kinds_in_markdown() -> Iterator[str]:
    """The part of docs/segments.md between its two marks."""
    yield BEGIN
    yield ""
    for one in kinds():
        yield f"### {one['kind']}"
        yield ""
        yield f"{one['says'][:1].upper()}{one['says'][1:]}."
        yield ""
        yield "| key | says |"
        yield "|---|---|"
        for key in one["keys"]:
            names = ", ".join(f"`{name}`" for name in key["key"].split(", "))
            yield f"| {names} | {key['says'].replace('|', '/')} |"
        yield ""
        yield f"    {one['example']}"
        yield ""
    yield END
