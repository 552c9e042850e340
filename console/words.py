"""The words of campaign files, as a person reads about them: kinds, triggers and steps, made from their own definitions."""

from __future__ import annotations

from collections.abc import Iterator

from console.kinds import END
from crm_store.journeys.steps import VERBS
from crm_store.journeys.triggers import KINDS, TRIGGERS

BEGIN = "<!-- made by `rapport campaign words --markdown` -->"


def words() -> list[dict[str, str]]:
    """A row a word: what it is, and what it says."""
    kinds = [_row("kind", kind, f"entered by {' or '.join(one.word for one in KINDS[kind])}") for kind in KINDS]
    triggers = [_row("trigger", " / ".join((one.word, *one.others)), one.help) for one in TRIGGERS]
    return [*kinds, *triggers, *(_row("step", verb.verb, verb.help) for verb in VERBS)]


def _row(what: str, word: str, says: str) -> dict[str, str]:
    return {"what": what, "word": word, "says": says}


def words_in_markdown() -> Iterator[str]:
    """The part of docs/campaigns.md between its two marks."""
    yield BEGIN
    for what in ("kind", "trigger", "step"):
        yield ""
        yield f"| {what} | says |"
        yield "|---|---|"
        for row in words():
            if row["what"] == what:
                names = ", ".join(f"`{name}`" for name in row["word"].split(" / "))
                yield f"| {names} | {row['says'].replace('|', '/')} |"
    yield ""
    yield END
