"""Reading the keys of a mapping: each once, unknown and not yet built ones are faults, all reported together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from crm_store.content.faults import Fault, Faults, Incomplete, Place, SeveralFaults, Unnamed, did_you_mean, every, nearest
from crm_store.content.nodes import Mapping, Node, Scalar, Sequence

T = TypeVar("T")


class Fields:
    """The keys of one mapping. Take what you know, then `close()`, which reports everything else.

    `planned` are words of the grammar that this version does not build yet.
    """

    def __init__(self, node: Node, faults: Faults, what: str, planned: Iterable[str] = ()) -> None:
        if not isinstance(node, Mapping):
            raise Fault(node.place, f"{what} must be a mapping of `key: value`")
        self.node = node
        self.what = what
        self._faults = faults
        self._planned = frozenset(planned)
        self._known: set[str] = set()
        self._complete = True

    @property
    def place(self) -> Place:
        return self.node.place

    def has(self, key: str) -> bool:
        return self.node.get(key) is not None

    def place_of(self, key: str) -> Place:
        value = self.node.get(key)
        return value.place if value else self.place

    def get(self, key: str, read: Callable[[Node], T], default: T) -> T:
        """The value read, or the default when the key is not there (or its value has a fault, which is kept)."""
        found = self._take(key, read)
        return default if found is None else found

    def several(self, key: str, read: Callable[[Node], tuple[T, ...]]) -> tuple[T, ...]:
        """The values read, none when the key is not there."""
        return self._take(key, read) or ()

    def table(self, key: str, read: Callable[[Node], dict[str, T]]) -> dict[str, T]:
        """The values read by name, none when the key is not there."""
        return self._take(key, read) or {}

    def maybe(self, key: str, read: Callable[[Node], T]) -> T | None:
        """The value read, or None when the key is not there."""
        return self._take(key, read)

    def need(self, key: str, read: Callable[[Node], T]) -> T | None:
        """The value read; a missing key is a fault. None only when `close()` is going to raise."""
        if not self.has(key):
            self.fault(self.place, f"{self.what} needs '{key}'")
        return self._take(key, read)

    def fault(self, place: Place, what: str) -> None:
        self._complete = False
        self._faults.add(place, what)

    def known(self, *keys: str) -> None:
        """Say that these keys are read elsewhere."""
        self._known.update(keys)

    def close(self) -> None:
        """Report the keys nobody took. Raises Incomplete if the mapping has any fault."""
        for name, _ in self.node.entries:
            if name.text in self._known:
                continue
            if name.text in self._planned:
                self.fault(name.place, f"{self.what}: '{name.text}' is not built yet; take it out for now")
            else:
                hint = did_you_mean(name.text, self._known)
                self.fault(name.place, f"{self.what} has no '{name.text}'{hint}")
        if not self._complete:
            raise Incomplete

    def _take(self, key: str, read: Callable[[Node], T]) -> T | None:
        self._known.add(key)
        value = self.node.get(key)
        if value is None:
            return None
        result = self._faults.attempt(_naming(key, read), value)
        if result is None:
            self._complete = False
        return result


def _naming(key: str, read: Callable[[Node], T]) -> Callable[[Node], T]:
    """The same reader, whose faults say under which key the value stands."""

    def named(node: Node) -> T:
        under = [node, *(node.items if isinstance(node, Sequence) else ())]
        try:
            return read(node)
        except Fault as fault:
            raise _named(fault, key, under) from None
        except SeveralFaults as several:
            raise SeveralFaults(_named(one, key, under) for one in several.faults) from None

    return named


def _named(fault: Fault, key: str, under: list[Node]) -> Fault:
    """With the key before it, if it is about the key's value or an item of that."""
    if isinstance(fault, Unnamed) and any(fault.node is node for node in under):
        return Fault(fault.place, f"'{key}' {fault.what}")
    words = {" ".join(node.text.split()) for node in under if isinstance(node, Scalar) and node.place == fault.place}
    if any(fault.what.startswith(f"'{word}'") for word in words):
        return Fault(fault.place, f"{key}: {fault.what}")
    return fault


def sure(value: T | None) -> T:
    """A needed value after `close()` has vouched for it."""
    if value is None:
        raise Incomplete
    return value


def text(node: Node) -> str:
    """A text that is not empty."""
    if not isinstance(node, Scalar):
        raise Unnamed(node, "must be a single text")
    if node.empty or not node.text.strip():
        raise Unnamed(node, "is empty; write a value or take the key out")
    return node.text


def literal(node: Node) -> str:
    """A text as written; quoted empty text is a value."""
    if not isinstance(node, Scalar):
        raise Unnamed(node, "must be a single text")
    if node.empty:
        raise Unnamed(node, "is empty; write a value or take the key out")
    return node.text


def items(node: Node) -> tuple[Node, ...]:
    """The items of a list; an empty list is a fault."""
    if not isinstance(node, Sequence):
        raise Unnamed(node, "must be a list; write [a, b], or each item on a line of its own after `- `")
    if not node.items:
        raise Unnamed(node, "is an empty list; name at least one")
    return node.items


def texts(node: Node) -> tuple[str, ...]:
    """A list of texts, or one text alone."""
    if isinstance(node, Scalar):
        return (text(node),)
    return every(literal, items(node))


def one_of(*words: str) -> Callable[[Node], str]:
    """A reader that takes one of these words."""

    def read(node: Node) -> str:
        word = text(node)
        if word not in words:
            raise Fault(node.place, f"'{word}' is not one of {', '.join(words)}{nearest(word, words)}")
        return word

    return read


def truth(node: Node) -> bool:
    """`true` or `false` (also `yes` or `no`)."""
    word = text(node).lower()
    if word not in {"true", "false", "yes", "no"}:
        raise Fault(node.place, f"'{word}' must be true or false")
    return word in {"true", "yes"}
