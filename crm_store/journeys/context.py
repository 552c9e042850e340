"""A campaign ready to run: its definition with everything it refers to, and the scopes its conditions are compiled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, FromClause

from crm_store.content.settings import Settings
from crm_store.content.vocabulary import Vocabulary
from crm_store.journeys.campaign import Campaign
from crm_store.ledger.log import NO_REASON
from crm_store.segmentation.compile import scope_of
from crm_store.segmentation.language import Scope
from crm_store.segmentation.segment import Segment


@dataclass(frozen=True)
class Runnable:
    """A published version of a campaign. `id` is its definition's."""

    id: int
    campaign: Campaign
    segments: Mapping[str, Segment]
    settings: Settings
    vocabulary: Vocabulary

    def scope(self, conn: Connection, now: datetime, enrolment: FromClause | None = None) -> Scope:
        """For conditions on few customers: the rows of an outer query."""
        scope = scope_of(conn, now, self.settings.company.zone, self.segments, "among")
        return replace(scope, enrolment=enrolment)


@dataclass(frozen=True)
class Brake:
    """A person has paused a campaign, since when (machine time) and why. `of_all`: all of them with one order."""

    at: datetime
    who: str
    reason: str | None
    of_all: bool = False

    def __str__(self) -> str:
        since = f"since {self.at:%Y-%m-%d %H:%M} UTC ({self.reason or NO_REASON})"
        return f"paused by {self.who} {since}"


@dataclass(frozen=True)
class Standing:
    """How a campaign stands in the store, whatever version: its status, since when it is live, whether planned since, why
    it is held, under which name some of it is still written, who has paused it and who all campaigns."""

    name: str
    kind: str
    status: str
    live_since: datetime | None
    planned: bool = False
    held: str | None = None
    held_since: datetime | None = None
    renamed_from: str | None = None
    brakes: tuple[Brake, ...] = ()

    @property
    def passed_over(self) -> str | None:
        """Why the claim passes its touches over, as the reason of those that expire meanwhile."""
        return "paused" if self.status in ("paused", "draft") or self.brakes else "held" if self.held else None
