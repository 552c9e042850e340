"""What words mean while a file is read, and what `now` means while it is compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Connection, FromClause, and_, literal, or_, select, type_coerce

from crm_store.clock import local_date, local_instant, micros, start_of_day, zone_or_none
from crm_store.content.faults import Faults
from crm_store.content.literals import Gaps, Moment
from crm_store.content.names import UNCHECKED, Names
from crm_store.content.places import GeoPlace
from crm_store.content.vocabulary import Vocabulary
from crm_store.schema import customer, zone
from crm_store.schema.types import Instant
from crm_store.segmentation.anchors import edge_of, is_relative, shifted

if TYPE_CHECKING:
    from crm_store.segmentation.conditions.base import Condition


UNKNOWN_EVENT = ""


@dataclass(frozen=True)
class Language:
    """What is known while conditions are read: the company's words, the segments there are, whether an enrolment exists.

    `trigger_event` is the event that enters the campaign, if one does (UNKNOWN_EVENT: what enters has a fault);
    `in_campaign` allows `since: entered`; `file` is the name of the segment or campaign; `gaps`: usual gaps have a
    meaning here, because the events they lie between are known; `own_offers`: those of the campaign's own file,
    `own_steps`: of its steps those that write a touch.
    """

    vocabulary: Vocabulary
    faults: Faults
    segments: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset({"email"})
    in_campaign: bool = False
    trigger_event: str | None = None
    file: str = ""
    names: Names = UNCHECKED
    places: Mapping[str, GeoPlace] = field(default_factory=dict)
    gaps: bool = False
    own_offers: frozenset[str] = frozenset()
    own_steps: frozenset[str] = frozenset()


Shape = Literal["all", "among"]
K = TypeVar("K")
V = TypeVar("V")


class OnDemand(Mapping[K, V]):
    """A mapping that is looked up in the store when it is first asked: most conditions never do."""

    def __init__(self, look_up: Callable[[], Mapping[K, V]]) -> None:
        self._look_up = look_up

    @cached_property
    def _found(self) -> Mapping[K, V]:
        return self._look_up()

    @property
    def asked(self) -> bool:
        return "_found" in self.__dict__

    def __getitem__(self, key: K) -> V:
        return self._found[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


@dataclass(frozen=True)
class Scope:
    """What a condition is compiled for: an instant, a shape, and the rows it looks at.

    In shape `all` a condition is a set of customers (`id IN (SELECT ... GROUP BY ...)`); in shape `among` it is looked
    up for each row of an outer query over few customers. `enrolment` is a row of the outer query, in campaigns.

    `narrowed`: sets hold no others than those whose ids are bound. `by_row`: the database looks up customer by customer
    sooner than it makes sets (SQLite does; PostgreSQL hashes). `sets`: those that are joined to the outer query's
    customers; `is_alternative`: what is asked stands beside an OR, where a set must be one of these to be joined.
    """

    now: datetime
    company_zone: ZoneInfo
    local_dates: Mapping[date, tuple[int, ...]]
    segments: Mapping[str, Condition] = field(default_factory=dict)
    shape: Shape = "all"
    narrowed: bool = False
    by_row: bool = False
    enrolment: FromClause | None = None
    lists: Mapping[str, int] = field(default_factory=dict)
    usual_gap: ColumnElement[Any] | None = None
    sets: list[FromClause] | None = None
    is_alternative: bool = False

    @property
    def customer_id(self) -> ColumnElement[int]:
        return customer.c.id

    @property
    def today(self) -> date:
        """The company's date."""
        return local_date(self.now, self.company_zone)

    def by_local_date(self, test: Callable[[date], ColumnElement[bool]]) -> ColumnElement[bool]:
        """`test` for each date it is anywhere among the customers, on the customers whose date that is."""
        if len(self.local_dates) == 1:
            return test(next(iter(self.local_dates)))
        return or_(*(and_(customer.c.zone_id.in_(ids), test(day)) for day, ids in self.local_dates.items()))

    def instant(self, moment: Moment) -> datetime | ColumnElement[Any]:
        """A moment as an instant, or as SQL where it is the enrolment's."""
        if isinstance(moment.base, datetime):
            return local_instant(moment.base.date(), moment.base.time(), self.company_zone)
        if isinstance(moment.base, date):
            return start_of_day(moment.shifted_date(moment.base), self.company_zone)
        if is_relative(moment):
            return edge_of(moment, self)
        if moment.anchor == "now":
            return moment.shifted(self.now, self.company_zone)
        return self._enrolment_instant(moment)

    def gaps_ago(self, gaps: Gaps) -> ColumnElement[Any]:
        """So many of the customer's usual gaps before now."""
        span = type_coerce(self.usual_gap, BigInteger) * gaps.count
        return type_coerce(literal(micros(self.now), BigInteger) - span, Instant())

    def _enrolment_instant(self, moment: Moment) -> ColumnElement[Any]:
        if self.enrolment is None:
            raise LookupError(f"{moment} is known in campaigns only")
        column = self.enrolment.c.entered_at if moment.anchor == "entered" else self.enrolment.c.trigger_at
        return shifted(moment, column, self)


def local_dates(conn: Connection, now: datetime, company_zone: ZoneInfo) -> dict[date, tuple[int, ...]]:
    """Which date it is for whom: date -> zone rows. At most three dates at any instant."""
    dates: dict[date, list[int]] = {}
    for row in conn.execute(select(zone.c.id, zone.c.name)):
        dates.setdefault(local_date(now, zone_or_none(row.name) or company_zone), []).append(row.id)
    return {day: tuple(ids) for day, ids in dates.items()} or {local_date(now, company_zone): ()}
