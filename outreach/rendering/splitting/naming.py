"""What gives values a name."""

from __future__ import annotations

from jinja2 import nodes

from outreach.rendering.splitting.running import Run
from outreach.rendering.splitting.scopes import Frame, Residual


def assign(run: Run, node: nodes.Assign, frame: Frame) -> None:
    if isinstance(node.target, nodes.NSRef):
        _set_in_namespace(run, node.target, node, frame)
    else:
        run.unpack(node.target, run.settled(node.node, frame), frame)


def _set_in_namespace(run: Run, target: nodes.NSRef, node: nodes.Assign, frame: Frame) -> None:
    found = frame.scope.find(target.name)
    if not isinstance(found, Residual):
        raise frame.refuse(node, f"`{target.name}` is no namespace")
    run.emit(nodes.Assign(nodes.NSRef(found.name, target.attr), run.residual(node.node, frame)), frame)


def assign_block(run: Run, node: nodes.AssignBlock, frame: Frame) -> None:
    if not isinstance(node.target, nodes.Name):
        raise frame.refuse(node, "`set` of a part of something")
    name = node.target.name
    pinned = frame.scope.pinned.get(name)
    found = run.kept(node.body, node.filter, pinned, frame)
    if pinned is None:
        run.bind(node, name, found, frame)


def with_(run: Run, node: nodes.With, frame: Frame) -> None:
    inside = frame.inside()
    for target, value in zip(node.targets, node.values, strict=True):
        run.unpack(target, run.settled(value, frame), inside)
    run.body(node.body, inside)


def scope(run: Run, node: nodes.Scope, frame: Frame) -> None:
    run.body(node.body, frame.inside())
