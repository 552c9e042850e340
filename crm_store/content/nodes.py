"""YAML as plain nodes that know their place.

Every scalar is text as it was written: YAML's own guesses (`NO` is false, `10:00` is 600, `01067` is octal) never
happen, because the words of the language and the vocabulary decide what a text means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from crm_store.content.faults import Fault, Faults, Incomplete, Place

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DEEPEST = 40


@dataclass(frozen=True)
class Scalar:
    """A text as written; `empty` when nothing stands there (`key:` or `key: ~`). `null` is a text: somebody's name."""

    text: str
    place: Place
    empty: bool = False


@dataclass(frozen=True)
class Mapping:
    """`key: value` lines, in file order; keys are unique."""

    entries: tuple[tuple[Scalar, Node], ...]
    place: Place

    def get(self, key: str) -> Node | None:
        return next((value for name, value in self.entries if name.text == key), None)

    def names(self) -> tuple[str, ...]:
        return tuple(name.text for name, _ in self.entries)


@dataclass(frozen=True)
class Sequence:
    """A YAML list."""

    items: tuple[Node, ...]
    place: Place


Node: TypeAlias = Scalar | Mapping | Sequence


def parse(text: str, file: str, faults: Faults) -> Mapping:
    """The mapping a content file consists of. Of a doubled key the first stands, so that the rest can be checked too.

    Raises Incomplete if there is no telling what the file says; its faults are collected either way.
    """
    building = _Building(file, faults, yaml.parse(text, Loader=_Loader))
    try:
        node = building.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        faults.add(Place(file, mark.line + 1 if mark else 1), f"not YAML: {_in_words(error, text)}")
        raise Incomplete from error
    except yaml.YAMLError as error:
        faults.add(Place(file, 1), f"not YAML: {str(error).splitlines()[0]}")
        raise Incomplete from error
    except Fault as fault:
        faults.found.append(fault)
        raise Incomplete from fault
    if building.broken:
        raise Incomplete
    return node


def _in_words(error: yaml.MarkedYAMLError, text: str) -> str:
    """What YAML's words mean to somebody who writes a file, and what to do about it."""
    said, mark, began = error.problem or error.context or "", error.problem_mark, error.context_mark
    if mark is not None and "cannot start any token" in said:
        found = text.splitlines()[mark.line][mark.column]
        return "a tab stands here; use spaces" if found == "\t" else f"a text can't begin with {found}; put it in quotes"
    if began is not None and "unexpected end of stream" in said:
        return f"a quote that begins in line {began.line + 1} is not closed; close it"
    if "mapping values are not allowed" in said:
        return "a second `: ` stands in the line; put the text in quotes, or `{}` around a mapping"
    if "did not find expected" in said:
        return f"{said}; is the line indented as those it belongs to, and is every bracket and quote closed?"
    return said


class _Building:
    """From YAML's events to nodes, with the faults of a file collected.

    PyYAML's own tree is not used: making it crashes on bottomless nesting, and it unfolds aliases.
    """

    def __init__(self, file: str, faults: Faults, events: Iterator[yaml.Event]) -> None:
        self._file = file
        self._faults = faults
        self._events = events
        self.broken = False

    def document(self) -> Mapping:
        """The one mapping of the file, empty if nothing stands there. Raises Fault if it is not one."""
        found: list[Node] = []
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent) and found:
                raise Fault(self._place(event), "a second document (`---`) begins; keep one, or make it a file of its own")
            if isinstance(event, yaml.NodeEvent):
                found.append(self._node(event, 1))
        if not found or (isinstance(found[0], Scalar) and found[0].empty):
            return Mapping((), Place(self._file, 1))
        if not isinstance(found[0], Mapping):
            raise Fault(found[0].place, "the file must consist of `key: value` lines")
        return found[0]

    def _node(self, event: yaml.Event, depth: int) -> Node:
        place = self._place(event)
        if isinstance(event, yaml.AliasEvent):
            self._refuse(place, f"alias *{event.anchor} is not allowed; write it out")
            return Scalar("", place, empty=True)
        if tag := getattr(event, "tag", None):
            self._faults.add(place, f"tag {tag} is not allowed; write plain text")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        if depth > DEEPEST:
            raise Fault(place, f"is nested deeper than {DEEPEST} levels; name a part of it as a segment of its own")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place, depth)
        return Sequence(tuple(self._node(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)), place)

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Scalar:
        if "\x00" in event.value:
            self._faults.add(place, "holds a NUL character; take it out")
        empty = not event.style and event.value in ("", "~")
        return Scalar("" if empty else event.value, place, empty)

    def _mapping(self, place: Place, depth: int) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        for event in self._until(yaml.MappingEndEvent):
            key, value = self._key(event, depth), self._node(next(self._events), depth + 1)
            if key.text in entries:
                first = entries[key.text][0].place.line
                self._faults.add(key.place, f"'{key.text}' stands here twice (first in line {first}); keep one")
            else:
                entries[key.text] = (key, value)
        return Mapping(tuple(entries.values()), place)

    def _key(self, event: yaml.Event, depth: int) -> Scalar:
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, self._place(event))
        node = self._node(event, depth + 1)
        self._refuse(node.place, "a key must be a plain word")
        return Scalar("", node.place)

    def _place(self, event: yaml.Event) -> Place:
        return Place(self._file, event.start_mark.line + 1 if event.start_mark else 1)

    def _refuse(self, place: Place, what: str) -> None:
        """A fault after which there is no telling what the file says."""
        self._faults.add(place, what)
        self.broken = True
