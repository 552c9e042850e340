"""A key is ignored: read as if it had not been written, while it is still accepted.

Whatever marketers and ops write passes the few readers below. They are changed once, for the process; `WATCH` then says
which key they leave out, and is told which keys they know and which they were given.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from typer.core import TyperArgument, TyperOption

from crm_store.content.faults import Fault
from crm_store.content.fields import Fields
from crm_store.content.nodes import Mapping as MappingNode
from crm_store.content.nodes import Node, Scalar
from crm_store.errors import ContentError
from crm_store.journeys.steps import split
from crm_store.segmentation import comparisons, ranking
from crm_store.segmentation.comparisons import WORDS, Comparison
from crm_store.segmentation.conditions import KINDS
from crm_store.segmentation.eventfilters import ItemFilter
from crm_store.segmentation.times import WINDOW_WORDS, Window

_NAMED = re.compile(r"^(attribute|event|topic|score|follow-up|offer|place|arm) '.*?'")  # by whom: names are no keys


@dataclass(frozen=True, order=True)
class Key:
    """A key of the mappings of a place, or an option of a command; `word`: only where this is its value."""

    place: str
    name: str
    word: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.name}" + (f": {self.word}" if self.word else "")


@dataclass
class Watch:
    """`ignored` is left out where it stands, of `stuck` all values are read as the first one was.

    `faulty`: files with faults were refused. `refused`: leaving it out was itself a fault, so that a test which fails says
    nothing about what the key does.
    """

    ignored: Key | None = None
    stuck: Key | None = None
    refused: bool = False
    faulty: bool = False
    declared: set[Key] = field(default_factory=set)
    given: set[Key] = field(default_factory=set)
    robbed: list[object] = field(default_factory=list)
    first: list[object] = field(default_factory=list)

    def leaves_out(self, place: str, name: str, value: object = None) -> bool:
        """Whether this key is to be ignored here; that it was given is noted."""
        word = value.text if isinstance(value, Scalar) else ""
        self.given |= {Key(place, name), Key(place, name, word)}
        return self.ignored in (Key(place, name), Key(place, name, word)) and self.ignored is not None

    def rob(self, place: str, node: Node) -> Node:
        """The node, without the ignored key."""
        if not isinstance(node, MappingNode):
            return node
        kept = tuple(entry for entry in node.entries if not self.leaves_out(place, entry[0].text, entry[1]))
        if len(kept) == len(node.entries):
            return node
        self.robbed.append(found := MappingNode(kept, node.place))
        return found

    def declare(self, place: str, names: Iterable[str]) -> None:
        self.declared |= {Key(place, name) for name in names}


WATCH = Watch()


def change_readers() -> None:
    """Let every reader of this process ask WATCH."""
    _change_fields()
    _change_conditions()
    _change_comparisons()
    _change_splits()
    _change_options()
    _change_faults()


def _place(what: str) -> str:
    return _NAMED.sub(r"\1", what)


def _change_fields() -> None:
    begin, take, get = Fields.__init__, Fields._take, Fields.get

    def __init__(self: Fields, node: Node, faults: Any, what: str, planned: Iterable[str] = ()) -> None:
        begin(self, WATCH.rob(_place(what), node), faults, what, planned)
        if any(self.node is one for one in WATCH.robbed):
            WATCH.robbed.append(self)

    def _take(self: Fields, key: str, read: Callable[[Node], Any]) -> Any:
        WATCH.declare(_place(self.what), [key])
        found = take(self, key, read)
        if found is None or WATCH.stuck != Key(_place(self.what), key):
            return found
        WATCH.first.append(found)
        return WATCH.first[0]

    def get_(self: Fields, key: str, read: Callable[[Node], Any], default: Any) -> Any:
        words = inspect.getclosurevars(read).nonlocals.get("words", ()) if inspect.isfunction(read) else ()
        WATCH.declared |= {Key(_place(self.what), key, word) for word in words if word != default}
        return get(self, key, read, default)

    _put(Fields, __init__=__init__, _take=_take, get=get_)


def _change_conditions() -> None:
    """Kinds of conditions, and `items`, read entries of their own beside what Fields reads."""
    for kind in KINDS:
        place = f"'{kind.kind}'"
        WATCH.declare(place, (name for one in kind.fields for name in one.name.split(", ")))
        _rob_first(kind, place)
    WATCH.declare("'items'", ItemFilter.COLUMNS)
    _rob_first(ItemFilter, "'items'")


def _rob_first(of: Any, place: str) -> None:
    read = of.read.__func__
    of.read = classmethod(lambda cls, node, *rest: read(cls, WATCH.rob(place, node), *rest))


def _change_comparisons() -> None:
    """Words of which exactly one must stand there: without it any value will do."""
    compare, on_instant, on_date = Comparison.sql, Window.on_instant, Window.on_date
    ignoring_case, read_ranking = comparisons._ignoring_case, ranking.Ranking.__init__
    WATCH.declare("a comparison", [*(word.name for word in WORDS), "ignoring"])
    WATCH.declare("a time", WINDOW_WORDS)
    WATCH.declare("a ranking", ["tie"])

    def sql(self: Comparison, column: Any) -> Any:
        return column.is_not(None) if WATCH.leaves_out("a comparison", self.word.name) else compare(self, column)

    def at(self: Window, column: Any, scope: Any) -> Any:
        return column.is_not(None) if WATCH.leaves_out("a time", self.word) else on_instant(self, column, scope)

    def on(self: Window, column: Any, scope: Any) -> Any:
        return column.is_not(None) if WATCH.leaves_out("a time", self.word) else on_date(self, column, scope)

    def ignoring(comparison: Comparison, name: Scalar, *rest: Any) -> Comparison:
        found = ignoring_case(comparison, name, *rest)
        return replace(found, ignoring_case=False) if WATCH.leaves_out("a comparison", "ignoring") else found

    def ranked(self: Any, word: str, most: Any, tie_all: bool, written: str) -> None:
        read_ranking(self, word, most, tie_all and not WATCH.leaves_out("a ranking", "tie"), written)

    _put(Comparison, sql=sql)
    _put(Window, on_instant=at, on_date=on)
    _put(comparisons, _ignoring_case=ignoring)
    _put(ranking.Ranking, __init__=ranked)


def _change_splits() -> None:
    said = split._said
    WATCH.declare("'split'", ["winner"])
    _put(split, _said=lambda node, reading: said(WATCH.rob("'split'", node), reading))


def _change_options() -> None:
    """Options and arguments of commands that may be left out."""
    for kind in (TyperOption, TyperArgument):
        _put(kind, consume_value=_asking(kind.consume_value))


def _asking(consume: Callable[..., Any]) -> Callable[..., Any]:
    def consume_value(self: Any, ctx: Any, opts: Mapping[str, Any]) -> Any:
        if self.name in (None, "help") or self.required:
            return consume(self, ctx, opts)
        WATCH.declare(ctx.command_path, [self.name])
        if opts.get(self.name) is not None and WATCH.leaves_out(ctx.command_path, self.name):
            opts = {**opts, self.name: None}
        return consume(self, ctx, opts)

    return consume_value


def _change_faults() -> None:
    begin, refuse = Fault.__init__, ContentError.__init__

    def refused(self: ContentError, *said: Any) -> None:
        refuse(self, *said)
        WATCH.faulty = True

    def __init__(self: Fault, *said: Any) -> None:
        begin(self, *said)
        frame = inspect.currentframe()
        for _ in range(6):
            frame = frame.f_back if frame else None
            local = frame.f_locals.values() if frame and WATCH.robbed else ()
            WATCH.refused |= any(one is robbed for one in local for robbed in WATCH.robbed)

    _put(Fault, __init__=__init__)
    _put(ContentError, __init__=refused)


def _put(of: Any, **changed: Any) -> None:
    for name, one in changed.items():
        setattr(of, name, one)
