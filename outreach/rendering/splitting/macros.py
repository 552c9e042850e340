"""Macros, and what a call of one gives to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import nodes

from outreach.rendering.splitting.scopes import Frame, Macro, Module

if TYPE_CHECKING:
    from outreach.rendering.splitting.running import Run


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


def macro(run: Run, node: nodes.Macro, frame: Frame) -> None:
    if not frame.free:
        raise frame.refuse(node, "a macro in a loop, under a condition or in another macro")
    run.bind(node, node.name, Macro(node, frame), frame)


def call_block(run: Run, node: nodes.CallBlock, frame: Frame) -> None:
    macro = find_macro(node.call.node, frame)
    if macro is None or not _names_caller(macro.node) or _names_caller(node):
        raise frame.refuse(node, "a `call` of what is no macro of this mail with a `caller()` in it")
    run_macro(run, macro, node.call, frame, Macro(node, frame))


def run_macro(run: Run, macro: Macro, call: nodes.Call, frame: Frame, caller: Macro | None = None) -> None:
    if any(one.escape != run.escapes(one.file) for one in (macro.frame, frame)) and macro.frame.escape != frame.escape:
        raise frame.refuse(call, "a macro that escapes values in another way than what calls it")
    inside = macro.frame.inside(out=frame.out, around=frame.around, block=None, depth=frame.depth)
    given, usual = arguments(macro.node, call, frame)
    found = {name: run.settled(value, frame) for name, value in given.items()}
    for name, binding in found.items():
        run.bind(call, name, binding, inside)
    for name, default in usual.items():
        run.bind(call, name, run.settled(default, inside), inside)
    if caller is not None:
        inside.scope.names["caller"] = caller
    run.body(macro.node.body, run.deeper(call, inside))


def _names_caller(node: nodes.Node) -> bool:
    return any(name.name == "caller" for name in node.find_all(nodes.Name))
