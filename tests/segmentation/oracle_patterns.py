"""Case folding and patterns for the oracle, letter by letter: no regular expressions, no tables of any library.

A pattern is matched by following all positions it may have come to. Like the oracle it imports nothing of Rapport's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from string import ascii_letters, digits
from typing import TypeAlias

Letters: TypeAlias = Callable[[str], bool]
Steps: TypeAlias = Callable[[str, set[int]], set[int]]  # a text, and where one may be in it: where one may be afterwards
CLASSES = {"d": set(digits), "w": set(ascii_letters + digits + "_"), "s": set(" \t\n\r\f\v")}


@lru_cache(maxsize=50_000)
def fold(text: str) -> str:
    return "".join(map(fold_letter, text))


def fold_letter(letter: str) -> str:
    """One letter for one letter."""
    for folded in (letter.casefold(), letter.lower()):
        if len(folded) == 1:
            return folded
    return letter


def found_in(pattern: str, text: str, folded: bool) -> bool:
    """Whether the pattern matches anywhere."""
    steps = parsed(pattern, folded)
    return bool(steps(fold(text) if folded else text, set(range(len(text) + 1))))


@cache
def parsed(pattern: str, folded: bool) -> Steps:
    reader = Reader(pattern, folded)
    steps = reader.either()
    assert reader.at == len(pattern), f"{pattern!r} goes on at {reader.at}"
    return steps


@dataclass
class Reader:
    """Reads a pattern from left to right."""

    pattern: str
    folded: bool
    at: int = 0

    def next(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        self.at += 1
        return self.pattern[self.at - 1]

    def either(self) -> Steps:
        ways = [self.sequence()]
        while self.next() == "|":
            self.take()
            ways.append(self.sequence())
        return lambda text, places: set().union(*(way(text, places) for way in ways))

    def sequence(self) -> Steps:
        parts: list[Steps] = []
        while self.next() and self.next() not in "|)":
            parts.append(self.repeated(self.atom()))

        def steps(text: str, places: set[int]) -> set[int]:
            for part in parts:
                places = part(text, places)
            return places

        return steps

    def atom(self) -> Steps:
        letter = self.take()
        if letter == "(":
            inner = self.either()
            assert self.take() == ")"
            return inner
        if letter == "^":
            return lambda text, places: places & {0}
        if letter == "$":
            return lambda text, places: places & {len(text)}
        letters = self.letters(letter)
        return lambda text, places: {at + 1 for at in places if at < len(text) and letters(text[at])}

    def letters(self, letter: str) -> Letters:
        if letter == ".":
            return lambda found: True
        if letter == "[":
            return self.one_of()
        if letter == "\\":
            return self.escaped(self.take())
        return self.exactly(letter)

    def escaped(self, letter: str) -> Letters:
        if letter.lower() not in CLASSES:
            return self.exactly(letter)
        wanted, positive = CLASSES[letter.lower()], letter.islower()
        return lambda found: (found in wanted) == positive

    def exactly(self, letter: str) -> Letters:
        wanted = fold_letter(letter) if self.folded else letter
        return lambda found: found == wanted

    def one_of(self) -> Letters:
        negative = self.next() == "^"
        if negative:
            self.take()
        members: list[Letters] = []
        while self.next() != "]":
            letter = self.take()
            if letter == "\\":
                members.append(self.escaped(self.take()))
            elif self.next() == "-" and self.pattern[self.at + 1] != "]":
                self.take()
                members.append(self.between(letter, self.take()))
            else:
                members.append(self.exactly(letter))
        self.take()
        return lambda found: any(member(found) for member in members) != negative

    def between(self, first: str, last: str) -> Letters:
        letters = {chr(code) for code in range(ord(first), ord(last) + 1)}
        wanted = set(map(fold_letter, letters)) if self.folded else letters
        return lambda found: found in wanted

    def repeated(self, part: Steps) -> Steps:
        if self.next() not in tuple("*+?{"):
            return part
        least, most = self.times()

        def steps(text: str, places: set[int]) -> set[int]:
            for _ in range(least):
                places = part(text, places)
            reached, turn = set(places), places
            for _ in range(len(text) + 1 if most is None else most - least):
                turn = part(text, turn) - reached
                reached |= turn
            return reached

        return steps

    def times(self) -> tuple[int, int | None]:
        sign = self.take()
        if sign != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        end = self.pattern.index("}", self.at)
        least, comma, most = self.pattern[self.at : end].partition(",")
        self.at = end + 1
        return int(least), int(most) if most else (None if comma else int(least))
