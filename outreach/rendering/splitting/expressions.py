"""Expressions: those that all mails share are worked out by Jinja itself, of others the shared parts are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import CodeType
from typing import Any, cast

from jinja2 import Environment, Template, nodes
from markupsafe import escape

from outreach.rendering.environment import KEPT, READS, RENDER_ERRORS
from outreach.rendering.splitting.scopes import SPECIAL, Frame, Known, Names, Residual, is_plain
from outreach.rendering.splitting.walking import names_in

# These have a state, which each mail has of its own.
_OF_EACH = frozenset({"namespace", "cycler", "joiner"})
_RANDOM_FILTERS = frozenset({"random"})
_VALUE = "value"
_CODE: dict[str, CodeType] = {}


class Expressions:
    """Working out expressions over what names stand for. `shared`: the values of mails that all have, by name."""

    def __init__(self, env: Environment, shared: Mapping[str, Any], names: Names) -> None:
        self.env = env
        self.shared = shared
        self.names = names
        value = nodes.Output([nodes.Name(_VALUE, "load")])
        self._printers = {escape: self._template([value], escape) for escape in (False, True)}

    def is_known(self, node: nodes.Node, frame: Frame) -> bool:
        """Whether it is the same for all mails. Raises NotSplit if that can't be told."""
        if isinstance(node, nodes.Name):
            return self._is_known_name(node, frame)
        if isinstance(node, nodes.Filter) and not self._is_steady(node, frame):
            return False
        if isinstance(node, nodes.Getattr) and node.attr == "changed":
            raise frame.refuse(node, "`.changed` remembers what it was asked before")
        return all([self.is_known(child, frame) for child in node.iter_child_nodes()])

    def _is_known_name(self, node: nodes.Name, frame: Frame) -> bool:
        found = frame.scope.find(node.name)
        if found is None and (node.name in SPECIAL or node.name == "lipsum"):
            raise frame.refuse(node, f"`{node.name}` is not understood here")
        # A name that nothing has set is undefined in every mail, and Jinja says what comes of that.
        return isinstance(found, Known) or (found is None and node.name not in _OF_EACH)

    def _is_steady(self, node: nodes.Filter, frame: Frame) -> bool:
        """Whether a filter gives the same in every mail, if it is given the same."""
        used = {
            node.name,
            *(one.value for one in node.args if isinstance(one, nodes.Const)),
        }  # a filter may be named to `map`
        if used & _RANDOM_FILTERS:
            raise frame.refuse(node, "`random` gives something else each time")
        read = [frame.context.find(name) for one in used for name in READS.get(cast(str, one), ())]
        if None in read:
            raise frame.refuse(node, f"`{node.name}` in a file that is imported without `with context`")
        return all(isinstance(one, Known) for one in read)

    def value(self, node: nodes.Node, frame: Frame) -> Any:
        """What a known expression gives. Raises NotSplit if it fails, which it then does in every mail."""
        if isinstance(node, nodes.Const):
            return node.value
        found = frame.scope.find(node.name) if isinstance(node, nodes.Name) else None
        if isinstance(found, Known):
            return found.value
        if isinstance(node, nodes.Getattr):  # as compiled templates do it
            return self.env.getattr(self.value(node.node, frame), node.attr)
        template = self._template([nodes.Assign(nodes.Name(_VALUE, "store"), node)], frame.escape)
        context = template.new_context(self._values(node, frame), shared=True)
        self._run(template, context, node, frame)
        return context.vars[_VALUE]

    def printed(self, node: nodes.Node, frame: Frame) -> str:
        """What `{{ .. }}` prints of a known expression."""
        template = self._printers[frame.escape]
        return self._run(template, template.new_context({_VALUE: self.value(node, frame)}, shared=True), node, frame)

    def text(self, statement: nodes.Stmt, frame: Frame) -> str:
        """What a statement that knows everything prints."""
        template = self._template([statement], frame.escape)
        return self._run(template, template.new_context(self._values(statement, frame), shared=True), statement, frame)

    def _template(self, statements: Sequence[nodes.Node], escape: bool) -> Template:
        """A template of these statements, compiled once: many mails say the same small things."""
        words = (
            f"{escape} {statements}"  # which say all that the code depends on, as all environments have the same options
        )
        if words not in _CODE:
            if len(_CODE) >= KEPT:
                _CODE.clear()
            _CODE[words] = _code_of(self.env, [escaped(statements, escape)])
        return Template.from_code(self.env, _CODE[words], {})

    def _run(self, template: Template, context: Any, node: nodes.Node, frame: Frame) -> str:
        try:
            return "".join(template.root_render_func(context))
        except RENDER_ERRORS as error:
            raise frame.refuse(node, f"fails for every mail: {type(error).__name__}") from error

    def _values(self, node: nodes.Node, frame: Frame) -> dict[str, Any]:
        found = {name: frame.scope.find(name) for name in {one.name for one in names_in(node)}}
        known = {name: one.value for name, one in found.items() if isinstance(one, Known)}
        return {**self.env.globals, **self.shared, **known}

    def residual(self, node: nodes.Node, frame: Frame) -> nodes.Expr:
        """The expression over the names of the template of the holes."""
        return cast(nodes.Expr, self._rewritten(node, frame))

    def _rewritten(self, node: nodes.Node, frame: Frame) -> nodes.Node:
        if isinstance(node, nodes.Name):
            return self._rewritten_name(node, frame)
        if isinstance(node, nodes.Expr) and not _is_open(node) and self.is_known(node, frame):
            value = self.value(node, frame)
            if is_plain(value):
                return self.names.constant(value)
        made = type(node)(*[self._rewritten_field(getattr(node, name, None), frame) for name in node.fields])
        if isinstance(made, nodes.Concat):
            made.nodes = _joined(made.nodes)
        return made.set_lineno(node.lineno)

    def _rewritten_field(self, value: Any, frame: Frame) -> Any:
        if isinstance(value, nodes.Node):
            return self._rewritten(value, frame)
        if isinstance(value, list | tuple):
            return type(value)(self._rewritten_field(one, frame) for one in value)
        return value

    def _rewritten_name(self, node: nodes.Name, frame: Frame) -> nodes.Expr:
        found = frame.scope.find(node.name)
        if isinstance(found, Residual):
            return found.node
        if isinstance(found, Known) and is_plain(found.value):
            return self.names.constant(found.value)
        if found is None and self._is_known_name(node, frame) and node.name not in self.env.globals:
            return nodes.Name(self.names.fresh(), "load")  # as undefined there as it is here
        if found is None:
            return nodes.Name(node.name, "load")
        raise frame.refuse(node, f"`{node.name}` can't be used as a value here")


def _is_open(node: nodes.Node) -> bool:
    """Whether it is the filter of a block, which has nothing before it."""
    while isinstance(node, nodes.Filter) and node.node is not None:
        node = node.node
    return isinstance(node, nodes.Filter)


def _joined(parts: Sequence[nodes.Expr]) -> list[nodes.Expr]:
    """What `~` puts together, with one text for all texts in a row."""
    made: list[nodes.Expr] = []
    for part in parts:
        last = made[-1] if made else None
        if isinstance(part, nodes.Const) and isinstance(last, nodes.Const) and type(part.value) is type(last.value) is str:
            made[-1] = nodes.Const(last.value + part.value)
        else:
            made.append(part)
    return made


def escaped(statements: Sequence[nodes.Node], escape: bool) -> nodes.Stmt:
    """The statements, with values escaped or not."""
    option = nodes.Keyword("autoescape", nodes.Const(escape))
    return nodes.ScopedEvalContextModifier([option], list(statements))


def compiled(env: Environment, statements: Sequence[nodes.Node]) -> Template:
    """A template of these statements, to be rendered often."""
    template = Template.from_code(env, _code_of(env, statements), {})
    template.root_render_func.__globals__["escape"] = _quickly_escaped
    return template


def _quickly_escaped(value: Any) -> str:
    """What is printed of a value where it is escaped. `escape` alone takes three times as long over the many texts that
    need nothing, because it makes an object of each that says it was escaped."""
    needs_none = type(value) is str and not ("&" in value or "<" in value or ">" in value or '"' in value or "'" in value)
    return cast(str, value) if needs_none else escape(value)


def _code_of(env: Environment, statements: Sequence[nodes.Node]) -> CodeType:
    tree = nodes.Template(list(statements))
    tree.set_environment(env).set_lineno(1)
    return env.compile(tree, None, None)
