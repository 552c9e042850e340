"""Segment files: title, question, owner, who, examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from crm_store.content.faults import Fault, Faults, Incomplete, Place
from crm_store.content.fields import Fields, sure, text
from crm_store.content.names import Names
from crm_store.content.nodes import Node
from crm_store.content.places import load_places
from crm_store.content.sources import SEGMENTS, Sources
from crm_store.content.vocabulary import Vocabulary
from crm_store.segmentation.conditions import read_condition
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.example import Example, read_examples
from crm_store.segmentation.language import Language


@dataclass(frozen=True)
class Segment:
    """A named condition on customers."""

    name: str
    title: str
    question: str | None
    owner: str | None
    who: Condition
    examples: tuple[Example, ...]
    place: Place
    was: str | None = None  # its name before

    def sentence(self) -> str:
        return f"Customers for whom {self.who.sentence()}."


def load_segments(
    sources: Sources, vocabulary: Vocabulary, faults: Faults, names: Names | None = None
) -> dict[str, Segment]:
    """Every segment that can be read, by name; the faults of the others are collected.

    `names`: those that conditions may refer to, unless said those of the files.
    """
    paths = dict(sources.names(SEGMENTS))
    places = faults.attempt(load_places, sources, faults) or {}
    language = Language(vocabulary, faults, frozenset(paths), names=names or Names(sources), places=places)
    read = {name: faults.attempt(_load, name, path, sources, replace(language, file=name)) for name, path in paths.items()}
    segments = {name: segment for name, segment in read.items() if segment is not None}
    for name in sorted(segments):
        faults.attempt(_refuse_cycle, name, segments)
    return segments


def _load(name: str, path: str, sources: Sources, language: Language) -> Segment:
    root = sources.parse(path, language.faults)
    fields = Fields(root, language.faults, "a segment")
    title = fields.get("title", text, name)
    question, owner = fields.maybe("question", text), fields.maybe("owner", text)
    who = fields.need("who", lambda node: read_condition(node, language))
    examples = fields.several("examples", lambda node: read_examples(node, language))
    was = fields.maybe("was", lambda node: _was(node, language))
    fields.close()
    return Segment(name, title, question, owner, sure(who), examples, root.place, was)


def _was(node: Node, language: Language) -> str:
    """The name a segment had before; nothing may have it now."""
    name = text(node)
    if name in language.segments:
        raise Fault(node.place, f"segment '{name}' is still there; remove its file, or take `was` out")
    return name


def _refuse_cycle(name: str, segments: Mapping[str, Segment]) -> None:
    path = _way_back(name, name, segments, (name,))
    if path and min(path) == name:  # one fault a cycle, at its first name
        raise Fault(segments[name].place, "a segment can't be part of itself: " + " -> ".join(path))


def _way_back(start: str, at: str, segments: Mapping[str, Segment], path: tuple[str, ...]) -> tuple[str, ...] | None:
    for name in segments[at].who.embedded() if at in segments else ():
        if name == start:
            return (*path, name)
        if name not in path:
            found = _way_back(start, name, segments, (*path, name))
            if found:
                return found
    return None


def closure(names: set[str], segments: Mapping[str, Segment]) -> set[str]:
    """The segments of these names and all that they refer to."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            if name not in segments:
                raise Incomplete
            found.add(name)
            todo.extend(segments[name].who.segments())
    return found
