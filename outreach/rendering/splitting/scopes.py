"""What the names of a template stand for while it is split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from jinja2 import Undefined, nodes
from markupsafe import Markup

from crm_store.content.faults import Fault, Place
from crm_store.content.sources import TEMPLATES

# Jinja's own names, which mean something in some places only.
SPECIAL = frozenset({"super", "self", "caller", "varargs", "kwargs", "loop"})
_SINGLE = (str, Markup, int, float, bool, type(None), range, Undefined)


class NotSplit(Exception):
    """The template does something that is not understood here: its mails are rendered one by one."""

    def __init__(self, file: str, line: int | None, why: str) -> None:
        super().__init__(why)
        self.fault = Fault(Place(f"{TEMPLATES}/{file}", line or 1), why)


@dataclass(frozen=True)
class Known:
    """A value that all mails share."""

    value: Any


@dataclass(frozen=True)
class Residual:
    """Something each mail has of its own: a name in the template of the holes."""

    name: str

    @property
    def node(self) -> nodes.Name:
        return nodes.Name(self.name, "load")


@dataclass
class Scope:
    """Names and what they stand for, inside others. `pinned`: names set under a condition, and what they are called.

    `shared`: what one file gives to another, which Jinja looks up by name when a file, block or macro begins.
    """

    parent: Scope | None = None
    names: dict[str, Binding] = field(default_factory=dict)
    shared: bool = False
    pinned: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Binding | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def is_from_elsewhere(self, name: str) -> bool:
        """Whether it is found, but only in what another file gives."""
        scope: Scope | None = self
        while scope is not None and name not in scope.names:
            scope = scope.parent
        return scope is not None and scope.shared

    def flat(self) -> Scope:
        """What an included template sees: all of it as it is now, without what only its place gives."""
        outer = self.parent.flat().names if self.parent else {}
        names = {name: found for name, found in {**outer, **self.names}.items() if name not in SPECIAL}
        return Scope(names=names, shared=True)


@dataclass(frozen=True)
class Macro:
    """A macro, or the body of a `call`, and where it was written."""

    node: nodes.Macro | nodes.CallBlock
    frame: Frame


@dataclass(frozen=True)
class Module:
    """An imported file."""

    scope: Scope


Binding = Known | Residual | Macro | Module
Item = str | nodes.Stmt


@dataclass(frozen=True)
class Frame:
    """Where the run is: in which file and scope, and into which list its output goes.

    `context`: what blocks see, the names set at the top of the files of one mail. `top`: names set here are seen there.
    `free`: neither in a loop nor under a condition. `escape`: whether values are escaped here; `around`: in the statement
    of the template of the holes that this is within.
    """

    file: str
    escape: bool
    scope: Scope
    context: Scope
    blocks: dict[str, list[tuple[nodes.Block, str]]]
    out: list[Item]
    around: bool
    block: tuple[str, int] | None = None
    top: bool = False
    free: bool = False
    depth: int = 0

    def inside(self, **others: Any) -> Frame:
        """A scope within this one: what is set there is not seen outside."""
        return replace(self, **{"scope": Scope(self.scope), "top": False, "free": False, **others})

    def bind(self, name: str, binding: Binding) -> None:
        self.scope.names[name] = binding
        if self.top:
            self.context.names[name] = binding

    def refuse(self, node: nodes.Node, why: str) -> NotSplit:
        return NotSplit(self.file, node.lineno, why)


class Names:
    """Names for the template of the holes, each given once, and the shared values it needs by such a name."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.constants: dict[str, Any] = {}
        self._called: dict[int, str] = {}

    def fresh(self) -> str:
        return f"_h{next(self._numbers)}"

    def constant(self, value: Any) -> nodes.Expr:
        """The value as an expression."""
        if type(value) in (str, int, float, bool):
            return nodes.Const(value)
        name = self._called.setdefault(id(value), f"_h{next(self._numbers)}")
        self.constants[name] = value  # which keeps it alive, and with it its id its own
        return nodes.Name(name, "load")


def is_plain(value: Any) -> bool:
    """Whether it is a value that gives the same however often and whenever it is looked at."""
    if isinstance(value, Mapping):
        return all(is_plain(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return all(is_plain(inner) for inner in value)
    return isinstance(value, _SINGLE)
