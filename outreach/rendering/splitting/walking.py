"""Looking through a tree."""

from __future__ import annotations

from jinja2 import nodes


def names_in(node: nodes.Node) -> list[nodes.Name]:
    """The names in a tree, which may be one, in no order. `find_all`, whose generators stand inside each other, takes
    several times as long."""
    found, todo = list[nodes.Name](), [node]
    while todo:
        one = todo.pop()
        if isinstance(one, nodes.Name):
            found.append(one)
            continue
        for field in one.fields:
            value = getattr(one, field, None)
            if isinstance(value, nodes.Node):
                todo.append(value)
            elif isinstance(value, list):
                todo += [inner for inner in value if isinstance(inner, nodes.Node)]
    return found
