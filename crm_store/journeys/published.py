"""Published campaigns: how each stands, and the versions of it that enrolments still follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, select, update

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
from crm_store.journeys.context import Brake, Runnable, Standing
from crm_store.journeys.held import hold_those_without_file, let_go, refuse_renamed_without_was
from crm_store.journeys.load import load_campaigns
from crm_store.journeys.renaming import rename_campaign
from crm_store.journeys.steps import Update
from crm_store.ledger.log import write_log
from crm_store.ledger.pauses import open_at
from crm_store.ledger.states import DUE
from crm_store.schema import campaign as campaign_table
from crm_store.schema import campaign_pause, campaign_run, definition, enrolment, pause, published, touch
from crm_store.schema.journeys import EVERY
from crm_store.schema.types import Instant
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
    for campaign in campaigns:
        if campaign.was is not None:
            rename_campaign(conn, campaign.was, campaign.name)
    refuse_renamed_without_was(conn, texts)
    changed = [f"{text.kind} {text.name}" for text in texts if definitions.publish(conn, text, by)]
    for campaign in campaigns:
        record_standing(conn, campaign, by.at)
    gone = hold_those_without_file(conn, [campaign.name for campaign in campaigns], by.at)
    changed += [f"campaign {name} (its file is gone: held)" for name in gone]
    if changed:
        write_log(conn, by.order, "publish", "workspace", {"changed": changed, "commit": by.git_commit})
    return changed


def record_standing(conn: Connection, campaign: Campaign, now: datetime) -> None:
    """Write how the campaign stands; it is live since the `now` at which it first was published so.

    A pause does not end that; as a draft or ended it is live no more, and begins anew when it is live again.
    """
    row = {"name": campaign.name, "kind": campaign.kind, "status": campaign.status, "plans": 0}
    conn.execute(insert(conn, campaign_table).on_conflict_do_nothing(), row)
    of_name = campaign_table.c.name == campaign.name
    conn.execute(update(campaign_table).where(of_name).values(kind=campaign.kind, status=campaign.status))
    let_go(conn, campaign.name)
    if campaign.status == "live":
        not_yet = campaign_table.c.live_since.is_(None)
        conn.execute(update(campaign_table).where(of_name, not_yet).values(live_since=now, plans=0))
    elif campaign.status in ("draft", "ended"):
        conn.execute(update(campaign_table).where(of_name).values(live_since=None))


def standings(conn: Connection) -> list[Standing]:
    """Every published campaign, by name."""
    rows = conn.execute(_CAMPAIGNS).all()
    brakes = {row.campaign: row for row in conn.execute(_PAUSES)}
    return [_standing(row, [brakes[of] for of in (row.name, EVERY) if of in brakes]) for row in rows]


def _standing(row: Any, brakes: Sequence[Any]) -> Standing:
    paused = tuple(Brake(one.at, one.who, one.reason, one.campaign == EVERY) for one in brakes)
    held = row.held, row.held_since
    return Standing(row.name, row.kind, row.status, row.live_since, row.plans > 0, *held, row.renamed_from, paused)


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
    return runnable(conn, *found, name)


def currents(conn: Connection) -> dict[str, Runnable]:
    """The published version of every campaign, by name."""
    joined = select(definition.c.id, definition.c.hash, definition.c.name)
    joined = joined.join(published, published.c.definition_id == definition.c.id).where(published.c.kind == "campaign")
    return {row.name: runnable(conn, row.id, row.hash, row.name) for row in conn.execute(joined).all()}


def ends_at_once(conn: Connection, name: str) -> bool:
    """Whether the campaign has ended with `when_ended: exit`: nobody goes on in it, whatever version they entered with."""
    return standing(conn, name).status == "ended" and current(conn, name).campaign.when_ended == "exit"


@dataclass(frozen=True)
class Running:
    """A published campaign: how it stands, its published version, and those of its versions in which there is something:
    open enrolments, due touches, somebody who may still reach the goal, pauses that may end before their time.
    `has_barred_runs`: runs that are in planning, held or stopped."""

    stands: Standing
    newest: Runnable
    followed: tuple[Runnable, ...] = ()
    due: tuple[Runnable, ...] = ()
    aiming: tuple[Runnable, ...] = ()
    pausing: tuple[Runnable, ...] = ()
    has_barred_runs: bool = False

    @property
    def all_leave(self) -> bool:
        """Whether it has ended with `when_ended: exit`."""
        return self.stands.status == "ended" and self.newest.campaign.when_ended == "exit"

    @property
    def updates(self) -> bool:
        """Whether it may write something of customers while it is planned."""
        versions = self.newest, *self.followed
        return any(isinstance(step, Update) for one in versions for step in one.campaign.course.steps)


def running(conn: Connection, now: datetime, only: str | None = None) -> list[Running]:
    """Every published campaign, or that one, by name. Raises StoreError if it is not published."""
    stands = standings(conn) if only is None else [standing(conn, only)]
    found: dict[str, list[tuple[Any, Runnable]]] = {one.name: [] for one in stands}
    for row in conn.execute(_VERSIONS, {"now": now}):
        if row.name in found and any(row[3:]):
            found[row.name].append((row, runnable(conn, row.id, row.hash, row.name)))
    barred = set(conn.execute(_BARRED).scalars())
    return [_running(conn, one, found[one.name], one.name in barred) for one in stands]


def _running(
    conn: Connection, stands: Standing, versions: Sequence[tuple[Any, Runnable]], has_barred_runs: bool
) -> Running:
    newest = next((version for row, version in versions if row.is_published), None)
    there = {word: [version for row, version in versions if getattr(row, word)] for word in _THERE}
    followed, due, aiming, pausing = (tuple(there[word]) for word in ("followed", "due", "aiming", "pausing"))
    newest = newest or current(conn, stands.name)
    return Running(stands, newest, followed, due, aiming, pausing, has_barred_runs)


_of_version = enrolment.c.definition_id == definition.c.id
_due = touch.c.campaign == definition.c.name, touch.c.definition_id == definition.c.id, touch.c.state == DUE
# What there may be in a version, as `Running` has it: one look at an index for each.
_THERE = {
    "followed": exists().where(_of_version, enrolment.c.state == "in"),
    "due": exists().where(*_due),
    "aiming": exists().where(_of_version, enrolment.c.goal_until.is_not(None)),
    "pausing": exists().where(pause.c.definition_id == definition.c.id, *open_at(bindparam("now", type_=Instant()))),
}
_VERSIONS = (
    select(
        definition.c.id,
        definition.c.name,
        definition.c.hash,
        exists().where(published.c.kind == "campaign", published.c.definition_id == definition.c.id).label("is_published"),
        *(there.label(word) for word, there in _THERE.items()),
    )
    .where(definition.c.kind == "campaign")
    .order_by(definition.c.id)
)
_CAMPAIGNS = select(campaign_table).order_by(campaign_table.c.name)
_PAUSES = select(campaign_pause)
_BARRED = select(campaign_run.c.campaign).where(campaign_run.c.state.is_not(None)).distinct()


def versions_of_due(conn: Connection, name: str) -> list[Runnable]:
    """The versions that touches which are due were written under."""
    ids = select(definition.c.id).where(definition.c.kind == "campaign", definition.c.name == name, _THERE["due"])
    return [runnable(conn, definition_id) for definition_id in conn.execute(ids.order_by(definition.c.id)).scalars()]


def runnable(
    conn: Connection, definition_id: int, known_hash: str | None = None, known_name: str | None = None
) -> Runnable:
    """A version, read and checked again from the texts it was published with."""
    digest = known_hash or definitions.hash_of(conn, definition_id)
    name = known_name or definitions.name_of(conn, definition_id)
    version = _made_before.get((digest, definition_id, name))
    if version is None:
        known = _read_before.get(digest)
        if known is None:
            known = _read_before[digest] = _read(definitions.load(conn, definition_id))
        version = replace(known, id=definition_id, campaign=replace(known.campaign, name=name))
        _made_before[digest, definition_id, name] = version
    return version


# Definitions never change, and their hash says which is which: one reading serves the process. So does what is worked out
# of a version once it has its number and its name.
_read_before: dict[str, Runnable] = {}
_made_before: dict[tuple[str, int, str], Runnable] = {}


def _read(found: Definition) -> Runnable:
    sources, faults = Sources(found.files), Faults()
    settings, vocabulary = load_basics(sources)
    segments = load_segments(sources, vocabulary, faults, UNCHECKED)
    campaigns = load_campaigns(sources, segments, settings, vocabulary, faults, UNCHECKED)
    if faults.found:
        raise ContentError(faults.found)
    (campaign,) = campaigns.values()
    return Runnable(found.id, campaign, segments, settings, vocabulary)
