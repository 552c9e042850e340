"""What a program reads of each mail's values, fetched once under names of its own.

A template looks every value up where it prints it, through the sandbox, and takes a copy of all that a mail may say to do
so. A program's `customer.city` is one of the names that it is given instead, so that nothing else has to be made ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from outreach.rendering.environment import AS_THEY_ARE, READS, is_field, readable_value

_BY_FILTERS = frozenset(name for names in READS.values() for name in names)


@dataclass(frozen=True)
class Reading:
    """`fields`: by what they are of, the name that each is given, the field, and its path in templates; `whole`: what is
    read as it is."""

    fields: Mapping[str, Sequence[tuple[str, str, str]]]
    whole: Sequence[str]

    def values(self, of_mail: Mapping[str, Any]) -> dict[str, Any] | None:
        """By the names of the program; None for a mail that has nothing to read a field of: there Jinja says what comes of
        it. A field that is not there is an unknown name in the program, as it is in the template."""
        found = {name: readable_value(of_mail[name], name) for name in self.whole}
        for of, fields in self.fields.items():
            known = of_mail[of]
            if not isinstance(known, dict):
                return None
            for name, one, path in fields:
                if one in known:
                    value = known[one]
                    found[name] = value if type(value) in AS_THEY_ARE else readable_value(value, path)
        return found


class _Fields(NodeTransformer):
    """Puts names in the place of fields."""

    def __init__(self, of: Iterable[str]) -> None:
        self.names: dict[tuple[str, str], str] = {}
        self.of = frozenset(of)

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:
        inside = node.node
        if not isinstance(inside, nodes.Name) or inside.name not in self.of or not is_field(node.attr):
            self.generic_visit(node)
            return node
        name = self.names.setdefault((inside.name, node.attr), f"_{inside.name}_{node.attr}")
        return nodes.Name(name, "load").set_lineno(node.lineno)


def read_once(program: nodes.Node, of_each: Iterable[str]) -> Reading:
    """Change the program so that it reads the fields of these by names of their own."""
    found = {name: {one.ctx for one in program.find_all(nodes.Name) if one.name == name} for name in of_each}
    fields = _Fields(name for name, uses in found.items() if uses <= {"load"})
    fields.visit(program)
    by_owner: dict[str, list[tuple[str, str, str]]] = {}
    for (of, one), name in fields.names.items():
        by_owner.setdefault(of, []).append((name, one, f"{of}.{one}"))
    named = {one.name for one in program.find_all(nodes.Name)}
    return Reading(by_owner, sorted((named | _BY_FILTERS) & found.keys()))
