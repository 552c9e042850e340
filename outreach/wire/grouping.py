"""Dividing things into groups that may be large, but hold no two that must be apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def grouped(
    things: Sequence[T], alike: Callable[[T], object], apart: Callable[[T], Hashable], most: int
) -> Iterator[list[T]]:
    """Groups of at most `most`, each of things of the same `alike` and of different `apart`, in their order otherwise."""
    open_groups: dict[object, list[dict[Hashable, T]]] = {}
    for thing in things:
        groups = open_groups.setdefault(alike(thing), [])
        where = apart(thing)
        group = next((one for one in groups if where not in one), None)
        if group is None:
            group = {}
            groups.append(group)
        group[where] = thing
        if len(group) == most:
            groups.remove(group)
            yield list(group.values())
    for groups in open_groups.values():
        yield from (list(group.values()) for group in groups)
