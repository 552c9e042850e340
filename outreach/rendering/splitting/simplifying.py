"""Less to do for each mail: what is set only to be printed is printed, what is put together is printed apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import cast

from jinja2 import nodes
from markupsafe import escape

from outreach.rendering.splitting.scopes import Item
from outreach.rendering.splitting.walking import names_in

IsStable = Callable[[nodes.Node], bool]


def stable_over(names: frozenset[str]) -> IsStable:
    """Whether an expression, wherever it stands, gives the same in one mail: it reads only these names."""
    return lambda node: all(name.name in names for name in loads(node))


def loads(node: nodes.Node) -> list[nodes.Name]:
    return [name for name in names_in(node) if name.ctx == "load"]


def simplified(items: Sequence[Item], escapes: bool, is_stable: IsStable) -> list[Item]:
    """The same, with more text and fewer statements. `escapes`: whether values are escaped in this part."""
    inlined = dict(_set_to_be_printed(items, is_stable))
    made: list[Item] = []
    for item in items:
        if isinstance(item, nodes.Output):
            made += [one for node in item.nodes for one in _apart(_inlined(node, inlined), escapes)]
        elif not (isinstance(item, nodes.Assign) and isinstance(item.target, nodes.Name) and item.target.name in inlined):
            made.append(item)
    return made


def _inlined(node: nodes.Expr, inlined: dict[str, nodes.Expr]) -> nodes.Expr:
    return inlined.get(node.name, node) if isinstance(node, nodes.Name) else node


def _set_to_be_printed(items: Sequence[Item], is_stable: IsStable) -> Iterator[tuple[str, nodes.Expr]]:
    """Names that are set once and then printed in every mail, at least once, and not used otherwise."""
    statements = [item for item in items if not isinstance(item, str)]
    every = [name for item in statements for name in names_in(item)]
    used = Counter(name.name for name in every if name.ctx == "load")
    stored = Counter(name.name for name in every if name.ctx == "store")
    outputs = [item for item in statements if isinstance(item, nodes.Output)]
    printed = Counter(node.name for item in outputs for node in item.nodes if isinstance(node, nodes.Name))
    for item in statements:
        if isinstance(item, nodes.Assign) and isinstance(item.target, nodes.Name) and is_stable(item.node):
            name = item.target.name
            if 0 < printed[name] == used[name] and stored[name] == 1:
                yield name, cast(nodes.Expr, item.node)


def _apart(node: nodes.Expr, escapes: bool) -> Iterator[Item]:
    """`a ~ b` is printed as a, then b: each is escaped, or not, just as it is when they are put together first."""
    for part in node.nodes if isinstance(node, nodes.Concat) else [node]:
        if isinstance(part, nodes.Const) and isinstance(part.value, str):
            yield str(escape(part.value)) if escapes else part.value
        else:
            yield nodes.Output([part])
