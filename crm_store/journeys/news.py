"""What a tick has to look at again: whom something was written about, and whom the passing of time concerns.

Who waits for something, or may enter, was looked at in an earlier tick; what was found then still holds of everybody else.
The ticks read the marks of `changes.py` and note as of when they have looked (`looked`). A version that a tick leaves out
while there are marks, whose conditions don't tell whom time concerns, or whose looks depended on something that is
otherwise now (`digest`), is looked at in full.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Select, delete, or_, select
from sqlalchemy.sql import visitors

from crm_store.changes import Marks, all_marks, forget
from crm_store.dialect import insert
from crm_store.journeys.context import Runnable
from crm_store.journeys.due import Due, dues
from crm_store.many import ids_of
from crm_store.program import program_version
from crm_store.schema import enrolment, event, looked
from crm_store.segmentation.compile import lists_of, scope_of
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.language import Scope
from crm_store.segmentation.passing import Anybody, Moved, Passing, concerned, together
from crm_store.store import Store

# What of a version is looked at: those who may enter by it, those who are under way in it, those who may reach its goal,
# those whom it has paused until something comes.
ENTRY, WAY, GOAL, PAUSE = "entry", "way", "goal", "pause"
# Goals that nobody can reach any more are looked for so often: late ones are few, and only looking at all tells.
_ALL_GOALS = timedelta(days=1)
_PART = 10_000  # customers at once
_SLICE = 10_000
_MANY = 100_000  # marked customers
Key = tuple[int, str]


@dataclass(frozen=True)
class Looked:
    """As of when something was looked at, and what it depended on beside customers and time."""

    as_of: datetime
    digest: str


@dataclass
class News:
    """What is new as of `now`, read before anything is planned. `taken`: the marks that all campaigns look at."""

    now: datetime
    taken: Marks
    marks: Marks
    looked: Mapping[Key, Looked]
    lists: Mapping[str, int]
    due: Mapping[int, Due]
    _looking: dict[Key, Looked] = field(default_factory=dict)
    _marked_in: dict[int, array[int]] | None = None
    _worth_noting: bool = False

    @classmethod
    def read(cls, conn: Connection, now: datetime, versions: Iterable[Runnable]) -> News:
        """`versions`: those in which somebody is under way."""
        marks = all_marks(conn)
        return cls(now, marks, marks, _noted(conn), lists_of(conn), dues(conn, versions, now))

    def look_again(self, conn: Connection) -> None:
        """A campaign has written of customers; the next ones see it now, all of them next time."""
        self.marks, self._marked_in = all_marks(conn), None

    def since(self, version: Runnable, part: str) -> datetime | None:
        """As of when that part of the version, which is looked at now, was looked at before; None: look in full."""
        key, digest = (version.id, part), self._digest(version)
        self._looking[key] = Looked(self.now, digest)
        known = self.looked.get(key)
        if known is None or known.digest != digest or known.as_of > self.now:
            self._worth_noting = True
            return None
        return known.as_of

    def _digest(self, version: Runnable) -> str:
        asked = sorted({name for condition in version.campaign.conditions() for name in _lists(condition, version)})
        return sha256(f"{program_version()} {[(name, self.lists.get(name)) for name in asked]}".encode()).hexdigest()[:32]

    def note(self) -> None:
        """What was looked at is to be noted at the end, though nobody was found."""
        self._worth_noting = True

    def written(self, conn: Connection, version: Runnable) -> Sequence[int] | None:
        """The customers of the version whom something was written about since it was looked at; None: it may be anybody."""
        return None if self.since(version, WAY) is None else self._marked(conn, version)

    def concerned(self, conn: Connection, version: Runnable, condition: Condition, part: str) -> Sequence[int] | None:
        """The customers of whom the condition may say something else than when that part was looked at; None: anybody."""
        since = self.since(version, part)
        if since is None:
            return None
        moved = self._moved(conn, version, condition, since)
        everyone = part == PAUSE or isinstance(moved, Anybody)  # who is out may be paused; one's rank follows from others'
        return self._few(conn, moved, self.marks.customers if everyone else self._marked(conn, version))

    def _marked(self, conn: Connection, version: Runnable) -> Sequence[int]:
        """Those of the marked customers who are in the version, or may reach its goal: asked once for all versions. Very
        many are asked by each version for itself."""
        if len(self.marks.customers) > _MANY:
            return self.marks.customers
        if self._marked_in is None:
            self._marked_in = {}
            theirs = enrolment.c.customer_id.in_(ids_of(self.marks.customers))
            chosen = select(enrolment.c.definition_id, enrolment.c.customer_id).where(theirs)
            under_way = or_(enrolment.c.state == "in", enrolment.c.goal_until.is_not(None))
            for number, customer_id in conn.execute(chosen.where(under_way).distinct()):
                self._marked_in.setdefault(number, array("q")).append(customer_id)
        return self._marked_in.get(version.id, array("q"))

    def entering(self, conn: Connection, version: Runnable, since: datetime) -> Sequence[int] | None:
        """The customers who may enter since then, those whose right instant has come since apart; None: anybody."""
        campaign = version.campaign
        audience = self._moved(conn, version, campaign.audience, since) if campaign.audience is not None else []
        by_trigger = campaign.trigger.moved(_passing(conn, version, since, self.now))
        # Who has left in this very planning is marked since the marks were read.
        marked = all_marks(conn) if campaign.again.policy == "leaving" else self.marks
        return self._few(conn, together([audience, by_trigger]), marked.customers)

    def _few(self, conn: Connection, moved: Moved, marked: Sequence[int]) -> Sequence[int] | None:
        found = concerned(conn, moved, marked)
        self._worth_noting = self._worth_noting or found != []
        return found

    def aiming(self, conn: Connection, version: Runnable) -> Sequence[int] | None:
        """The customers who may have reached the version's goal since it was looked for; None: anybody."""
        since, goal = self.since(version, GOAL), version.campaign.goal
        if since is None or goal is None or self.now - since >= _ALL_GOALS:
            self._worth_noting = True
            return None
        time = _passing(conn, version, since, self.now)
        moved = time.over(event, event.c.at, event.c.kind == goal.kind.name)
        return self._few(conn, moved, self._marked(conn, version))

    def tells(self, conn: Connection, version: Runnable, condition: Condition) -> bool:
        """Whether nobody is concerned by it but those whom something was written about and those whom time concerns."""
        return self._moved(conn, version, condition, self.now) is not None

    def _moved(self, conn: Connection, version: Runnable, condition: Condition, since: datetime) -> Moved:
        time = _passing(conn, version, since, self.now)
        moved = condition.moved(time)
        self._worth_noting = self._worth_noting or time.is_another_day
        # What is asked of customers alone can't be told of enrolments.
        selects = moved.unless_none if isinstance(moved, Anybody) else moved or []
        return None if any(_asks_enrolment(chosen) for chosen in selects) else moved

    def end(self, store: Store) -> None:
        """Note what was looked at and take the marks away, if there is anything to note."""
        if self._worth_noting or self.taken.customers:
            store.write_snapshot(self._note)
            for some in self.taken.parts(_SLICE):
                store.write(forget, some)

    def _note(self, conn: Connection) -> None:
        """Where somebody else has noted another instant meanwhile, what we saw may be out of date: that is not noted."""
        stored = _noted(conn)
        fresh = {key: one for key, one in self._looking.items() if stored.get(key) in (self.looked.get(key), one)}
        conn.execute(delete(looked))
        for (definition_id, part), one in sorted(fresh.items()):
            values = {"as_of": one.as_of, "digest": one.digest}
            row = insert(conn, looked).values(definition_id=definition_id, part=part, **values)
            conn.execute(row.on_conflict_do_update(index_elements=["definition_id", "part"], set_=values))


def in_parts(customers: Sequence[int] | None) -> Iterator[Sequence[int] | None]:
    """The same in slices; None stays None: everybody."""
    if customers is None:
        yield None
    else:
        yield from (customers[start : start + _PART] for start in range(0, len(customers), _PART))


def _noted(conn: Connection) -> dict[Key, Looked]:
    return {(row.definition_id, row.part): Looked(row.as_of, row.digest) for row in conn.execute(select(looked))}


def _asks_enrolment(chosen: Select[Any]) -> bool:
    return any(part is enrolment for part in visitors.iterate(chosen))


def _lists(condition: Condition, version: Runnable) -> set[str]:
    """The lists that it asks for, itself or through segments."""
    return set(condition.lists()).union(*(_lists(version.segments[name].who, version) for name in condition.embedded()))


def _passing(conn: Connection, version: Runnable, since: datetime, now: datetime) -> Passing:
    return Passing(_scope(conn, version, since), _scope(conn, version, now))


def _scope(conn: Connection, version: Runnable, at: datetime) -> Scope:
    scope = scope_of(conn, at, version.settings.company.zone, version.segments)
    return replace(scope, enrolment=enrolment)
