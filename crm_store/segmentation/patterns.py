"""The regular expressions of `matches`: a subset that means the same on both databases, rewritten for each.

Literals, `.`, classes, groups, alternation, `* + ? {m,n}`, `^`, `$`, and ASCII `\\d \\w \\s` with their opposites. Whatever
else there is - lazy or possessive quantifiers, look-around, back-references - is refused, and so is repetition within
repetition, which takes forever on some texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MOST_REPEATS = 100
MOST_CHARACTERS = 500
SHORTHANDS = {"d": "0-9", "w": "A-Za-z0-9_", "s": " \t\n\r\f\v"}
# A range of more characters than this is folded as it stands.
_FOLDABLE = 5_000

Ranges = tuple[tuple[int, int], ...]
Fold = Callable[[str], str]


class Unreadable(ValueError):
    """The pattern is outside the subset; the text says what and where."""


@dataclass(frozen=True)
class Characters:
    """One character of a set; `negated`: one that is not in it (of an empty one: any character, newlines too)."""

    ranges: Ranges
    negated: bool = False


@dataclass(frozen=True)
class Edge:
    """`^` or `$`: the start or end of the text."""

    sign: str


@dataclass(frozen=True)
class Repeat:
    """A part so many times; `most` None: without bound."""

    part: Part
    least: int
    most: int | None


@dataclass(frozen=True)
class Chain:
    """Parts one after the other."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Choice:
    """One of several parts."""

    parts: tuple[Part, ...]


Part = Characters | Edge | Repeat | Chain | Choice


@dataclass(frozen=True)
class Pattern:
    """A pattern as it was written, and understood."""

    written: str
    root: Part

    def python(self) -> str:
        """For Python's `re`, without flags."""
        return _write(self.root, {"^": r"\A", "$": r"\Z", ".": r"[\s\S]"})

    def postgresql(self) -> str:
        """For PostgreSQL's advanced regular expressions."""
        return _write(self.root, {"^": "^", "$": "$", ".": "."})

    def folded(self, fold: Fold) -> Pattern:
        """The same on texts whose characters have been folded."""
        return Pattern(self.written, _folded(self.root, fold))


def read_pattern(written: str) -> Pattern:
    """Raises Unreadable."""
    if len(written) > MOST_CHARACTERS:
        raise Unreadable(f"is longer than {MOST_CHARACTERS} characters")
    reader = _Reader(written)
    root = reader.choice()
    if reader.rest:
        raise Unreadable("has a ')' without its '('")
    return Pattern(written, root)


class _Reader:
    """Recursive descent over the pattern."""

    def __init__(self, written: str) -> None:
        self.rest = written

    def choice(self) -> Part:
        chains = [self._chain()]
        while self._take("|"):
            chains.append(self._chain())
        return chains[0] if len(chains) == 1 else Choice(tuple(chains))

    def _chain(self) -> Part:
        parts: list[Part] = []
        while self.rest and self.rest[0] not in "|)":
            parts.append(self._repeated(self._single()))
        return Chain(tuple(parts))

    def _single(self) -> Part:
        sign = self._next()
        if sign in "^$":
            return Edge(sign)
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._class()
        if sign in "*+?{":
            raise Unreadable(f"has a '{sign}' with nothing before it to repeat")
        if sign in "]}":
            raise Unreadable(f"has a '{sign}' that closes nothing; write \\{sign}")
        if sign == ".":
            return Characters((), negated=True)
        return self._escaped() if sign == "\\" else Characters(((ord(sign), ord(sign)),))

    def _group(self) -> Part:
        if self.rest.startswith("?"):
            raise Unreadable("has '(?', which is not in the subset; write a plain group")
        inner = self.choice()
        if not self._take(")"):
            raise Unreadable("has a '(' without its ')'")
        return inner

    def _escaped(self) -> Characters:
        sign = self._next("a backslash at its end")
        if sign.lower() in SHORTHANDS:
            return Characters(_shorthand(sign.lower()), negated=sign.isupper())
        return _plain(_literal(sign))

    def _class(self) -> Characters:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            ranges.extend(self._member())
        if not ranges:
            raise Unreadable("has an empty class '[]'")
        return Characters(tuple(ranges), negated)

    def _member(self) -> Ranges:
        low = self._class_sign()
        if isinstance(low, tuple):
            return low
        if not self.rest.startswith("-") or self.rest.startswith("-]"):
            return ((low, low),)
        self._next()
        high = self._class_sign()
        if isinstance(high, tuple) or high < low:
            raise Unreadable("has a range in a class that goes backwards, or to a shorthand")
        return ((low, high),)

    def _class_sign(self) -> int | Ranges:
        sign = self._next("a '[' without its ']'")
        if sign == "[":
            raise Unreadable("has a '[' in a class; write \\[")
        if sign != "\\":
            return ord(sign)
        escaped = self._next("a backslash at its end")
        return _shorthand(escaped) if escaped in SHORTHANDS else ord(_literal(escaped))

    def _repeated(self, part: Part) -> Part:
        bounds = self._bounds()
        if bounds is None:
            return part
        if isinstance(part, Edge):
            raise Unreadable(f"repeats '{part.sign}', which stands in one place only")
        if bounds[1] is None and not _is_simple(part):
            raise Unreadable("repeats a group without bound that itself repeats or has alternatives; give it a bound {m,n}")
        if self.rest[:1] in ("*", "+", "?", "{"):
            raise Unreadable(f"has '{self.rest[0]}' after a repetition; lazy and possessive ones are not in the subset")
        return Repeat(part, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        return self._braces() if self._take("{") else None

    def _braces(self) -> tuple[int, int | None]:
        match = re.match(r"(\d{1,3})(,(\d{1,3})?)?\}", self.rest)
        if not match:
            raise Unreadable("has a '{' that begins no repetition such as {2} or {2,5}; write \\{")
        self.rest = self.rest[match.end() :]
        least = int(match[1])
        most = least if not match[2] else int(match[3]) if match[3] else None
        if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
            raise Unreadable(f"has a repetition that is backwards or over {MOST_REPEATS}")
        return least, most

    def _take(self, sign: str) -> bool:
        found = self.rest.startswith(sign)
        if found:
            self.rest = self.rest[1:]
        return found

    def _next(self, otherwise: str = "an end too early") -> str:
        if not self.rest:
            raise Unreadable(f"has {otherwise}")
        sign, self.rest = self.rest[0], self.rest[1:]
        return sign


def _literal(sign: str) -> str:
    """What a backslash takes its meaning from."""
    if sign.isascii() and sign.isalnum():
        raise Unreadable(f"has '\\{sign}', which is not in the subset")
    return sign


def _plain(sign: str) -> Characters:
    return Characters(((ord(sign), ord(sign)),))


def _shorthand(name: str) -> Ranges:
    if name == "s":
        return tuple((ord(sign), ord(sign)) for sign in SHORTHANDS["s"])
    return tuple((ord(low), ord(high)) for low, high in re.findall("(.)-(.)", SHORTHANDS[name])) + (
        ((ord("_"), ord("_")),) if name == "w" else ()
    )


def _is_simple(part: Part) -> bool:
    """Whether it can be repeated without bound in a time that grows with the text only."""
    if isinstance(part, (Choice, Edge)):
        return False
    if isinstance(part, Repeat):
        return part.most == part.least and _is_simple(part.part)
    return all(_is_simple(one) for one in part.parts) and bool(part.parts) if isinstance(part, Chain) else True


def _write(part: Part, signs: dict[str, str]) -> str:
    if isinstance(part, Characters):
        return _write_characters(part) if part.ranges else signs["."]
    if isinstance(part, Edge):
        return signs[part.sign]
    if isinstance(part, Repeat):
        bounds = f"{{{part.least},{'' if part.most is None else part.most}}}"
        return f"(?:{_write(part.part, signs)}){bounds}"
    if isinstance(part, Chain):
        return "".join(_write(one, signs) for one in part.parts)
    return "(?:" + "|".join(_write(one, signs) for one in part.parts) + ")"


def _write_characters(part: Characters) -> str:
    if not part.negated and len(part.ranges) == 1 and part.ranges[0][0] == part.ranges[0][1]:
        return _sign(part.ranges[0][0])
    inner = "".join(_sign(low) if low == high else f"{_sign(low)}-{_sign(high)}" for low, high in part.ranges)
    return f"[{'^' if part.negated else ''}{inner}]"


def _sign(code: int) -> str:
    sign = chr(code)
    return f"\\{sign}" if sign.isascii() and sign.isprintable() and not sign.isalnum() and sign not in " _" else sign


def _folded(part: Part, fold: Fold) -> Part:
    if isinstance(part, Characters):
        return Characters(_merged(_fold_ranges(part.ranges, fold)), part.negated)
    if isinstance(part, Repeat):
        return Repeat(_folded(part.part, fold), part.least, part.most)
    if isinstance(part, (Chain, Choice)):
        return type(part)(tuple(_folded(one, fold) for one in part.parts))
    return part


def _fold_ranges(ranges: Ranges, fold: Fold) -> Iterable[tuple[int, int]]:
    for low, high in ranges:
        if high - low > _FOLDABLE:
            yield low, high
        for code in range(low, min(high, low + _FOLDABLE) + 1):
            folded = ord(fold(chr(code)))
            yield folded, folded


def _merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same characters in as few ranges as can be."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(set(ranges)):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)
