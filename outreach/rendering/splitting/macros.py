"""Which macro a call means, and what it gives to it."""

from __future__ import annotations

from jinja2 import nodes

from outreach.rendering.splitting.scopes import Frame, Macro, Module


def find_macro(node: nodes.Node, frame: Frame) -> Macro | None:
    """The macro that is called so, `button` or `parts.button`; None if it is none."""
    if isinstance(node, nodes.Name):
        found = frame.scope.find(node.name)
        return found if isinstance(found, Macro) else None
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        module = frame.scope.find(node.node.name)
        found = module.scope.names.get(node.attr) if isinstance(module, Module) else None
        return found if isinstance(found, Macro) else None
    return None


def arguments(
    macro: nodes.Macro | nodes.CallBlock, call: nodes.Call, frame: Frame
) -> tuple[dict[str, nodes.Expr], dict[str, nodes.Expr]]:
    """The expressions given for its names, and those that stand in the macro for the others. Raises NotSplit if some name
    has none, or too many are given."""
    names = [arg.name for arg in macro.args]
    named = {one.key: one.value for one in call.kwargs}
    given = dict(zip(names, call.args, strict=False))
    defaults = dict(zip(names[len(names) - len(macro.defaults) :], macro.defaults, strict=True))
    usual = {name: value for name, value in defaults.items() if name not in given and name not in named}
    odd = call.dyn_args or call.dyn_kwargs or len(call.args) > len(names) or given.keys() & named.keys()
    if odd or {*given, *named, *usual} != set(names):
        raise frame.refuse(call, "a macro is not called with just the values it names")
    return {**given, **named}, usual
