"""In which order statements set and read names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jinja2 import nodes

from outreach.rendering.splitting.walking import names_in


def set_names(body: Sequence[nodes.Node]) -> list[str]:
    """The names that statements set in the scope they stand in, each once."""
    return list(dict.fromkeys(name for node in _in_order(body) for name in _set_by(node)))


def read_before_set(body: Sequence[nodes.Node]) -> set[str]:
    """The names that are read further up than where the scope of these statements sets them. A block reads for itself."""
    read, done, found = set[str](), set[str](), set[str]()
    for node in _in_order(body):
        names, reads = set(_set_by(node)), _read_by(node)
        if isinstance(node, nodes.AssignBlock | nodes.Macro):  # which have a scope of their own, inside
            read |= reads
        found |= (names & read) - done
        done |= names
        read |= reads
    return found


def _read_by(node: nodes.Node) -> set[str]:
    if isinstance(node, nodes.Block):
        return set()
    return {name.name for name in names_in(node) if name.ctx == "load"}


def _in_order(body: Sequence[nodes.Node]) -> Iterator[nodes.Node]:
    """The statements, with those of conditions in their place, behind what is asked."""
    for node in body:
        if isinstance(node, nodes.If):
            yield node.test
            yield from _in_order([*node.body, *node.elif_, *node.else_])
        else:
            yield node


def _set_by(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Assign | nodes.AssignBlock) and not isinstance(node.target, nodes.NSRef):
        named = [node.target] if isinstance(node.target, nodes.Name) else node.target.find_all(nodes.Name)
        yield from (one.name for one in named)
    elif isinstance(node, nodes.Macro):
        yield node.name
    elif isinstance(node, nodes.Import):
        yield node.target
    elif isinstance(node, nodes.FromImport):
        yield from (name[1] if isinstance(name, tuple) else name for name in node.names)
