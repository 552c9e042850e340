"""What every kind of condition gives: how it is read, its SQL, its sentence in English, its help."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement

from crm_store.content.nodes import Mapping
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing


@dataclass(frozen=True)
class FieldHelp:
    """A key of a condition (or several that are alike), what it says, and the form of its value (see `forms.py`)."""

    name: str
    help: str
    form: str


class Condition(ABC):
    """A condition on the customer row of a query. Subclasses are frozen dataclasses, one file each."""

    kind: ClassVar[str]
    help: ClassVar[str]
    example: ClassVar[str]
    fields: ClassVar[tuple[FieldHelp, ...]]

    @classmethod
    @abstractmethod
    def read(cls, node: Mapping, language: Language) -> Self:
        """The condition a mapping says. Raises Fault or Incomplete."""

    @abstractmethod
    def sql(self, scope: Scope) -> ColumnElement[bool]:
        """SQL over the `customer` row of the outer query, in the scope's shape; may be NULL for false."""

    @abstractmethod
    def sentence(self) -> str:
        """The condition in English, to be read after "customers for whom"."""

    def values(self, scope: Scope) -> dict[str, ColumnElement[Any]]:
        """What it looks at, as SQL over the `customer` row, by name: for `explain --customer`."""
        return {}

    def moved(self, time: Passing) -> Moved:
        """Of whom it may say something else only because time has passed: see `passing.py`."""
        return None

    def parts(self) -> Sequence[Condition]:
        """The conditions it is made of."""
        return ()

    def segments(self) -> Iterator[str]:
        """The names of the segments it refers to."""
        for part in self.parts():
            yield from part.segments()

    def lists(self) -> Iterator[str]:
        """The names of the static lists it asks for."""
        for part in self.parts():
            yield from part.lists()

    def embedded(self) -> Iterator[str]:
        """The names of the segments that are compiled in place, which must not be its own."""
        for part in self.parts():
            yield from part.embedded()

    def followed(self) -> Iterator[str]:
        """The names of the segments of which it must be known since when their members are in them."""
        for part in self.parts():
            yield from part.followed()
