"""What every kind of condition gives: how it is read, its SQL, its sentence in English, its help."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, Select

from crm_store.content.nodes import Mapping
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing


@dataclass(frozen=True)
class FieldHelp:
    """A key of a condition (or several that are alike), what it says, and the form of its value (see `forms.py`)."""

    name: str
    help: str
    form: str


@dataclass(frozen=True)
class Lead:
    """Customers to begin with, so that not all have to be looked at: whoever else there is, the condition doesn't hold.

    `ids`: a select of their ids; `rest`: what is still to be tested of them; `rank`: the lowest is likely to be the fewest.
    """

    ids: Select[Any]
    rank: int
    rest: tuple[Condition, ...] = ()
    unique: bool = False  # each id comes once


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

    def lead(self, scope: Scope) -> Lead | None:
        """Few customers among whom are all for whom it holds, if it knows some; the scope is in shape `all`."""
        return None

    @property
    def cost(self) -> int:
        """What looking it up for a customer costs: 0 reads a column, 1 looks into JSON, 2 at another row, 3 at a list,
        4 at several rows, 5 works something out of many."""
        return 2

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

    def feeds(self) -> Iterator[str]:
        """The kinds of events it looks at, those of segments it refers to apart."""
        for part in self.parts():
            yield from part.feeds()

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
