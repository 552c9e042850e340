"""Which segments are followed: those that campaigns are entered by, and those of which it is asked who came or went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from crm_store import definitions
from crm_store.content.faults import Faults
from crm_store.content.names import UNCHECKED
from crm_store.content.sources import Sources
from crm_store.content.workspace import load_basics
from crm_store.errors import ContentError
from crm_store.journeys.context import Runnable, Standing
from crm_store.journeys.published import currents, standings
from crm_store.schema import definition, followed_segment, published
from crm_store.segmentation.membership import Following
from crm_store.segmentation.segment import Segment, load_segments


def segments_to_follow(conn: Connection) -> list[Following]:
    """Every segment that is followed, by name."""
    known = set(conn.execute(select(followed_segment.c.name).where(followed_segment.c.refreshed_at.is_not(None))).scalars())
    stand, newest = standings(conn), currents(conn)
    found = {one.name: one for one in _asked_for(conn, newest.values(), known)}
    return [one for _, one in sorted((found | {one.name: one for one in _entering(stand, newest)}).items())]


def _entering(stand: Sequence[Standing], newest: Mapping[str, Runnable]) -> Iterator[Following]:
    """Segments that running campaigns are entered by; a campaign that goes live begins to follow anew."""
    planned_before: set[str] = set()
    versions: list[Runnable] = []
    for one in stand:
        if one.status in ("live", "paused"):
            versions.append(newest[one.name])
            planned_before |= set(versions[-1].campaign.trigger.segments()) if one.planned else set()
    for version in versions:
        for name in version.campaign.trigger.segments():
            yield _of(version, name, name not in planned_before)


def _asked_for(conn: Connection, versions: Iterable[Runnable], known: set[str]) -> Iterator[Following]:
    """Segments whose comings and goings a published segment or a running campaign asks for."""
    for name, segments, zone in _published(conn):
        for asked in segments[name].who.followed():
            yield Following(asked, segments, zone, asked not in known)
    for version in versions:
        for condition in version.campaign.conditions():
            for asked in condition.followed():
                yield _of(version, asked, asked not in known)


def _of(version: Runnable, name: str, at_start: bool) -> Following:
    return Following(name, version.segments, version.settings.company.zone, at_start)


def _published(conn: Connection) -> Iterator[tuple[str, Mapping[str, Segment], ZoneInfo]]:
    """Every published segment with those it refers to."""
    joined = published.join(definition, definition.c.id == published.c.definition_id)
    rows = conn.execute(
        select(definition.c.id, definition.c.name, definition.c.hash)
        .select_from(joined)
        .where(published.c.kind == "segment")
        .order_by(definition.c.name)
    ).all()
    for row in rows:
        if row.hash not in _read_before:
            _read_before[row.hash] = _read(definitions.load(conn, row.id).files)
        yield row.name, *_read_before[row.hash]


# Definitions never change, and their hash says which is which: one reading serves the process.
_read_before: dict[str, tuple[Mapping[str, Segment], ZoneInfo]] = {}


def _read(files: Mapping[str, str]) -> tuple[Mapping[str, Segment], ZoneInfo]:
    sources, faults = Sources(files), Faults()
    settings, vocabulary = load_basics(sources)
    segments = load_segments(sources, vocabulary, faults, UNCHECKED)
    if faults.found:
        raise ContentError(faults.found)
    return segments, settings.company.zone
