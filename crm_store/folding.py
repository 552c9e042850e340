"""Unicode simple case folding for SQLite and operands, as PostgreSQL 18's `casefold` does it in collation `pg_c_utf8`.

Every character folds to one: ẞ to ß, but ß not to ss. Letters that are newer than this Python's Unicode stay as they are.
"""

from __future__ import annotations

# In CaseFolding.txt of Unicode with status S, but not what Python's `casefold` or `lower` make of a single character.
_SIMPLE = {"\u1fd3": "\u0390", "\u1fe3": "\u03b0", "\ufb05": "\ufb06"}


class _Table(dict[int, str]):
    """Folds of characters, worked out when they are first met."""

    def __missing__(self, code: int) -> str:
        self[code] = _fold(chr(code))
        return self[code]


def fold(text: str) -> str:
    """The text with every character folded; as long as it was."""
    return text.lower() if text.isascii() else text.translate(_TABLE)


def _fold(sign: str) -> str:
    for folded in (_SIMPLE.get(sign, ""), sign.casefold(), sign.lower()):
        if len(folded) == 1:
            return folded
    return sign


_TABLE = _Table()
