"""Joining a segment enters: `enter: {segment: coffee-drinkers, existing: skip}`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sqlalchemy import BigInteger, Connection, Integer, Select, case, cast, literal, null, or_, select

from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.fields import Fields, one_of, sure, text
from crm_store.content.nodes import Node
from crm_store.journeys.again import Again, keyed
from crm_store.journeys.triggers.base import Trigger, Window, any_at
from crm_store.schema import segment_member
from crm_store.schema.types import Instant
from crm_store.segmentation.language import Language, Scope
from crm_store.segmentation.passing import Moved, Passing


@dataclass(frozen=True)
class SegmentTrigger(Trigger):
    """The segment is followed; whoever joins enters. Those in it already when the campaign went live are `existing`."""

    word: ClassVar = "segment"
    help: ClassVar = "joining a segment; `existing: enrol` also takes those who are in it when the campaign goes live"
    name: str
    existing: str = "skip"

    @classmethod
    def read(cls, fields: Fields, language: Language) -> Self:
        name = fields.need("segment", lambda node: _known(node, language))
        existing = fields.get("existing", one_of("skip", "enrol"), "skip")
        fields.close()
        return cls(sure(name), existing)

    def candidates(self, conn: Connection, campaign: str, again: Again, window: Window, scope: Scope) -> Select[Any]:
        was_in = or_(segment_member.c.at_start, segment_member.c.entered_at <= window.live_since)
        right_at = case((was_in, literal(window.live_since, Instant())), else_=segment_member.c.entered_at)
        number = segment_member.c.n if again.policy == "leaving" else cast(null(), Integer)
        facts = select(
            segment_member.c.customer_id,
            right_at.label("at"),
            right_at.label("trigger_at"),
            cast(null(), BigInteger).label("event_id"),
            number.label("n"),
        ).where(segment_member.c.segment == self.name, right_at >= window.since, right_at <= window.now)
        facts = facts.where(*window.of(segment_member.c.customer_id))
        if window.since > window.live_since:  # so that the index finds them: nobody's right instant is before her entry
            facts = facts.where(segment_member.c.entered_at >= window.since)
        if self.existing == "skip":
            facts = facts.where(~was_in)
        else:
            facts = facts.where(or_(~was_in, segment_member.c.left_at.is_(None)))
        return keyed(again, campaign, facts.subquery(), window, scope.company_zone)

    def comes(self, conn: Connection, window: Window, scope: Scope) -> bool:
        at, of_segment = segment_member.c.entered_at, segment_member.c.segment == self.name
        return window.since <= window.live_since or any_at(conn, at, window.since, window.now, of_segment)

    def moved(self, time: Passing) -> Moved:
        return []

    def sentence(self) -> str:
        return f"joining segment {self.name} (existing members: {self.existing})"

    def segments(self) -> Iterator[str]:
        yield self.name


def _known(node: Node, language: Language) -> str:
    name = text(node)
    if name not in language.segments:
        raise Fault(node.place, f"segment '{name}' is not in segments/{did_you_mean(name, language.segments)}")
    return name
