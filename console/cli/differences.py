"""Differences between segments, printed: a table for people, JSON for programs, Markdown for a pull request."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from console.cli.output import say, show, show_one

if TYPE_CHECKING:
    from console.comparison import Compared
    from console.revisions import Revision

COLUMNS = ("segment", "change", "before", "after", "enter", "leave", "campaigns")


@dataclass(frozen=True)
class Report:
    """What was compared, and what came of it. `unchanged`: how many segments are not listed because nothing changed."""

    revision: Revision
    now: datetime
    zone: str
    found: Sequence[Compared]
    unchanged: int

    @property
    def as_of(self) -> str:
        return f"{self.now:%Y-%m-%d %H:%M:%S}Z (days of {self.zone})"

    @property
    def rest(self) -> str:
        """The line about what is not listed, empty if everything is."""
        if not self.unchanged:
            return ""
        return f"{self.unchanged} segment{'' if self.unchanged == 1 else 's'} unchanged."


def show_table(report: Report) -> None:
    revision = report.revision
    # Not as the table's title, which would be folded to the width of the table.
    say(f"{revision.said} ({revision.commit[:8]}) and the working tree, on the store as of {report.as_of}")
    if report.found:
        show([_row(one) for one in report.found], False, COLUMNS)
    for one in report.found:
        lines = [*_sayings(one, "was: {}", "is: {}"), *_samples(one, str)]
        if lines:
            say(one.name, *(f"  {line}" for line in lines), "")
    say(*([report.rest] if report.rest else []))


def show_json(report: Report) -> None:
    show_one(
        {
            "against": report.revision.said,
            "commit": report.revision.commit,
            "now": report.now,
            "zone": report.zone,
            "segments": [_plain(one) for one in report.found],
            "unchanged": report.unchanged,
        },
        as_json=True,
    )


def show_markdown(report: Report) -> None:
    """A table for a pull request. Whatever files and keys say stands in code, where it can't become markup or a mention."""
    revision = report.revision
    say(f"### Segments: {_code(revision.said)} ({revision.commit[:8]}) and this change", "")
    say(f"On the store as of {report.as_of}.", "")
    if report.found:
        say(f"| {' | '.join(COLUMNS)} |", "|---|---|--:|--:|--:|--:|---|")
        for one in report.found:
            cells = {**_row(one), "segment": _code(one.name), "campaigns": "<br>".join(_campaigns(one))}
            say(f"| {' | '.join(_digits(cells[name]) for name in COLUMNS)} |")
        say("")
    for one in report.found:
        _say_one(one)
    say(*([report.rest] if report.rest else []))


def _say_one(one: Compared) -> None:
    sayings, samples = _sayings(one, "- {}", "+ {}"), _samples(one, _code)
    if sayings or samples:
        say(f"**{_code(one.name)}**", "")
    if sayings:
        say("```diff", *sayings, "```", "")
    if samples:
        say(*(f"- {line}" for line in samples), "")


def _row(one: Compared) -> dict[str, Any]:
    found = one.difference
    return {
        "segment": one.name,
        "change": one.change,
        "before": found.before,
        "after": found.after,
        "enter": found.enters,
        "leave": found.leaves,
        "campaigns": "; ".join(_campaigns(one)),
    }


def _campaigns(one: Compared) -> list[str]:
    return [
        *map(str, one.used),
        *(f"{use} (from now on)" for use in one.used_now),
        *(f"{use} (no longer)" for use in one.used_before),
    ]


def _plain(one: Compared) -> dict[str, Any]:
    found = one.difference
    uses = {"both": one.used, "after": one.used_now, "before": one.used_before}
    return {
        **{name: value for name, value in _row(one).items() if name != "campaigns"},
        "entering": found.entering,
        "leaving": found.leaving,
        "said": one.said,
        "says": one.says,
        "because_of": one.because,
        "campaigns": [{**asdict(use), "in": where} for where, several in uses.items() for use in several],
    }


def _sayings(one: Compared, was: str, becomes: str) -> list[str]:
    """What it said and says, if that is not the same; else what has changed below it."""
    if one.change == "unchanged":
        return []
    if one.said != one.says:
        pairs = ((was, one.said), (becomes, one.says))
        return [form.format(" ".join(said.split())) for form, said in pairs if said]
    return [f"says the same; what has changed: {', '.join(one.because) or 'the vocabulary, places or settings'}"]


def _samples(one: Compared, written: Callable[[str], str]) -> list[str]:
    found = one.difference
    return [
        f"{word}: {', '.join(map(written, keys))}{f' and {count - len(keys):,} more' if count > len(keys) else ''}"
        for word, keys, count in (("enter", found.entering, found.enters), ("leave", found.leaving, found.leaves))
        if keys
    ]


def _code(text: str) -> str:
    """Text as code in Markdown, whatever it holds."""
    text = " ".join(text.split())
    runs = re.findall("`+", text)
    if not runs:
        return f"`{text}`"
    fence = "`" * (max(map(len, runs)) + 1)
    return f"{fence} {text} {fence}"


def _digits(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
