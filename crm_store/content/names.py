"""The names that a workspace's files give to campaigns, steps, offers and templates, for those who refer to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from crm_store.content.faults import Fault, Faults, Incomplete, did_you_mean
from crm_store.content.fields import text
from crm_store.content.nodes import Mapping as MappingNode
from crm_store.content.nodes import Node, Scalar, Sequence
from crm_store.content.sources import CAMPAIGNS, TEMPLATES, Sources


@dataclass(frozen=True)
class Names:
    """What is called what in a workspace's files, worked out when it is asked; their faults are reported by who loads them.

    Without sources everything goes: what is published was checked when it was published.
    """

    sources: Sources | None

    @cached_property
    def campaigns(self) -> frozenset[str]:
        return frozenset(self._roots)

    @cached_property
    def offers(self) -> frozenset[str]:
        return frozenset(name for root in self._roots.values() if root for name in _keys(root.get("offers")))

    @cached_property
    def steps(self) -> frozenset[str]:
        return frozenset(name for root in self._roots.values() if root for name in _steps(root.get("steps")))

    @cached_property
    def templates(self) -> frozenset[str]:
        return frozenset(_templates(self.sources.files)) if self.sources else frozenset()

    @cached_property
    def _roots(self) -> Mapping[str, MappingNode | None]:
        """Campaign files by name; None for one that can't be read."""
        sources = self.sources
        return {name: _root(sources, path) for name, path in sources.names(CAMPAIGNS)} if sources else {}

    def known(self, node: Node, what: str, where: str) -> str:
        """The name written there, one of the set `where` (a field of this class). Raises a Fault."""
        name = text(node)
        names: frozenset[str] = getattr(self, where) if self.sources else frozenset((name,))
        if name not in names:
            raise Fault(node.place, f"{what} '{name}' is in no file of this workspace{did_you_mean(name, names)}")
        return name


UNCHECKED = Names(None)


def _root(sources: Sources, path: str) -> MappingNode | None:
    try:
        return sources.parse(path, Faults())
    except Incomplete:
        return None


def _keys(node: Node | None) -> tuple[str, ...]:
    return node.names() if isinstance(node, MappingNode) else ()


def _steps(node: Node | None) -> Iterator[str]:
    """The names of the sends at any depth: their `name`, or else the template's."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _steps(item)
    elif isinstance(node, MappingNode):
        name = node.get("name") or node.get("send")
        if node.get("send") is not None and isinstance(name, Scalar):
            yield name.text
        for _, value in node.entries:
            yield from _steps(value)


def _templates(paths: Iterable[str]) -> Iterator[str]:
    """Folders directly below templates/ that hold a mail."""
    for path in map(PurePosixPath, paths):
        if len(path.parts) == 3 and path.parts[0] == TEMPLATES and path.name == "subject.j2":
            yield path.parts[1]
