"""Comparisons of single values, listed in WORDS. A missing value makes a positive word false, a negative one true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, func, or_
from sqlalchemy import literal as sql_literal

from crm_store.content.faults import Fault, did_you_mean, every
from crm_store.content.fields import items, literal, one_of, truth
from crm_store.content.literals import parse_number, read_money
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.dialect import ListIncludes, Matching, folded, list_length, position_of
from crm_store.folding import fold
from crm_store.schema.types import Number
from crm_store.segmentation.patterns import Pattern, Unreadable, read_pattern

Value = Any
Column = ColumnElement[Any]
Test = Callable[[Column, Value], ColumnElement[bool]]


@dataclass(frozen=True)
class ValueSpec:
    """What kind of value is compared: `type` is a vocabulary type; `values` if only these may be named.

    Of money: the currency that it is compared in, and by how much amounts were multiplied to stay whole numbers.
    """

    type: str
    values: tuple[str, ...] = ()
    currency: str | None = None
    scale: int = 1


@dataclass(frozen=True)
class Word:
    """One comparison word: how its operand is read, its SQL, and how it is said (`{}`: the operand or its ends)."""

    name: str
    types: tuple[str, ...]
    read: Callable[[Node, ValueSpec], Value]
    sql: Test
    said: str


@dataclass(frozen=True)
class Comparison:
    """A word with its operand; `currency` if it is an amount of money; `ignoring_case`: both sides are folded."""

    word: Word
    value: Value
    currency: str | None = None
    ignoring_case: bool = False

    def sql(self, column: Column) -> ColumnElement[bool]:
        if self.ignoring_case:
            return self.word.sql(folded(column), _folded(self.value))
        return self.word.sql(column, self.value)

    def sentence(self) -> str:
        return self._said() + (" (upper or lower case)" if self.ignoring_case else "")

    def _said(self) -> str:
        if self.word.name == "is_set":
            return "is set" if self.value else "is not set"
        if self.word.name == "between":
            return self.word.said.format(*(_said(end) for end in self.value))
        if self.word.name == "length":
            return f"has a length that {self.value.sentence()}"
        return self.word.said.format(_said(self.value))

    def holds_for_missing(self) -> bool:
        """Whether a missing value satisfies it."""
        return self.word.name in NEGATIVE or (self.word.name == "is_set" and not self.value)

    def holds_for_zero(self) -> bool:
        """Whether 0 satisfies it: then customers without any match belong to it too."""
        return _HOLDS[self.word.name](Decimal(0), self.value) if self.word.name in _HOLDS else False


def _folded(value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(_folded(item) for item in value)
    return value.folded(fold) if isinstance(value, Pattern) else fold(value)


def _said(value: Value) -> str:
    if isinstance(value, tuple):
        return " or ".join(_said(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Quantity):
        return value.written
    return f"'{value.written if isinstance(value, Pattern) else value}'"


@dataclass(frozen=True)
class Quantity:
    """A number as it is compared, and as it was written (`20 EUR` is compared as 2000)."""

    number: Decimal
    written: str


def read_scalar(node: Node, spec: ValueSpec) -> Value:
    """One value of the type, as it is stored."""
    word = literal(node)
    if spec.type in ("number", "money"):
        return _quantity(node, spec)
    if spec.type == "yes-no":
        return truth(node)
    if spec.type in ("text", "text path"):
        return _known(word, node, spec)
    raise Fault(node.place, f"a {spec.type} can't be compared like that")


def _known(word: str, node: Node, spec: ValueSpec) -> str:
    if spec.values and word not in spec.values:
        raise Fault(node.place, f"'{word}' is not one of its values{did_you_mean(word, spec.values)}")
    return word


def _quantity(node: Node, spec: ValueSpec) -> Quantity:
    if spec.type == "money":
        money = read_money(node)
        if spec.currency and money.currency != spec.currency:
            raise Fault(node.place, f"'{money}' must be in {spec.currency}, the currency of the amounts")
        return Quantity(Decimal(money.minor) * spec.scale, money.written)
    return Quantity(parse_number(literal(node), node), literal(node))


def _read_many(node: Node, spec: ValueSpec) -> tuple[Value, ...]:
    return every(lambda item: read_scalar(item, spec), items(node))


def _read_both_ends(node: Node, spec: ValueSpec) -> tuple[Value, Value]:
    ends = items(node)
    if len(ends) != 2:
        raise Fault(node.place, "between takes two values, [from, to]")
    low, high = every(lambda end: _quantity(end, spec), ends)
    if low.number > high.number:
        raise Fault(node.place, f"between {low.written} and {high.written} is empty; the smaller comes first")
    return low, high


def _read_part(node: Node, spec: ValueSpec) -> str:  # parts of values are not values
    part = literal(node)
    if not part:
        raise Fault(node.place, "an empty text is part of every text; name one")
    return part


def _read_path(node: Node, spec: ValueSpec) -> str:
    return _read_part(Scalar(literal(node).rstrip("/"), node.place), spec)


def _read_pattern(node: Node, spec: ValueSpec) -> Pattern:
    try:
        return read_pattern(_read_part(node, spec))
    except Unreadable as error:
        raise Fault(node.place, f"'{literal(node)}' {error}") from None


def _read_member(node: Node, spec: ValueSpec) -> str:
    return _known(literal(node), node, spec)


def _read_members(node: Node, spec: ValueSpec) -> tuple[str, ...]:
    return every(lambda item: _read_member(item, spec), items(node))


def _read_length(node: Node, spec: ValueSpec) -> Comparison:
    return read_comparison(node, ValueSpec("number"))


def _read_truth(node: Node, spec: ValueSpec) -> bool:
    return truth(node)


def _plain(value: Value) -> Value:
    """The operand for SQL. Numbers bring their own type: a count is not to be compared with 2 when the file says 1.5, but
    with 2 as the whole number it is."""
    if not isinstance(value, Quantity):
        return value
    whole = value.number == int(value.number) and abs(value.number) < 2**63
    return sql_literal(int(value.number), BigInteger()) if whole else sql_literal(value.number, Number())


def _in(column: Column, values: tuple[Value, ...]) -> ColumnElement[bool]:
    return column.in_([_plain(value) for value in values])


def _ends_with(column: Column, part: str) -> ColumnElement[bool]:
    return and_(func.length(column) >= len(part), func.substr(column, func.length(column) - len(part) + 1) == part)


def _under(column: Column, path: str) -> ColumnElement[bool]:
    # '0' is the byte after '/': everything below the path lies between the two.
    return or_(column == path, and_(column >= path + "/", column < path + "0"))


def _matches(column: Column, pattern: Pattern) -> ColumnElement[bool]:
    return Matching(column, pattern.python(), pattern.postgresql())


def _includes(column: Column, member: str) -> ColumnElement[bool]:
    return ListIncludes(column, (member,), every=True)


def _includes_any(column: Column, members: tuple[str, ...]) -> ColumnElement[bool]:
    return ListIncludes(column, members, every=False)


def _includes_all(column: Column, members: tuple[str, ...]) -> ColumnElement[bool]:
    return ListIncludes(column, members, every=True)


def _length(column: Column, length: Comparison) -> ColumnElement[bool]:
    return length.sql(list_length(column))


ALL = ("text", "text path", "number", "money", "yes-no")
NUMBERS = ("number", "money")
TEXTS = ("text", "text path")
LISTS = ("list",)
EVERYTHING = (*ALL, "date", "instant", "yearly", "list")

WORDS: tuple[Word, ...] = (
    Word("is", ALL, read_scalar, lambda column, value: column == _plain(value), "is {}"),
    Word("is_not", ALL, read_scalar, lambda column, value: or_(column.is_(None), column != _plain(value)), "is not {}"),
    Word("in", ALL, _read_many, _in, "is {}"),
    Word("not_in", ALL, _read_many, lambda c, values: or_(c.is_(None), ~_in(c, values)), "is none of {}"),
    Word("is_set", EVERYTHING, _read_truth, lambda c, yes: c.is_not(None) if yes else c.is_(None), "is set: {}"),
    Word("at_least", NUMBERS, read_scalar, lambda column, value: column >= _plain(value), "is at least {}"),
    Word("more_than", NUMBERS, read_scalar, lambda column, value: column > _plain(value), "is more than {}"),
    Word("at_most", NUMBERS, read_scalar, lambda column, value: column <= _plain(value), "is at most {}"),
    Word("less_than", NUMBERS, read_scalar, lambda column, value: column < _plain(value), "is less than {}"),
    Word("between", NUMBERS, _read_both_ends, lambda c, v: c.between(_plain(v[0]), _plain(v[1])), "is between {} and {}"),
    Word("contains", TEXTS, _read_part, lambda column, part: position_of(column, part) > 0, "contains {}"),
    Word(
        "not_contains",
        TEXTS,
        _read_part,
        lambda c, part: or_(c.is_(None), position_of(c, part) == 0),
        "does not contain {}",
    ),
    Word("starts_with", TEXTS, _read_part, lambda c, part: func.substr(c, 1, len(part)) == part, "starts with {}"),
    Word("ends_with", TEXTS, _read_part, _ends_with, "ends with {}"),
    Word("matches", TEXTS, _read_pattern, _matches, "matches {}"),
    Word("under", ("text path",), _read_path, _under, "is under {}"),
    Word("includes", LISTS, _read_member, _includes, "includes {}"),
    Word("includes_any", LISTS, _read_members, _includes_any, "includes {}"),
    Word("includes_all", LISTS, _read_members, _includes_all, "includes all of {}"),
    Word("length", LISTS, _read_length, _length, "has a length that {}"),
)
NEGATIVE = ("is_not", "not_in", "not_contains")
# Words that stand beside a word and change how it compares.
MODIFIERS = ("ignoring",)

_HOLDS: dict[str, Callable[[Decimal, Any], bool]] = {
    "is": lambda zero, value: zero == value.number,
    "is_not": lambda zero, value: zero != value.number,
    "in": lambda zero, values: any(zero == value.number for value in values),
    "not_in": lambda zero, values: all(zero != value.number for value in values),
    "at_least": lambda zero, value: zero >= value.number,
    "more_than": lambda zero, value: zero > value.number,
    "at_most": lambda zero, value: zero <= value.number,
    "less_than": lambda zero, value: zero < value.number,
    "between": lambda zero, ends: ends[0].number <= zero <= ends[1].number,
    "is_set": lambda zero, yes: bool(yes),
}


def words_for(kind: str) -> dict[str, Word]:
    return {word.name: word for word in WORDS if kind in word.types}


def read_comparison(node: Node, spec: ValueSpec) -> Comparison:
    """A mapping with exactly one word, e.g. `{at_least: 3}`."""
    if isinstance(node, Scalar):
        raise Fault(node.place, f"must be a comparison; write {{is: {literal(node)}}}")
    if not isinstance(node, Mapping):
        raise Fault(node.place, "must be a comparison, e.g. {at_least: 3}")
    return read_only_word(node.entries, node, spec)


def read_only_word(entries: Sequence[tuple[Scalar, Node]], node: Node, spec: ValueSpec) -> Comparison:
    """The one word that stands there, with its operand; `ignoring: case` may stand beside it."""
    words = [(name, value) for name, value in entries if name.text not in MODIFIERS]
    if len(words) != 1:
        raise Fault(node.place, "must be a comparison with exactly one word, e.g. {at_least: 3}")
    comparison = read_word(*words[0], spec)
    modifiers = [(name, value) for name, value in entries if name.text in MODIFIERS]
    return _ignoring_case(comparison, *modifiers[0], spec) if modifiers else comparison


def _ignoring_case(comparison: Comparison, name: Scalar, value: Node, spec: ValueSpec) -> Comparison:
    if spec.type not in TEXTS or comparison.word.name == "is_set":
        raise Fault(name.place, "'ignoring: case' stands beside comparisons of texts")
    one_of("case")(value)
    return replace(comparison, ignoring_case=True)


def read_word(name: Scalar, operand: Node, spec: ValueSpec) -> Comparison:
    known = words_for(spec.type)
    if name.text in known:
        word = known[name.text]
        return Comparison(word, word.read(operand, spec), spec.currency)
    raise Fault(name.place, f"type '{spec.type}' has no comparison '{name.text}'{did_you_mean(name.text, known)}")
