"""What every trigger gives: how it is read, and whom it would enter, as one select."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, Connection, Select, select

from crm_store.content.fields import Fields
from crm_store.content.literals import Rate
from crm_store.journeys.again import Again
from crm_store.many import ids_of
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing


@dataclass(frozen=True)
class Window:
    """When an entry's right instant must lie for it to be made now: [since, now]. `limit`: how many enrolments a customer
    may have in a while, which facts must leave room for. `only`: of these customers; `span`: of those with a number from
    the first to before the second."""

    since: datetime
    now: datetime
    live_since: datetime
    limit: Rate | None = None
    only: Sequence[int] | None = None
    span: tuple[int, int] | None = None

    def of(self, customer_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
        """The tests that it is one of the customers who are asked for, if it is not everybody."""
        only = [customer_id.in_(ids_of(self.only))] if self.only is not None else []
        span = [customer_id >= self.span[0], customer_id < self.span[1]] if self.span is not None else []
        return [*only, *span]


class Trigger(ABC):
    """What enters customers into a campaign. Subclasses are frozen dataclasses, one file each."""

    word: ClassVar[str]
    help: ClassVar[str]
    others: ClassVar[tuple[str, ...]] = ()  # further words of `enter` that mean it
    own_keys: ClassVar[bool] = False  # its enrolments are distinct by themselves, so that `again` has nothing to say
    of_everybody: ClassVar[bool] = False  # all customers are candidates: what has been gone through is not looked at again

    @classmethod
    @abstractmethod
    def read(cls, fields: Fields, language: Language) -> Self:
        """The trigger that the keys of `enter` say; takes its own keys only. Raises Fault or Incomplete."""

    @abstractmethod
    def candidates(self, conn: Connection, campaign: str, again: Again, window: Window, scope: Scope) -> Select[Any]:
        """A select of `again.CANDIDATE` columns: whoever has reached the trigger, enrolled already or not."""

    @abstractmethod
    def sentence(self) -> str:
        """In English, to be read after "entered by"."""

    def comes(self, conn: Connection, window: Window, scope: Scope) -> bool:
        """Whether anybody can be a candidate at all, as far as that is known without looking at customers."""
        return True

    def moved(self, time: Passing) -> Moved:
        """Who may reach it after a look, beside those with an instant after that look and those whom something was written
        about; None: anybody."""
        return None

    def event(self) -> str | None:
        """The event that enters, if one does."""
        return None

    @property
    def at_once(self) -> bool:
        """Whether it enters as soon as its event is written."""
        return False

    @property
    def by_zones(self) -> bool:
        """Whether it comes at a time of the customers' own: to each zone at another instant."""
        return False

    def feeds(self) -> Iterator[str]:
        """The kinds of events without which nobody knows whom it enters."""
        entering = self.event()
        yield from (entering,) if entering else ()

    def segments(self) -> Iterator[str]:
        """The segments whose joining enters."""
        return iter(())

    def a_day(self) -> int | None:
        """How often it can come to one customer within a day, if it says so itself."""
        return None


def any_at(
    conn: Connection, at: ColumnElement[datetime], first: datetime, last: datetime, *tests: ColumnElement[bool]
) -> bool:
    """Whether there is a row with its instant between these, both included."""
    return conn.execute(select(at).where(*tests, at >= first, at <= last).limit(1)).first() is not None
