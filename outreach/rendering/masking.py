"""Hiding Jinja from tools that read HTML: every construct becomes a mark, is put back afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from jinja2 import Environment

_OPEN, _CLOSE = "\ue000", "\ue001"  # private use: in no template, and plain text to every HTML tool
_MARK = re.compile(_OPEN + r"(\d+)" + _CLOSE)
# Inside a tag, or inside an element that holds nothing but text: a comment would be no comment there.
_NO_COMMENT = re.compile(r"<[a-zA-Z/!][^<>]*$|<(title|textarea)[^<>]*>[^<]*$", re.IGNORECASE)
_ENDS = {
    "block_begin": "block_end",
    "variable_begin": "variable_end",
    "comment_begin": "comment_end",
    "raw_begin": "raw_end",
}


@dataclass(frozen=True)
class Masked:
    """A source with marks, and what each stands for."""

    text: str
    constructs: tuple[str, ...]

    def unmask(self, text: str, written: Callable[[str], re.Pattern[str]] | None = None) -> str:
        """The text with the constructs back."""
        pattern = written(r"(\d+)") if written else _MARK
        return pattern.sub(lambda match: self.constructs[int(next(filter(None, match.groups())))], text)


def split(env: Environment, source: str) -> list[tuple[str, bool]]:
    """The source in pieces, each with whether it is Jinja; together they are the source again."""
    pieces: list[tuple[str, bool]] = []
    until: str | None = None
    for _, kind, value in env.lex(source):
        if until is None and kind in _ENDS:
            until = _ENDS[kind]
            pieces.append((value, True))
        elif until is not None:
            pieces[-1] = (pieces[-1][0] + value, True)
            until = None if kind == until else until
        else:
            pieces.append((value, kind != "data"))
    return pieces


def mask_for_html(env: Environment, source: str) -> Masked:
    """Constructs between tags become comments, those inside tags bare words: both survive an HTML parser."""
    text, constructs = "", list[str]()
    for piece, is_jinja in split(env, source):
        if not is_jinja:
            text += piece
            continue
        number = len(constructs)
        constructs.append(piece)
        text += f"jinja{number}x" if _NO_COMMENT.search(text) else f"<!--jinja{number}x-->"
    return Masked(text, tuple(constructs))


def html_mark(number: str) -> re.Pattern[str]:
    """Comments, attributes without a value (which serialisers give an empty one), bare words."""
    return re.compile(rf'<!--jinja{number}x-->|jinja{number}x=""|jinja{number}x')


def mask_for_text(env: Environment, source: str) -> Masked:
    """Every construct becomes a word of private-use characters; comments vanish."""
    text, constructs = "", list[str]()
    for piece, is_jinja in split(env, source):
        if not is_jinja:
            text += piece
        elif not piece.startswith(env.comment_start_string):
            text += f"{_OPEN}{len(constructs)}{_CLOSE}"
            constructs.append(piece)
    return Masked(text, tuple(constructs))
