"""segment: membership in another segment, or how it came and went."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Self

from sqlalchemy import ColumnElement, and_, or_

from crm_store.content.faults import Fault, did_you_mean, every
from crm_store.content.fields import Fields, items, sure, text
from crm_store.content.literals import Duration, read_duration
from crm_store.content.nodes import Mapping, Node
from crm_store.schema import segment_member
from crm_store.segmentation.belonging import has_row, ids_of_rows
from crm_store.segmentation.conditions.base import Condition, FieldHelp, Lead
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing
from crm_store.segmentation.times import Window, read_nested_window

_MEMBER = segment_member.c


@dataclass(frozen=True)
class Stay:
    """How long somebody has been a member, compared: `at_least: 30 days`."""

    word: str
    spans: tuple[Duration, ...]

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        edges = [span.shift(scope.now, -1, scope.company_zone) for span in self.spans]
        return _STAYS[self.word](edges)

    def sentence(self) -> str:
        return f"for {self.word.replace('_', ' ')} {' and '.join(map(str, self.spans))}"


def _between(edges: list[datetime]) -> ColumnElement[bool]:
    return and_(_MEMBER.entered_at <= edges[0], _MEMBER.entered_at >= edges[1])


_STAYS: dict[str, Callable[[list[datetime]], ColumnElement[bool]]] = {
    "at_least": lambda edges: _MEMBER.entered_at <= edges[0],
    "more_than": lambda edges: _MEMBER.entered_at < edges[0],
    "at_most": lambda edges: _MEMBER.entered_at >= edges[0],
    "less_than": lambda edges: _MEMBER.entered_at > edges[0],
    "between": _between,
}


@dataclass(frozen=True)
class SegmentCondition(Condition):
    """The customer is in another segment; or has entered or left it, or been in it so long, as far as it is followed."""

    kind: ClassVar = "segment"
    help: ClassVar = "the customer is in another segment; with one of the other keys, when she came or went"
    example: ClassVar = "segment: coffee-drinkers"
    fields: ClassVar = (
        FieldHelp("segment", "the name of a file in segments/, without .yaml", "segment"),
        FieldHelp("entered, left", "has entered or left it then, e.g. {in_last: 7 days}", "window"),
        FieldHelp("for", "is in it, and has been so long, e.g. {at_least: 30 days}", "spans"),
    )
    name: str
    entered: Window | None = None
    left: Window | None = None
    stay: Stay | None = None

    @classmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        fields = Fields(node, language.faults, "'segment'")
        name = fields.need("segment", lambda value: _known(value, language))
        language = replace(language, in_campaign=False)
        entered, left = (
            fields.maybe(key, lambda value: read_nested_window(value, language)) for key in ("entered", "left")
        )
        stay = fields.maybe("for", _stay)
        if sum(fields.has(key) for key in ("entered", "left", "for")) > 1:
            fields.fault(node.place, "one of entered, left, for only; use a list under `all:`")
        fields.close()
        return cls(sure(name), entered, left, stay)

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        if not self._of_memberships:
            return scope.segments[self.name].sql(scope)
        return has_row(segment_member, scope, *self._tests(scope))

    def moved(self, time: Passing) -> Moved:
        return None if self._of_memberships else time.after.segments[self.name].moved(time)

    def lead(self, scope: Scope) -> Lead | None:
        if not self._of_memberships:
            return scope.segments[self.name].lead(scope)
        return Lead(ids_of_rows(segment_member, scope, *self._tests(scope)), rank=3)

    def _tests(self, scope: Scope) -> list[ColumnElement[bool]]:
        at = _MEMBER.left_at if self.left is not None else _MEMBER.entered_at
        tests = [_MEMBER.segment == self.name, at <= scope.now]
        tests += [window.on_instant(at, scope) for window in (self.entered, self.left) if window is not None]
        if self.stay is not None:
            tests += [or_(_MEMBER.left_at.is_(None), _MEMBER.left_at > scope.now), self.stay.sql(scope)]
        return tests

    def sentence(self) -> str:
        if self.entered is not None:
            return f"they entered segment {self.name} {self.entered.sentence()}"
        if self.left is not None:
            return f"they left segment {self.name} {self.left.sentence()}"
        return f"they {'are' if self.stay is None else 'have been'} in segment {self.name}" + (
            f" {self.stay.sentence()}" if self.stay else ""
        )

    def segments(self) -> Iterator[str]:
        yield self.name

    def embedded(self) -> Iterator[str]:
        if not self._of_memberships:
            yield self.name

    def followed(self) -> Iterator[str]:
        if self._of_memberships:
            yield self.name

    @property
    def _of_memberships(self) -> bool:
        return bool(self.entered or self.left or self.stay)


def _known(node: Node, language: Language) -> str:
    name = text(node)
    if name not in language.segments:
        raise Fault(node.place, f"segment '{name}' is not in segments/{did_you_mean(name, language.segments)}")
    return name


def _stay(node: Node) -> Stay:
    if not isinstance(node, Mapping) or len(node.entries) != 1 or node.entries[0][0].text not in _STAYS:
        raise Fault(node.place, f"must have exactly one of {', '.join(_STAYS)}, e.g. {{at_least: 30 days}}")
    name, value = node.entries[0]
    spans = every(read_duration, items(value)) if name.text == "between" else (read_duration(value),)
    if name.text == "between" and len(spans) != 2:
        raise Fault(value.place, "between takes two durations, [from, to]")
    return Stay(name.text, spans)
