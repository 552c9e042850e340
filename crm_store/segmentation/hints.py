"""What conditions may say, but hardly mean: told by `rapport check`, and where the store is at hand; no fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from crm_store.content.faults import Fault
from crm_store.content.literals import Duration
from crm_store.schema import campaign_run
from crm_store.segmentation.conditions.base import Condition
from crm_store.segmentation.conditions.event import EventCondition
from crm_store.segmentation.conditions.logic import AllOf, Not
from crm_store.segmentation.conditions.message import MessageCondition
from crm_store.segmentation.segment import Segment


def segment_hints(segment: Segment) -> Iterator[Fault]:
    """Absences that also hold for those who never came, and windows shorter than events take to arrive."""
    for said in dict.fromkeys((*_absences(segment.who, ()), *_hasty(segment.who))):
        yield Fault(segment.place, said)


def _absences(condition: Condition, beside: Sequence[Condition]) -> Iterator[str]:
    """`not: {event: order, in_last: ..}` where nothing beside it demands such an event."""
    if isinstance(condition, Not):
        absent = condition.part
        if isinstance(absent, EventCondition) and absent.rows.window and not _demanded(absent, beside):
            kind = absent.kinds[0].name
            yield (
                f"`not` of '{kind}' in a window also holds for customers who never had one; "
                f"if you mean those who stopped, say `event: {kind}` beside it"
            )
        return
    parts = condition.parts()
    for part in parts:
        yield from _absences(part, (*beside, *parts) if isinstance(condition, AllOf) else ())


def _demanded(absent: EventCondition, beside: Sequence[Condition]) -> bool:
    kinds = {kind.name for kind in absent.kinds}
    return any(isinstance(one, EventCondition) and kinds & {kind.name for kind in one.kinds} for one in beside)


def _hasty(condition: Condition) -> Iterator[str]:
    """Windows that end now and are shorter than the feed's `fresh`: the newest events may not be here yet."""
    if isinstance(condition, EventCondition) and condition.rows.window is not None:
        span = condition.rows.window.operand
        for kind in condition.kinds:
            late = kind.fresh
            if late and isinstance(span, Duration) and not span.is_calendar and span.fixed() < late.fixed():
                yield f"{span} is shorter than the {late} in which '{kind.name}' events may come late (`fresh`)"
    for part in condition.parts():
        yield from _hasty(part)


def run_hints(conn: Connection, condition: Condition) -> Iterator[str]:
    """Runs in `of` that the store does not have, or has of campaigns other than those named beside them."""
    if isinstance(condition, MessageCondition):
        of = dict(condition.rows.of)
        campaigns, runs = of.get("campaign", ()), of.get("run", ())
        whose = select(campaign_run.c.id, campaign_run.c.campaign).where(campaign_run.c.id.in_(runs))
        found = {row.id: row.campaign for row in conn.execute(whose)} if runs else {}
        for run in runs:
            if run not in found:
                yield f"there is no run {run}, so nobody was written to in it; `rapport runs` lists them"
            elif campaigns and found[run] not in campaigns:
                yield f"run {run} is of campaign '{found[run]}', not of {' or '.join(map(str, campaigns))}: nobody is in it"
    for part in condition.parts():
        yield from run_hints(conn, part)
