"""YAML as plain nodes that know their place.

Every scalar is text as it was written: YAML's own guesses (`NO` is false, `10:00` is 600, `01067` is octal) never
happen, because the words of the language and the vocabulary decide what a text means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import yaml

from crm_store.content.faults import Fault, Faults, Incomplete, Place

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Scalar:
    """A text as written; `empty` when nothing stands there (`key:` or `key: ~`)."""

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
    """The mapping a content file consists of. Raises Incomplete with the faults collected if it is not one."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        faults.add(Place(file, mark.line + 1 if mark else 1), f"not YAML: {error.problem or error.context}")
        raise Incomplete from error
    except yaml.YAMLError as error:
        faults.add(Place(file, 1), f"not YAML: {str(error).splitlines()[0]}")
        raise Incomplete from error
    node = faults.attempt(_convert, root, file, faults) if root else Mapping((), Place(file, 1))
    if node is None:
        raise Incomplete
    if not isinstance(node, Mapping):
        faults.add(node.place, "the file must consist of `key: value` lines")
        raise Incomplete
    return node


def _convert(node: yaml.Node, file: str, faults: Faults) -> Node:
    place = Place(file, node.start_mark.line + 1)
    if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.startswith("tag:yaml.org,2002:python"):
        raise Fault(place, f"tag {node.tag} is not allowed; write plain text")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, file, faults)
    if isinstance(node, yaml.SequenceNode):
        return Sequence(faults.each(lambda item: _convert(item, file, faults), node.value), place)
    empty = node.tag == "tag:yaml.org,2002:null"
    return Scalar("" if empty else node.value, place, empty)


def _mapping(node: yaml.MappingNode, place: Place, file: str, faults: Faults) -> Mapping:
    entries: list[tuple[Scalar, Node]] = []
    seen: dict[str, int] = {}
    complete = True
    for key_node, value_node in node.value:
        key, value = _key(key_node, file, faults), faults.attempt(_convert, value_node, file, faults)
        if key is None or value is None:
            complete = False
        elif key.text in seen:
            faults.add(key.place, f"'{key.text}' stands here twice (first in line {seen[key.text]}); keep one")
            complete = False
        else:
            seen[key.text] = key.place.line
            entries.append((key, value))
    if not complete:
        raise Incomplete
    return Mapping(tuple(entries), place)


def _key(node: yaml.Node, file: str, faults: Faults) -> Scalar | None:
    place = Place(file, node.start_mark.line + 1)
    if not isinstance(node, yaml.ScalarNode):
        faults.add(place, "a key must be a plain word")
        return None
    return Scalar(node.value, place)
