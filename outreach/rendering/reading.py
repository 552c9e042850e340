"""What a template file says of itself, read once: which files it uses, which names it needs and sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import TemplateSyntaxError, nodes
from jinja2.meta import TrackingCodeGenerator

from crm_store.content.faults import Fault, Place, did_you_mean
from crm_store.content.sources import TEMPLATES
from outreach.rendering.environment import environment

_PARSER = environment({})
GLOBALS = frozenset(_PARSER.globals)
_IMPORTS = (nodes.Import, nodes.FromImport)
_USES = (nodes.Extends, nodes.Include, *_IMPORTS)
_ASKED = (*_USES, nodes.Filter, nodes.Test)


@dataclass(frozen=True)
class Names:
    """`needs`: names from outside, each with its first line; `sets`: those that the file sets itself."""

    needs: tuple[tuple[str, Place], ...]
    sets: frozenset[str]


@lru_cache(maxsize=1_000)
def files_used(path: str, source: str) -> tuple[tuple[str, Place], ...]:
    """Paths that a file extends, includes or imports, each with where it says so. Raises Fault if it is not Jinja."""
    found = list(_parsed(path, source).find_all(_ASKED))
    _refuse_unknown(path, found)
    return tuple(_uses(path, found))


@lru_cache(maxsize=1_000)
def names_in(path: str, source: str) -> Names:
    """Raises Fault if it is not Jinja."""
    tree = _parsed(path, source)
    found = list(tree.find_all((*_IMPORTS, nodes.Name)))
    names = [one for one in found if isinstance(one, nodes.Name)]
    # Jinja also counts what a macro or import under a condition is called.
    needed = _undeclared(path, tree) & {one.name for one in names}
    lines = {name: min(one.lineno for one in names if one.name == name) for name in sorted(needed - GLOBALS)}
    sets = {one.name for one in names if one.ctx != "load"}.union(_imported(found))
    return Names(tuple((name, Place(path, line)) for name, line in lines.items()), frozenset(sets))


def _parsed(path: str, source: str) -> nodes.Template:
    try:
        return _PARSER.parse(source)
    except TemplateSyntaxError as error:
        raise syntax_fault(path, error) from None


def _undeclared(path: str, tree: nodes.Template) -> set[str]:
    """As Jinja's `find_undeclared_variables` does, but the tree stays as it is, and nothing is left out."""
    tracking = TrackingCodeGenerator(_PARSER)
    tracking.optimizer = None
    try:
        tracking.visit(tree)
    except TemplateSyntaxError as error:
        raise syntax_fault(path, error) from None
    return tracking.undeclared_identifiers


def _imported(found: Sequence[nodes.Node]) -> Iterator[str]:
    """Names that imports set: blocks of the file may use them, though Jinja lists them among what a block needs."""
    for node in found:
        if isinstance(node, nodes.Import):
            yield node.target
        elif isinstance(node, nodes.FromImport):
            yield from (name if isinstance(name, str) else name[1] for name in node.names)


def _uses(path: str, found: Sequence[nodes.Node]) -> Iterator[tuple[str, Place]]:
    for node in (one for one in found if isinstance(one, _USES)):
        place, named = Place(path, node.lineno), getattr(node, "template", None)
        if not isinstance(named, nodes.Const) or not isinstance(named.value, str):
            raise Fault(place, "extends, include and import must name their template as a text")
        yield f"{TEMPLATES}/{named.value}", place


def _refuse_unknown(path: str, found: Sequence[nodes.Node]) -> None:
    """Jinja itself finds unknown filters and tests inside an `if` only when that is rendered."""
    for node in (one for one in found if isinstance(one, nodes.Filter | nodes.Test)):
        what, known = ("filter", _PARSER.filters) if isinstance(node, nodes.Filter) else ("test", _PARSER.tests)
        name = getattr(node, "name", None)
        if name is not None and name not in known:
            raise Fault(Place(path, node.lineno), f"{what} '{name}' is not known{did_you_mean(name, known)}")


def syntax_fault(path: str, error: TemplateSyntaxError) -> Fault:
    return Fault(Place(path, error.lineno), f"not Jinja: {(error.message or '').rstrip('.')}")
