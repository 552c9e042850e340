"""Running a template with what all its mails share: what it prints, and what is left to do for each mail."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from jinja2 import Environment, nodes
from jinja2.runtime import LoopContext
from markupsafe import Markup

from outreach.rendering.environment import MAX_SECONDS, RENDER_ERRORS
from outreach.rendering.splitting.expressions import Expressions, escaped
from outreach.rendering.splitting.macros import arguments, find_macro
from outreach.rendering.splitting.scopes import (
    SPECIAL,
    Binding,
    Frame,
    Item,
    Known,
    Macro,
    Module,
    Names,
    NotSplit,
    Residual,
    Scope,
    is_plain,
)

DEEPEST = 30  # files, blocks and macros inside each other
MOST_ITEMS = 5_000  # texts and statements of one part


class Run:
    """One run of a part of a mail. Raises NotSplit where it does something that is not understood."""

    def __init__(self, env: Environment, shared: Mapping[str, Any], of_each: Sequence[str], names: Names) -> None:
        self.env = env
        self.names = names
        self.expressions = Expressions(env, shared, names)
        known: dict[str, Binding] = {name: Known(value) for name, value in shared.items()}
        self.outermost = Scope(names=known | {name: Residual(name) for name in of_each})
        self.reserved = SPECIAL | self.outermost.names.keys() | env.globals.keys()
        self.trees: dict[str, nodes.Template] = {}
        self.until = time.monotonic() + MAX_SECONDS

    def part(self, file: str) -> list[Item]:
        """What the template prints, and the statements that need a customer, in order."""
        context = Scope(self.outermost)
        escape = self._escapes(file)
        frame = Frame(file, escape, Scope(context), context, {}, [], escape, top=True, free=True)
        try:
            self._template(file, frame)
        except RENDER_ERRORS as error:
            raise NotSplit(file, 1, f"fails for every mail: {type(error).__name__}") from error
        return frame.out

    # Files

    def _tree(self, file: str) -> nodes.Template:
        if file not in self.trees:
            loader = cast(Any, self.env.loader)
            self.trees[file] = self.env.parse(loader.get_source(self.env, file)[0], file, file)
        return self.trees[file]

    def _escapes(self, file: str) -> bool:
        auto = self.env.autoescape
        return auto(file) if callable(auto) else auto

    def _template(self, file: str, frame: Frame) -> None:
        """A file whose blocks may be others' already, then the one that it extends."""
        tree = self._tree(file)
        for block in tree.find_all(nodes.Block):
            frame.blocks.setdefault(block.name, []).append((block, file))
        extended: nodes.Extends | None = None
        for statement in tree.body:
            if extended is None and isinstance(statement, nodes.Extends):
                extended = statement
            elif extended is None:
                self._statement(statement, frame)
            elif not isinstance(statement, nodes.Output | nodes.Block):  # these print nothing below `extends`
                self._set_below_extends(statement, frame)
        if extended is not None:
            self._extend(extended, frame)

    def _set_below_extends(self, statement: nodes.Node, frame: Frame) -> None:
        kinds = (nodes.Assign, nodes.AssignBlock, nodes.Macro, nodes.Import, nodes.FromImport)
        if not isinstance(statement, kinds):
            raise frame.refuse(statement, "only blocks, macros, imports and `set` are understood below `extends`")
        self._statement(statement, frame)

    def _extend(self, node: nodes.Extends, frame: Frame) -> None:
        file = str(cast(nodes.Const, node.template).value)
        if self._escapes(file) != frame.escape:
            raise frame.refuse(node, "it escapes values in another way than what extends it")
        self._template(file, self._deeper(node, replace(frame, file=file, scope=Scope(frame.context))))

    def _deeper(self, node: nodes.Node, frame: Frame) -> Frame:
        if frame.depth >= DEEPEST or time.monotonic() > self.until or len(frame.out) > MOST_ITEMS:
            raise frame.refuse(node, "there is too much to unroll")
        return replace(frame, depth=frame.depth + 1)

    def include(self, node: nodes.Include, frame: Frame) -> None:
        file = str(cast(nodes.Const, node.template).value)
        context = frame.scope.flat() if node.with_context else Scope()
        inside = replace(frame, file=file, escape=self._escapes(file), scope=Scope(context), context=context)
        inside = self._deeper(node, replace(inside, blocks={}, block=None, top=True, free=True))
        self._template(file, inside)

    def _module(self, node: nodes.Import | nodes.FromImport, frame: Frame) -> Scope:
        """An imported file's names. It is run by itself, and prints nothing."""
        if not frame.free:
            raise frame.refuse(node, "an import in a loop or under a condition")
        file = str(cast(nodes.Const, node.template).value)
        context = frame.scope.flat() if node.with_context else Scope()
        escape = self._escapes(file)
        top = Frame(file, escape, Scope(context), context, {}, [], escape, top=True, free=True, depth=frame.depth)
        self._template(file, self._deeper(node, top))
        if not all(isinstance(item, str) for item in top.out):
            raise frame.refuse(node, "an imported file that is not the same for all mails")
        return top.scope

    def import_(self, node: nodes.Import, frame: Frame) -> None:
        self._bind(node, node.target, Module(self._module(node, frame)), frame)

    def from_import(self, node: nodes.FromImport, frame: Frame) -> None:
        scope = self._module(node, frame)
        for name in node.names:
            there, here = name if isinstance(name, tuple) else (name, name)
            found = scope.names.get(there)
            if found is None:
                raise frame.refuse(node, f"`{there}` is not in the imported file")
            self._bind(node, here, found, frame)

    def block(self, node: nodes.Block, frame: Frame) -> None:
        if frame.escape != self._escapes(frame.file) or (node.required and len(frame.blocks[node.name]) == 1):
            raise frame.refuse(node, "a block here is not understood")
        self._block(node, frame, node.name, 0, frame.scope if node.scoped else frame.context)

    def _block(self, node: nodes.Node, frame: Frame, name: str, number: int, parent: Scope) -> None:
        if number >= len(frame.blocks[name]):
            raise frame.refuse(node, f"block '{name}' has no `super()`")
        block, file = frame.blocks[name][number]
        inside = frame.inside(file=file, scope=Scope(parent), block=(name, number), free=True)
        self._body(block.body, self._deeper(node, inside))

    # Output

    def _body(self, body: Sequence[nodes.Node], frame: Frame) -> None:
        for statement in body:
            self._statement(statement, frame)

    def _statement(self, node: nodes.Node, frame: Frame) -> None:
        run = VERBS.get(type(node))
        if run is None:
            raise frame.refuse(node, f"`{type(node).__name__.lower()}` is not understood")
        run(self, node, frame)

    def output(self, node: nodes.Output, frame: Frame) -> None:
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData):
                frame.out.append(child.data)
            elif self._called(child, frame):
                continue
            elif self.expressions.is_known(child, frame):
                frame.out.append(self.expressions.text(child, [nodes.Output([child])], frame))
            else:
                self._emit(nodes.Output([self._residual(child, frame)]), frame)

    def _emit(self, node: nodes.Stmt, frame: Frame) -> None:
        frame.out.append(node if frame.escape == frame.around else escaped([node], frame.escape))

    def _captured(self, body: Sequence[nodes.Node], frame: Frame) -> list[Item]:
        """What statements print, instead of printing it; names set there are not seen outside unless it is the frame's."""
        inside = replace(frame, out=[], around=frame.escape)
        self._body(body, self._deeper(body[0], inside) if body else inside)
        return inside.out

    def _called(self, node: nodes.Expr, frame: Frame) -> bool:
        """Put the body of a macro, or of the block above, in the place of its call; False if it is no such call."""
        if not isinstance(node, nodes.Call):
            return False
        if isinstance(node.node, nodes.Name) and node.node.name == "super" and frame.block is not None:
            name, number = frame.block
            self._block(node, frame, name, number + 1, frame.context)
            return True
        macro = find_macro(node.node, frame)
        if macro is not None:
            self._macro_body(macro, node, frame)
        return macro is not None

    def _macro_body(self, macro: Macro, call: nodes.Call, frame: Frame, caller: Macro | None = None) -> None:
        if any(one.escape != self._escapes(one.file) for one in (macro.frame, frame)) and macro.frame.escape != frame.escape:
            raise frame.refuse(call, "a macro that escapes values in another way than what calls it")
        inside = macro.frame.inside(out=frame.out, around=frame.around, block=None, depth=frame.depth)
        given, usual = arguments(macro.node, call, frame)
        found = {name: self._settled(value, frame) for name, value in given.items()}
        for name, binding in found.items():
            self._bind(call, name, binding, inside)
        for name, default in usual.items():
            self._bind(call, name, self._settled(default, inside), inside)
        if caller is not None:
            inside.scope.names["caller"] = caller
        self._body(macro.node.body, self._deeper(call, inside))

    def call_block(self, node: nodes.CallBlock, frame: Frame) -> None:
        macro = find_macro(node.call.node, frame)
        if macro is None or not _names_caller(macro.node) or _names_caller(node):
            raise frame.refuse(node, "a `call` of what is no macro of this mail with a `caller()` in it")
        self._macro_body(macro, node.call, frame, Macro(node, frame))

    def filter_block(self, node: nodes.FilterBlock, frame: Frame) -> None:
        printed = self._captured(node.body, frame.inside())
        body = as_statements(printed)
        if all(isinstance(item, str) for item in printed) and self.expressions.is_known(node.filter, frame):
            made = nodes.FilterBlock(body, node.filter)
            frame.out.append(self.expressions.text(made, [made], frame))
        else:
            self._emit(nodes.FilterBlock(body, self._residual(node.filter, frame)), frame)

    # Names

    def macro(self, node: nodes.Macro, frame: Frame) -> None:
        if not frame.free:
            raise frame.refuse(node, "a macro in a loop, under a condition or in another macro")
        self._bind(node, node.name, Macro(node, frame), frame)

    def _bind(self, node: nodes.Node, name: str, binding: Binding, frame: Frame) -> None:
        if name in self.reserved:
            raise frame.refuse(node, f"`{name}` is a name of all mails; call what is set here something else")
        frame.bind(name, binding)

    def _settled(self, node: nodes.Expr, frame: Frame) -> Binding:
        """What an expression is now, whatever is set later."""
        if isinstance(node, nodes.Call) and find_macro(node.node, frame):
            return self._kept([nodes.Output([node])], None, None, frame)
        if self.expressions.is_known(node, frame):
            value = self.expressions.value(node, frame)
            if not is_plain(value):
                raise frame.refuse(node, "a value that can be used once only")
            return Known(value)
        return self._set(self._residual(node, frame), self.names.fresh(), frame)

    def _set(self, expression: nodes.Expr, name: str, frame: Frame) -> Residual:
        self._emit(nodes.Assign(nodes.Name(name, "store"), expression), frame)
        return Residual(name)

    def _residual(self, node: nodes.Expr, frame: Frame) -> Any:
        return self.expressions.residual(node, frame)

    def assign(self, node: nodes.Assign, frame: Frame) -> None:
        if isinstance(node.target, nodes.NSRef):
            self._set_in_namespace(node.target, node, frame)
        else:
            self._unpack(node.target, self._settled(node.node, frame), frame)

    def _set_in_namespace(self, target: nodes.NSRef, node: nodes.Assign, frame: Frame) -> None:
        found = frame.scope.find(target.name)
        if not isinstance(found, Residual):
            raise frame.refuse(node, f"`{target.name}` is no namespace")
        self._emit(nodes.Assign(nodes.NSRef(found.name, target.attr), self._residual(node.node, frame)), frame)

    def _unpack(self, target: nodes.Expr, found: Binding, frame: Frame) -> None:
        """A name, or names for parts, for what is found."""
        if isinstance(target, nodes.Tuple):
            for one, part in zip(target.items, self._parts(target, found, frame), strict=True):
                self._unpack(one, part, frame)
        elif not isinstance(target, nodes.Name):
            raise frame.refuse(target, "`set` of a part of something")
        elif target.name in frame.scope.pinned and isinstance(found, Known | Residual):
            self._set(self._as_node(found), frame.scope.pinned[target.name], frame)
        else:
            self._bind(target, target.name, found, frame)

    def _parts(self, target: nodes.Tuple, found: Binding, frame: Frame) -> Sequence[Binding]:
        if isinstance(found, Residual):
            names = [self.names.fresh() for _ in target.items]
            unpacked = nodes.Tuple([nodes.Name(name, "store") for name in names], "store")
            self._emit(nodes.Assign(unpacked, found.node), frame)
            return [Residual(name) for name in names]
        values = list(found.value) if isinstance(found, Known) else []
        if len(values) != len(target.items):
            raise frame.refuse(target, "more names than values, or fewer")
        return [Known(value) for value in values]

    def _as_node(self, found: Known | Residual) -> nodes.Expr:
        return self.names.constant(found.value) if isinstance(found, Known) else found.node

    def assign_block(self, node: nodes.AssignBlock, frame: Frame) -> None:
        if not isinstance(node.target, nodes.Name):
            raise frame.refuse(node, "`set` of a part of something")
        name = node.target.name
        pinned = frame.scope.pinned.get(name)
        found = self._kept(node.body, node.filter, pinned, frame)
        if pinned is None:
            self._bind(node, name, found, frame)

    def _kept(
        self, body: Sequence[nodes.Node], filtered: nodes.Filter | None, called: str | None, frame: Frame
    ) -> Known | Residual:
        """What statements print, as a value. `called`: the name it must have in the template of the holes, if any."""
        printed = self._captured(body, frame.inside())
        if filtered is None and called is None and all(isinstance(item, str) for item in printed):
            text = "".join(cast(list[str], printed))
            return Known(Markup(text) if frame.escape else text)
        name = called or self.names.fresh()
        kept = self._residual(filtered, frame) if filtered is not None else None
        self._emit(nodes.AssignBlock(nodes.Name(name, "store"), kept, as_statements(printed)), frame)
        return Residual(name)

    def with_(self, node: nodes.With, frame: Frame) -> None:
        inside = frame.inside()
        for target, value in zip(node.targets, node.values, strict=True):
            self._unpack(target, self._settled(value, frame), inside)
        self._body(node.body, inside)

    def scope(self, node: nodes.Scope, frame: Frame) -> None:
        self._body(node.body, frame.inside())

    def escaping(self, node: nodes.ScopedEvalContextModifier, frame: Frame) -> None:
        (option,) = node.options
        if not isinstance(option.value, nodes.Const) or any(node.find_all((nodes.Include, nodes.Block))):
            raise frame.refuse(node, "`autoescape` that is not simply true or false, or has blocks or includes in it")
        self._body(node.body, replace(frame, escape=bool(option.value.value)))

    # Conditions and loops

    def if_(self, node: nodes.If, frame: Frame) -> None:
        left: list[tuple[nodes.Expr, list[nodes.Node]]] = []
        otherwise = node.else_
        for test, body in [(node.test, node.body), *((one.test, one.body) for one in node.elif_)]:
            if not self.expressions.is_known(test, frame):
                left.append((test, body))
            elif self.expressions.value(test, frame):
                otherwise = body
                break
        if left:
            self._emit(self._residual_if(left, otherwise, frame), frame)
        else:
            self._body(otherwise, frame)

    def _residual_if(
        self, left: Sequence[tuple[nodes.Expr, list[nodes.Node]]], otherwise: list[nodes.Node], frame: Frame
    ) -> nodes.If:
        tests = [self._residual(test, frame) for test, _ in left]
        pinned = self._pin([*(one for _, body in left for one in body), *otherwise], frame)
        within = replace(frame, free=False)
        bodies = [as_statements(self._captured(body, within)) for body in [*(body for _, body in left), otherwise]]
        for name in pinned:
            del frame.scope.pinned[name]
        others = [nodes.If(test, body, [], []) for test, body in zip(tests[1:], bodies[1:-1], strict=True)]
        return nodes.If(tests[0], bodies[0], others, bodies[-1])

    def _pin(self, body: Sequence[nodes.Node], frame: Frame) -> list[str]:
        """Names set in some branch are set in the template of the holes, with what they were before."""
        wanted = [name for name in dict.fromkeys(_set_names(body)) if name not in frame.scope.pinned]
        for name in wanted:
            found, called = frame.scope.find(name), self.names.fresh()
            if isinstance(found, Macro | Module):
                raise frame.refuse(body[0], f"`{name}` is a macro and a value")
            if found is not None:
                self._set(self._as_node(found), called, frame)
            self._bind(body[0], name, Residual(called), frame)
            frame.scope.pinned[name] = called
        return wanted

    def for_(self, node: nodes.For, frame: Frame) -> None:
        if node.recursive:
            raise frame.refuse(node, "a recursive loop")
        items = self._items(node, frame)
        if items is None:
            self._emit(self._residual_for(node, frame), frame)
            return
        loop = LoopContext(items, self.env.undefined)
        for item, state in loop:
            inside = frame.inside()
            self._unpack(node.target, Known(item), inside)
            inside.scope.names["loop"] = Known(state)
            self._body(node.body, self._deeper(node, inside))
        if not items:
            self._body(node.else_, frame.inside())

    def _items(self, node: nodes.For, frame: Frame) -> list[Any] | None:
        """What a loop goes over if that is the same for all mails."""
        if not self.expressions.is_known(node.iter, frame):
            return None
        try:
            items = list(self.expressions.value(node.iter, frame))
        except (TypeError, ValueError):
            raise frame.refuse(node, "a loop over what is no list") from None
        if not is_plain(items):
            raise frame.refuse(node, "a loop over values that can be used once only")
        return items if node.test is None else self._filtered(node.target, node.test, items, frame)

    def _filtered(self, target: nodes.Node, test: nodes.Expr, items: list[Any], frame: Frame) -> list[Any] | None:
        kept = []
        for item in items:
            inside = frame.inside()
            self._unpack(cast(nodes.Expr, target), Known(item), inside)
            if not self.expressions.is_known(test, inside):
                return None
            if self.expressions.value(test, inside):
                kept.append(item)
        return kept

    def _residual_for(self, node: nodes.For, frame: Frame) -> nodes.For:
        over = self._residual(node.iter, frame)
        inside = frame.inside()
        target = self._loop_target(node.target, inside)
        test = self._residual(node.test, inside) if node.test is not None else None
        called = self.names.fresh()
        inside.scope.names["loop"] = Residual(called)
        printed = self._captured(node.body, inside)
        if any(name.name == "loop" for one in node.body for name in one.find_all(nodes.Name)):
            # By a name of its own: inside another loop, put there by a macro, `loop` would be that one's.
            printed.insert(0, nodes.Assign(nodes.Name(called, "store"), nodes.Name("loop", "load")))
        body = as_statements(printed)
        otherwise = as_statements(self._captured(node.else_, frame.inside()))
        return nodes.For(target, over, body, otherwise, test, False)

    def _loop_target(self, node: nodes.Node, frame: Frame) -> nodes.Expr:
        if isinstance(node, nodes.Tuple):
            return nodes.Tuple([self._loop_target(one, frame) for one in node.items], "store")
        name = self.names.fresh()
        self._bind(node, cast(nodes.Name, node).name, Residual(name), frame)
        return nodes.Name(name, "store")


def _names_caller(node: nodes.Node) -> bool:
    return any(name.name == "caller" for name in node.find_all(nodes.Name))


def as_statements(items: Sequence[Item]) -> list[nodes.Node]:
    """Texts and statements as statements."""
    return [nodes.Output([nodes.TemplateData(item)]) if isinstance(item, str) else item for item in items]


def _set_names(body: Sequence[nodes.Node]) -> Iterator[str]:
    """The names that statements set in the scope they stand in."""
    for node in body:
        if isinstance(node, nodes.Assign | nodes.AssignBlock) and not isinstance(node.target, nodes.NSRef):
            named = [node.target] if isinstance(node.target, nodes.Name) else node.target.find_all(nodes.Name)
            yield from (one.name for one in named)
        elif isinstance(node, nodes.If):
            yield from _set_names([*node.body, *node.elif_, *node.else_])


VERBS: Mapping[type[nodes.Node], Any] = {
    nodes.Output: Run.output,
    nodes.Assign: Run.assign,
    nodes.AssignBlock: Run.assign_block,
    nodes.If: Run.if_,
    nodes.For: Run.for_,
    nodes.With: Run.with_,
    nodes.Scope: Run.scope,
    nodes.ScopedEvalContextModifier: Run.escaping,
    nodes.Block: Run.block,
    nodes.Include: Run.include,
    nodes.Import: Run.import_,
    nodes.FromImport: Run.from_import,
    nodes.Macro: Run.macro,
    nodes.CallBlock: Run.call_block,
    nodes.FilterBlock: Run.filter_block,
}
