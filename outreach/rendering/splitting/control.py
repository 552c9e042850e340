"""Conditions and loops: run here if all mails share what they ask, else kept for each mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from jinja2 import nodes
from jinja2.runtime import LoopContext

from outreach.rendering.splitting.order import set_names
from outreach.rendering.splitting.running import Run, as_statements
from outreach.rendering.splitting.scopes import Frame, Known, Macro, Module, Residual, is_plain


def if_(run: Run, node: nodes.If, frame: Frame) -> None:
    left: list[tuple[nodes.Node, list[nodes.Node]]] = []
    otherwise = node.else_
    for test, body in [(node.test, node.body), *((one.test, one.body) for one in node.elif_)]:
        if not run.expressions.is_known(test, frame):
            left.append((test, body))
        elif run.expressions.value(test, frame):
            otherwise = body
            break
    if left:
        run.emit(_residual_if(run, left, otherwise, frame), frame)
    else:
        run.body(otherwise, frame)


def _residual_if(
    run: Run, left: Sequence[tuple[nodes.Node, list[nodes.Node]]], otherwise: list[nodes.Node], frame: Frame
) -> nodes.If:
    tests = [run.residual(test, frame) for test, _ in left]
    pinned = _pin(run, [*(one for _, body in left for one in body), *otherwise], frame)
    within = replace(frame, free=False)
    bodies = [as_statements(run.captured(body, within)) for body in [*(body for _, body in left), otherwise]]
    for name in pinned:
        del frame.scope.pinned[name]
    others = [nodes.If(test, body, [], []) for test, body in zip(tests[1:], bodies[1:-1], strict=True)]
    return nodes.If(tests[0], bodies[0], others, bodies[-1])


def _pin(run: Run, body: Sequence[nodes.Node], frame: Frame) -> list[str]:
    """Names set in some branch are set in the template of the holes, with what they were before."""
    wanted = [name for name in dict.fromkeys(set_names(body)) if name not in frame.scope.pinned]
    for name in wanted:
        found, called = frame.scope.find(name), run.names.fresh()
        if isinstance(found, Macro | Module):
            raise frame.refuse(body[0], f"`{name}` is a macro and a value")
        if found is not None:
            run.set(run.as_node(found), called, frame)
        run.bind(body[0], name, Residual(called), frame)
        frame.scope.pinned[name] = called
    return wanted


def for_(run: Run, node: nodes.For, frame: Frame) -> None:
    if node.recursive:
        raise frame.refuse(node, "a recursive loop")
    items = _items(run, node, frame)
    if items is None:
        run.emit(_residual_for(run, node, frame), frame)
        return
    loop = LoopContext(items, run.env.undefined)
    for item, state in loop:
        inside = frame.inside()
        run.unpack(node.target, Known(item), inside)
        inside.scope.names["loop"] = Known(state)
        run.body(node.body, run.deeper(node, inside))
    if not items:
        run.body(node.else_, frame.inside())


def _items(run: Run, node: nodes.For, frame: Frame) -> list[Any] | None:
    """What a loop goes over if that is the same for all mails."""
    if not run.expressions.is_known(node.iter, frame):
        return None
    try:
        items = list(run.expressions.value(node.iter, frame))
    except (TypeError, ValueError):
        raise frame.refuse(node, "a loop over what is no list") from None
    if not is_plain(items):
        raise frame.refuse(node, "a loop over values that can be used once only")
    return items if node.test is None else _filtered(run, node.target, node.test, items, frame)


def _filtered(run: Run, target: nodes.Node, test: nodes.Node, items: list[Any], frame: Frame) -> list[Any] | None:
    kept = []
    for item in items:
        inside = frame.inside()
        run.unpack(target, Known(item), inside)
        if not run.expressions.is_known(test, inside):
            return None
        if run.expressions.value(test, inside):
            kept.append(item)
    return kept


def _residual_for(run: Run, node: nodes.For, frame: Frame) -> nodes.For:
    over = run.residual(node.iter, frame)
    inside = frame.inside()
    target = _loop_target(run, node.target, inside)
    test = run.residual(node.test, inside) if node.test is not None else None
    called = run.names.fresh()
    inside.scope.names["loop"] = Residual(called)
    printed = run.captured(node.body, inside)
    if any(name.name == "loop" for one in node.body for name in one.find_all(nodes.Name)):
        # By a name of its own: inside another loop, put there by a macro, `loop` would be that one's.
        printed.insert(0, nodes.Assign(nodes.Name(called, "store"), nodes.Name("loop", "load")))
    body = as_statements(printed)
    otherwise = as_statements(run.captured(node.else_, frame.inside()))
    return nodes.For(target, over, body, otherwise, test, False)


def _loop_target(run: Run, node: nodes.Node, frame: Frame) -> nodes.Expr:
    if isinstance(node, nodes.Tuple):
        return nodes.Tuple([_loop_target(run, one, frame) for one in node.items], "store")
    name = run.names.fresh()
    run.bind(node, cast(nodes.Name, node).name, Residual(name), frame)
    return nodes.Name(name, "store")
