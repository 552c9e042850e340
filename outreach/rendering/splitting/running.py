"""Running a template with what all its mails share: what it prints, and what is left to do for each mail."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from jinja2 import Environment, nodes
from markupsafe import Markup

from outreach.rendering.environment import MAX_SECONDS
from outreach.rendering.splitting.expressions import Expressions, escaped
from outreach.rendering.splitting.macros import find_macro
from outreach.rendering.splitting.order import read_before_set
from outreach.rendering.splitting.scopes import (
    SPECIAL,
    Binding,
    Frame,
    Item,
    Known,
    Names,
    Residual,
    Scope,
    is_plain,
)

DEEPEST = 30  # files, blocks and macros inside each other
MOST_ITEMS = 5_000  # texts and statements of one part


class Run:
    """One run of a part of a mail. `verbs`: what to do for each kind of statement. Everything raises NotSplit where the
    template does something that is not understood."""

    def __init__(
        self, env: Environment, shared: Mapping[str, Any], of_each: Sequence[str], names: Names, verbs: Verbs
    ) -> None:
        self.env = env
        self.names = names
        self.verbs = verbs
        self.expressions = Expressions(env, shared, names)
        known: dict[str, Binding] = {name: Known(value) for name, value in shared.items()}
        self.outermost = Scope(names=known | {name: Residual(name) for name in of_each})
        self.reserved = SPECIAL | self.outermost.names.keys() | env.globals.keys()
        self.trees: dict[str, nodes.Template] = {}
        self.until = time.monotonic() + MAX_SECONDS

    def tree(self, file: str) -> nodes.Template:
        if file not in self.trees:
            loader = cast(Any, self.env.loader)
            self.trees[file] = self.env.parse(loader.get_source(self.env, file)[0], file, file)
        return self.trees[file]

    def escapes(self, file: str) -> bool:
        return escapes(self.env, file)

    def deeper(self, node: nodes.Node, frame: Frame) -> Frame:
        if frame.depth >= DEEPEST or time.monotonic() > self.until or len(frame.out) > MOST_ITEMS:
            raise frame.refuse(node, "there is too much to unroll")
        return replace(frame, depth=frame.depth + 1)

    def body(self, body: Sequence[nodes.Node], frame: Frame) -> None:
        self.refuse_late_names(body, frame)
        for statement in body:
            self.statement(statement, frame)

    def refuse_late_names(self, body: Sequence[nodes.Node], frame: Frame) -> None:
        """Jinja hides a name that comes from another file where it is set further down, but not everywhere."""
        for name in read_before_set(body):
            if frame.scope.is_from_elsewhere(name):
                raise frame.refuse(body[0], f"`{name}` is set in several files; set it before it is used here")

    def statement(self, node: nodes.Node, frame: Frame) -> None:
        run = self.verbs.get(type(node))
        if run is None:
            raise frame.refuse(node, f"`{type(node).__name__.lower()}` is not understood")
        run(self, node, frame)

    def emit(self, node: nodes.Stmt, frame: Frame) -> None:
        frame.out.append(node if frame.escape == frame.around else escaped([node], frame.escape))

    def captured(self, body: Sequence[nodes.Node], frame: Frame) -> list[Item]:
        """What statements print, instead of printing it; names set there are not seen outside unless it is the frame's."""
        inside = replace(frame, out=[], around=frame.escape)
        self.body(body, self.deeper(body[0], inside) if body else inside)
        return inside.out

    def bind(self, node: nodes.Node, name: str, binding: Binding, frame: Frame) -> None:
        if name in self.reserved:
            raise frame.refuse(node, f"`{name}` is a name of all mails; call what is set here something else")
        frame.bind(name, binding)

    def settled(self, node: nodes.Node, frame: Frame) -> Binding:
        """What an expression is now, whatever is set later."""
        if isinstance(node, nodes.Call) and find_macro(node.node, frame):
            return self.kept([nodes.Output([node])], None, None, frame)
        if self.expressions.is_known(node, frame):
            value = self.expressions.value(node, frame)
            if not is_plain(value):
                raise frame.refuse(node, "a value that can be used once only")
            return Known(value)
        return self.set(self.residual(node, frame), self.names.fresh(), frame)

    def kept(
        self, body: Sequence[nodes.Node], filtered: nodes.Filter | None, called: str | None, frame: Frame
    ) -> Known | Residual:
        """What statements print, as a value. `called`: the name it must have in the template of the holes, if any."""
        printed = self.captured(body, frame.inside())
        if filtered is None and called is None and all(isinstance(item, str) for item in printed):
            text = "".join(cast(list[str], printed))
            return Known(Markup(text) if frame.escape else text)
        name = called or self.names.fresh()
        kept = self.residual(filtered, frame) if filtered is not None else None
        self.emit(nodes.AssignBlock(nodes.Name(name, "store"), kept, as_statements(printed)), frame)
        return Residual(name)

    def set(self, expression: nodes.Expr, name: str, frame: Frame) -> Residual:
        self.emit(nodes.Assign(nodes.Name(name, "store"), expression), frame)
        return Residual(name)

    def residual(self, node: nodes.Node, frame: Frame) -> Any:
        return self.expressions.residual(node, frame)

    def as_node(self, found: Known | Residual) -> nodes.Expr:
        return self.names.constant(found.value) if isinstance(found, Known) else found.node

    def unpack(self, target: nodes.Node, found: Binding, frame: Frame) -> None:
        """A name, or names for parts, for what is found."""
        if isinstance(target, nodes.Tuple):
            for one, part in zip(target.items, self._parts(target, found, frame), strict=True):
                self.unpack(one, part, frame)
        elif not isinstance(target, nodes.Name):
            raise frame.refuse(target, "`set` of a part of something")
        elif target.name in frame.scope.pinned and isinstance(found, Known | Residual):
            self.set(self.as_node(found), frame.scope.pinned[target.name], frame)
        else:
            self.bind(target, target.name, found, frame)

    def _parts(self, target: nodes.Tuple, found: Binding, frame: Frame) -> Sequence[Binding]:
        if isinstance(found, Residual):
            names = [self.names.fresh() for _ in target.items]
            unpacked = nodes.Tuple([nodes.Name(name, "store") for name in names], "store")
            self.emit(nodes.Assign(unpacked, found.node), frame)
            return [Residual(name) for name in names]
        values = list(found.value) if isinstance(found, Known) else []
        if len(values) != len(target.items):
            raise frame.refuse(target, "more names than values, or fewer")
        return [Known(value) for value in values]


def escapes(env: Environment, file: str) -> bool:
    """Whether values are escaped in a file."""
    return env.autoescape(file) if callable(env.autoescape) else env.autoescape


def as_statements(items: Sequence[Item]) -> list[nodes.Node]:
    """Texts and statements as statements."""
    return [nodes.Output([nodes.TemplateData(item)]) if isinstance(item, str) else item for item in items]


Verbs = Mapping[type[nodes.Node], Callable[[Run, Any, Frame], None]]
