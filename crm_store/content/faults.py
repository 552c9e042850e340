"""Faults in content files: collected, so that an author sees all of them at once, each as `file:line: what`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, order=True)
class Place:
    """Where something stands: a file, relative to the workspace, and a line counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Placed(Protocol):
    """What stands somewhere: a node."""

    @property
    def place(self) -> Place: ...


class Fault(Exception):
    """One thing wrong at one place."""

    def __init__(self, place: Place, what: str) -> None:
        super().__init__(f"{place}: {what}")
        self.place = place
        self.what = what

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fault) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class Unnamed(Fault):
    """What is wrong with a node, from a reader that does not know under which key it stands: `must be a list`."""

    def __init__(self, node: Placed, what: str) -> None:
        super().__init__(node.place, what)
        self.node = node


class Incomplete(Exception):
    """What was being read can't be built because of faults that are already collected."""


class SeveralFaults(Exception):
    """Several things wrong in one value."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class Faults:
    """A growing list of faults."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, place: Place, what: str) -> None:
        self.found.append(Fault(place, what))

    def attempt(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What `read` returns, or None when it has raised a fault, which is kept."""
        try:
            return read(*args, **kwargs)
        except Fault as fault:
            self.found.append(fault)
        except SeveralFaults as several:
            self.found.extend(several.faults)
        except Incomplete:
            pass
        return None

    def each(self, read: Callable[[S], T], values: Iterable[S]) -> tuple[T, ...]:
        """`read` of every value, so that all their faults are collected; Incomplete if any had one."""
        results = [self.attempt(read, value) for value in values]
        if any(result is None for result in results):
            raise Incomplete
        return tuple(result for result in results if result is not None)


def every(read: Callable[[S], T], values: Iterable[S]) -> tuple[T, ...]:
    """`read` of every value. Raises SeveralFaults with all of theirs."""
    faults = Faults()
    try:
        return faults.each(read, values)
    except Incomplete:
        raise SeveralFaults(faults.found) from None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known word, or a list of a few, or that there are none, or nothing."""
    known = sorted(known)
    if not known:
        return "; there are none yet"
    few = f"; known are: {', '.join(known)}" if 0 < len(known) <= 12 else ""
    return nearest(word, known) or few


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known word, or nothing."""
    known = sorted(known)
    near = get_close_matches(word, known, n=1, cutoff=0.6) or get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""
