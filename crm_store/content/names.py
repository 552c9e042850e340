"""The names that a workspace's files give to campaigns, steps, offers and templates, for those who refer to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from crm_store.content.faults import Fault, Faults, Incomplete, did_you_mean
from crm_store.content.fields import text
from crm_store.content.nodes import Mapping, Node, Scalar, Sequence
from crm_store.content.sources import CAMPAIGNS, TEMPLATES, Sources


@dataclass(frozen=True)
class Names:
    """What is called what. `checked` False: everything goes, because it was checked when it was published."""

    campaigns: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    offers: frozenset[str] = frozenset()
    templates: frozenset[str] = frozenset()
    checked: bool = True

    def known(self, node: Node, what: str, where: str) -> str:
        """The name written there, one of the set `where` (a field of this class). Raises a Fault."""
        name, names = text(node), getattr(self, where)
        if self.checked and name not in names:
            raise Fault(node.place, f"{what} '{name}' is in no file of this workspace{did_you_mean(name, names)}")
        return name


UNCHECKED = Names(checked=False)


def read_names(sources: Sources) -> Names:
    """The names in the files as they are; their faults are reported by whoever loads them."""
    roots = {name: root for name, path in sources.names(CAMPAIGNS) if (root := _root(sources, path)) is not None}
    names = {name for name, _ in sources.names(CAMPAIGNS)}
    offers = (name for root in roots.values() for name in _keys(root.get("offers")))
    steps = (name for root in roots.values() for name in _steps(root.get("steps")))
    return Names(frozenset(names), frozenset(steps), frozenset(offers), frozenset(_templates(sources.files)))


def _root(sources: Sources, path: str) -> Mapping | None:
    try:
        return sources.parse(path, Faults())
    except Incomplete:
        return None


def _keys(node: Node | None) -> tuple[str, ...]:
    return node.names() if isinstance(node, Mapping) else ()


def _steps(node: Node | None) -> Iterator[str]:
    """The names of the sends at any depth: their `name`, or else the template's."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _steps(item)
    elif isinstance(node, Mapping):
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
