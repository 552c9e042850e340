"""Published campaigns: how each stands, and the versions of it that enrolments still follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, exists, select, update

from crm_store import definitions
from crm_store.consent.keys import ensure_link_key
from crm_store.content.faults import Faults
from crm_store.content.names import UNCHECKED
from crm_store.content.sources import Sources
from crm_store.content.workspace import load_basics
from crm_store.definitions import Definition, Provenance, Text
from crm_store.dialect import insert
from crm_store.errors import ContentError, StoreError
from crm_store.journeys.campaign import Campaign
from crm_store.journeys.context import Runnable, Standing
from crm_store.journeys.load import load_campaigns
from crm_store.schema import campaign as campaign_table
from crm_store.schema import definition, enrolment, published
from crm_store.segmentation.membership import rename
from crm_store.segmentation.segment import Segment, load_segments


def publish_all(
    conn: Connection, texts: Sequence[Text], segments: Sequence[Segment], campaigns: Sequence[Campaign], by: Provenance
) -> list[str]:
    """Publish what differs from what is published, and how each campaign stands. Returns what changed, by kind and name."""
    ensure_link_key(conn)
    for segment in segments:
        if segment.was is not None:
            rename(conn, segment.was, segment.name)
    changed = [f"{text.kind} {text.name}" for text in texts if definitions.publish(conn, text, by)]
    for campaign in campaigns:
        record_standing(conn, campaign, by.at)
    gone = _pause_those_without_file(conn, [campaign.name for campaign in campaigns])
    return changed + [f"campaign {name} (its file is gone: paused)" for name in gone]


def _pause_those_without_file(conn: Connection, names: Sequence[str]) -> list[str]:
    """Nobody can see or change any more what they send; with its file back a campaign is live again. Returns which."""
    gone = campaign_table.c.name.not_in(names), campaign_table.c.status == "live"
    paused = update(campaign_table).where(*gone).values(status="paused").returning(campaign_table.c.name)
    return sorted(conn.execute(paused).scalars())


def record_standing(conn: Connection, campaign: Campaign, now: datetime) -> None:
    """Write how the campaign stands; it is live since the `now` at which it first was published so.

    A pause does not end that; as a draft or ended it is live no more, and begins anew when it is live again.
    """
    row = {"name": campaign.name, "kind": campaign.kind, "status": campaign.status, "plans": 0}
    conn.execute(insert(conn, campaign_table).on_conflict_do_nothing(), row)
    of_name = campaign_table.c.name == campaign.name
    conn.execute(update(campaign_table).where(of_name).values(kind=campaign.kind, status=campaign.status))
    if campaign.status == "live":
        not_yet = campaign_table.c.live_since.is_(None)
        conn.execute(update(campaign_table).where(of_name, not_yet).values(live_since=now, plans=0))
    elif campaign.status in ("draft", "ended"):
        conn.execute(update(campaign_table).where(of_name).values(live_since=None))


def standings(conn: Connection) -> list[Standing]:
    """Every published campaign, by name."""
    rows = conn.execute(select(campaign_table).order_by(campaign_table.c.name))
    return [Standing(row.name, row.kind, row.status, row.live_since, row.plans > 0) for row in rows]


def standing(conn: Connection, name: str) -> Standing:
    """Raises StoreError for a campaign that was never published."""
    found = [one for one in standings(conn) if one.name == name]
    if not found:
        raise StoreError(f"campaign '{name}' is not published; run `rapport apply`")
    return found[0]


def current(conn: Connection, name: str) -> Runnable:
    """The published version of a campaign."""
    found = definitions.current(conn, "campaign", name)
    if found is None:
        raise StoreError(f"campaign '{name}' is not published; run `rapport apply`")
    return runnable(conn, *found)


def ends_at_once(conn: Connection, name: str) -> bool:
    """Whether the campaign has ended with `when_ended: exit`: nobody goes on in it, whatever version they entered with."""
    return standing(conn, name).status == "ended" and current(conn, name).campaign.when_ended == "exit"


@dataclass(frozen=True)
class Running:
    """A published campaign: how it stands, its published version, and those that open enrolments of it entered with."""

    stands: Standing
    newest: Runnable
    followed: tuple[Runnable, ...]

    @property
    def all_leave(self) -> bool:
        """Whether it has ended with `when_ended: exit`."""
        return self.stands.status == "ended" and self.newest.campaign.when_ended == "exit"


def running(conn: Connection, only: str | None = None) -> list[Running]:
    """Every published campaign, or that one, by name. Raises StoreError if it is not published."""
    newest: dict[str, Runnable] = {}
    followed: dict[str, list[Runnable]] = {}
    for row in conn.execute(_VERSIONS):
        version = runnable(conn, row.id, row.hash) if row.is_published or row.followed_in else None
        if version is not None and row.is_published:
            newest[row.name] = version
        if version is not None and row.followed_in:
            followed.setdefault(row.followed_in, []).append(version)
    return [
        Running(one, newest.get(one.name) or current(conn, one.name), tuple(followed.get(one.name, ())))
        for one in (standings(conn) if only is None else [standing(conn, only)])
    ]


# Every version of a campaign, and in which campaign somebody is under way in it. One look at an index for each.
_VERSIONS = (
    select(
        definition.c.id,
        definition.c.name,
        definition.c.hash,
        exists().where(published.c.kind == "campaign", published.c.definition_id == definition.c.id).label("is_published"),
        select(enrolment.c.campaign)
        .where(enrolment.c.definition_id == definition.c.id, enrolment.c.state == "in")
        .limit(1)
        .scalar_subquery()
        .label("followed_in"),
    )
    .where(definition.c.kind == "campaign")
    .order_by(definition.c.id)
)


def runnable(conn: Connection, definition_id: int, known_hash: str | None = None) -> Runnable:
    """A version, read and checked again from the texts it was published with."""
    known = _read_before.get(known_hash or definitions.hash_of(conn, definition_id))
    if known is None:
        found = definitions.load(conn, definition_id)
        known = _read_before[found.hash] = _read(found)
    return replace(known, id=definition_id)


# Definitions never change, and their hash says which is which: one reading serves the process.
_read_before: dict[str, Runnable] = {}


def _read(found: Definition) -> Runnable:
    sources, faults = Sources(found.files), Faults()
    settings, vocabulary = load_basics(sources)
    segments = load_segments(sources, vocabulary, faults, UNCHECKED)
    campaigns = load_campaigns(sources, segments, settings, vocabulary, faults, UNCHECKED)
    if faults.found:
        raise ContentError(faults.found)
    return Runnable(found.id, campaigns[found.name], segments, settings, vocabulary)
