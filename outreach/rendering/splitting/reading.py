"""What a program reads of each mail's values, fetched once under names of its own.

A template looks every value up where it prints it, through the sandbox, and takes a copy of all that a mail may say to do
so. A program's `customer.city` is one of the names that it is given instead, so that nothing else has to be made ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from operator import is_
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from outreach.rendering.environment import AS_THEY_ARE, READS, is_field, readable_value
from outreach.rendering.splitting.walking import names_in

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
    """Puts names in the place of fields, in a copy of what is changed."""

    def __init__(self, of: Iterable[str]) -> None:
        self.names: dict[tuple[str, str], str] = {}
        self.of = frozenset(of)

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:
        inside = node.node
        if not isinstance(inside, nodes.Name) or inside.name not in self.of or not is_field(node.attr):
            return self.generic_visit(node)
        name = self.names.setdefault((inside.name, node.attr), f"_{inside.name}_{node.attr}")
        return nodes.Name(name, "load").set_lineno(node.lineno)

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        fields = {name: (value, self._visited(value)) for name, value in node.iter_fields()}
        changed = {name: new for name, (old, new) in fields.items() if new is not old}
        if not changed:
            return node
        made = copy(node)
        vars(made).update(changed)
        return made

    def _visited(self, value: Any) -> Any:
        if isinstance(value, nodes.Node):
            return self.visit(value)
        if isinstance(value, list):
            new = [self._visited(one) for one in value]
            return value if all(map(is_, new, value)) else new
        return value


def read_once(program: nodes.Node, of_each: Iterable[str]) -> tuple[nodes.Node, Reading]:
    """The program that reads the fields of these by names of their own, and how they are found."""
    found: dict[str, set[str]] = {name: set() for name in of_each}
    for one in names_in(program):
        if one.name in found:
            found[one.name].add(one.ctx)
    fields = _Fields(name for name, uses in found.items() if uses <= {"load"})
    made = fields.visit(program)
    by_owner: dict[str, list[tuple[str, str, str]]] = {}
    for (of, field), name in fields.names.items():
        by_owner.setdefault(of, []).append((name, field, f"{of}.{field}"))
    named = {one.name for one in names_in(made)}
    return made, Reading(by_owner, sorted((named | _BY_FILTERS) & found.keys()))
