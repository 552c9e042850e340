"""Hiding Jinja from tools that read HTML: every construct becomes a mark, is put back afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from jinja2 import Environment
from jinja2.lexer import newline_re

# Private use: in no template, and plain text to every HTML tool.
_OPEN, _CLOSE, _OPEN_URL = "\ue000", "\ue001", "\ue003"
_MARK = re.compile(_OPEN + r"(\d+)" + _CLOSE)
URL_MARK = re.compile(_OPEN_URL + r"(\d+)" + _CLOSE)
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
    """The source in pieces, each with whether it is Jinja; together they are the source again (its lines ending in \\n)."""
    source, at = "\n".join(newline_re.split(source)[::2]), 0
    pieces: list[tuple[str, bool]] = []
    until: str | None = None
    for _, kind, value in env.lex(source):
        begins = source.index(value, at)
        if begins > at:  # white space that the lexer takes away before `{%-`
            pieces.append((source[at:begins], False))
        if until is None:
            until = _ENDS.get(kind)
            pieces.append((value, until is not None))
        else:
            pieces[-1] = (pieces[-1][0] + value, True)
            until = None if kind == until else until
        at = begins + len(value)
    return [*pieces, (source[at:], False)]


def mask_for_html(env: Environment, source: str) -> Masked:
    """Constructs between tags become comments, those inside tags bare words: both survive an HTML parser."""
    text, constructs = "", list[str]()
    for piece, is_jinja in split(env, source):
        if not is_jinja:
            text += piece
            continue
        number = len(constructs)
        constructs.append(piece)
        text += f"jinja{number}x" if _in_comment(text) or _NO_COMMENT.search(text) else f"<!--jinja{number}x-->"
    return Masked(text, tuple(constructs))


def _in_comment(text: str) -> bool:
    """Comments do not nest. Outlook's `<!--[if mso]> .. <![endif]-->` are some."""
    return text.rfind("<!--") > text.rfind("-->")


def html_mark(number: str) -> re.Pattern[str]:
    """Comments, attributes without a value (which serialisers give an empty one), bare words."""
    return re.compile(rf'<!--jinja{number}x-->|jinja{number}x=""|jinja{number}x')


def mask_for_text(env: Environment, source: str) -> Masked:
    """Every construct becomes a word of private-use characters; comments too, for `{#- -#}` eats white space."""
    text, constructs = "", list[str]()
    for piece, is_jinja in split(env, source):
        if not is_jinja:
            text += piece
        else:
            text += f"{_OPEN}{len(constructs)}{_CLOSE}"
            constructs.append(piece)
    return Masked(text, tuple(constructs))


def url_mark(number: int) -> str:
    return f"{_OPEN_URL}{number}{_CLOSE}"
