"""The segments of two revisions of a workspace on one store: who enters, who leaves, which campaigns use them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_store.journeys.campaign import Campaign
from crm_store.segmentation.compile import scope_of
from crm_store.segmentation.difference import Difference, Reading, difference, says_the_same
from crm_store.segmentation.segment import Segment, closure
from crm_store.store import Store
from outreach.publishing import Content


@dataclass(frozen=True, order=True)
class Use:
    """Where a campaign says the segment: in its trigger, audience or exit_when; `through`: by way of that segment."""

    campaign: str
    status: str
    place: str
    through: str = ""

    def __str__(self) -> str:
        through = f" through {self.through}" if self.through else ""
        return f"{self.campaign} ({self.status}): {self.place}{through}"


@dataclass(frozen=True)
class Compared:
    """One segment in both revisions. `change` is new, deleted, changed or unchanged; `because` are the changed segments
    that it refers to; `used` in both revisions, `used_before` and `used_now` in one."""

    name: str
    change: str
    said: str | None
    says: str | None
    because: tuple[str, ...]
    difference: Difference
    used: tuple[Use, ...]
    used_before: tuple[Use, ...]
    used_now: tuple[Use, ...]


@dataclass(frozen=True)
class Pair:
    """Two revisions of a workspace, read at one instant."""

    store: Store
    now: datetime
    before: Content
    after: Content

    def names(self) -> list[str]:
        return sorted({*self.before.segments, *self.after.segments})

    def compare(self, names: Iterable[str], sample: int, *, unchanged_too: bool) -> Iterator[Compared]:
        """The segments of these names. What can't have changed is not looked up unless it is asked for."""
        with self.store.read() as conn:
            for name in names:
                before, after = _reading(conn, self.before, name, self.now), _reading(conn, self.after, name, self.now)
                change = _change(conn, before, after)
                if change != "unchanged" or unchanged_too:
                    yield self._compared(name, change, difference(conn, before, after, sample))

    def _compared(self, name: str, change: str, found: Difference) -> Compared:
        was, becomes = _uses(self.before, name), _uses(self.after, name)
        said, says = (_sentence(content, name) for content in (self.before, self.after))
        return Compared(
            name,
            change,
            said,
            says,
            self._changed_below(name) if said == says else (),
            found,
            tuple(sorted(was & becomes)),
            tuple(sorted(was - becomes)),
            tuple(sorted(becomes - was)),
        )

    def _changed_below(self, name: str) -> tuple[str, ...]:
        """The segments it refers to that say something else now."""
        below = closure({name}, self.before.segments) | closure({name}, self.after.segments)
        return tuple(one for one in sorted(below) if _sentence(self.before, one) != _sentence(self.after, one))


def _reading(conn: Any, content: Content, name: str, now: datetime) -> Reading | None:
    if name not in content.segments:
        return None
    scope = scope_of(conn, now, content.workspace.settings.company.zone, content.segments)
    return Reading(content.segments[name].who, scope)


def _change(conn: Any, before: Reading | None, after: Reading | None) -> str:
    if before is None or after is None:
        return "new" if before is None else "deleted"
    return "unchanged" if says_the_same(conn, before, after) else "changed"


def _sentence(content: Content, name: str) -> str | None:
    segment: Segment | None = content.segments.get(name)
    return segment.sentence() if segment else None


def _uses(content: Content, name: str) -> set[Use]:
    return {
        Use(campaign.name, campaign.status, place, "" if said == name else said)
        for campaign in content.campaigns.values()
        for place, said in _places(campaign)
        if name in closure({said}, content.segments)
    }


def _places(campaign: Campaign) -> Iterator[tuple[str, str]]:
    """(place in the file, segment that it names)."""
    for name in campaign.trigger.segments():
        yield "trigger", name
    for place, condition in (("audience", campaign.audience), ("exit_when", campaign.exit_when)):
        for name in condition.segments() if condition else ():
            yield place, name
