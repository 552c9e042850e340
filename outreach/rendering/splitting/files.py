"""Files that extend, include or import each other, and their blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from jinja2 import nodes

from outreach.rendering.splitting.running import Run
from outreach.rendering.splitting.scopes import Frame, Module, Scope


def run_template(run: Run, file: str, frame: Frame) -> None:
    """A file whose blocks may be others' already, then the one that it extends."""
    tree = run.tree(file)
    for block in tree.find_all(nodes.Block):
        frame.blocks.setdefault(block.name, []).append((block, file))
    run.refuse_late_names(tree.body, frame)
    extended: nodes.Extends | None = None
    for statement in tree.body:
        if extended is None and isinstance(statement, nodes.Extends):
            extended = statement
        elif extended is None:
            run.statement(statement, frame)
        elif not isinstance(statement, nodes.Output | nodes.Block):  # these print nothing below `extends`
            _set_below_extends(run, statement, frame)
    if extended is not None:
        _extend(run, extended, frame)


def _set_below_extends(run: Run, statement: nodes.Node, frame: Frame) -> None:
    kinds = (nodes.Assign, nodes.AssignBlock, nodes.Macro, nodes.Import, nodes.FromImport)
    if not isinstance(statement, kinds):
        raise frame.refuse(statement, "only blocks, macros, imports and `set` are understood below `extends`")
    run.statement(statement, frame)


def _extend(run: Run, node: nodes.Extends, frame: Frame) -> None:
    file = str(cast(nodes.Const, node.template).value)
    if run.escapes(file) != frame.escape:
        raise frame.refuse(node, "it escapes values in another way than what extends it")
    run_template(run, file, run.deeper(node, replace(frame, file=file, scope=Scope(frame.context))))


def include(run: Run, node: nodes.Include, frame: Frame) -> None:
    file = str(cast(nodes.Const, node.template).value)
    context = frame.scope.flat() if node.with_context else Scope(shared=True)
    inside = replace(frame, file=file, escape=run.escapes(file), scope=Scope(context), context=context)
    inside = run.deeper(node, replace(inside, blocks={}, block=None, top=True, free=True))
    run_template(run, file, inside)


def _module(run: Run, node: nodes.Import | nodes.FromImport, frame: Frame) -> Scope:
    """An imported file's names. It is run by itself, and prints nothing."""
    if not frame.free:
        raise frame.refuse(node, "an import in a loop or under a condition")
    file = str(cast(nodes.Const, node.template).value)
    context = frame.scope.flat() if node.with_context else Scope(shared=True)
    escape = run.escapes(file)
    top = Frame(file, escape, Scope(context), context, {}, [], escape, top=True, free=True, depth=frame.depth)
    run_template(run, file, run.deeper(node, top))
    if not all(isinstance(item, str) for item in top.out):
        raise frame.refuse(node, "an imported file that is not the same for all mails")
    return top.scope


def import_(run: Run, node: nodes.Import, frame: Frame) -> None:
    run.bind(node, node.target, Module(_module(run, node, frame)), frame)


def from_import(run: Run, node: nodes.FromImport, frame: Frame) -> None:
    scope = _module(run, node, frame)
    for name in node.names:
        there, here = name if isinstance(name, tuple) else (name, name)
        found = scope.names.get(there)
        if found is None:
            raise frame.refuse(node, f"`{there}` is not in the imported file")
        run.bind(node, here, found, frame)


def block(run: Run, node: nodes.Block, frame: Frame) -> None:
    if frame.escape != run.escapes(frame.file) or (node.required and len(frame.blocks[node.name]) == 1):
        raise frame.refuse(node, "a block here is not understood")
    run_block(run, node, frame, node.name, 0, frame.scope if node.scoped else frame.context)


def run_block(run: Run, node: nodes.Node, frame: Frame, name: str, number: int, parent: Scope) -> None:
    if number >= len(frame.blocks[name]):
        raise frame.refuse(node, f"block '{name}' has no `super()`")
    block, file = frame.blocks[name][number]
    inside = frame.inside(file=file, scope=Scope(parent), block=(name, number), free=True)
    run.body(block.body, run.deeper(node, inside))
