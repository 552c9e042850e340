"""Checking a whole workspace, and publishing it: what runs is what was published."""

from __future__ import annotations

import os
import subprocess
from collections import abc
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from crm_store.content.channels import ChannelSettings
from crm_store.content.faults import Fault, Faults, Place
from crm_store.content.nodes import Mapping
from crm_store.content.sources import CAMPAIGNS, PLACES, SEGMENTS, SETTINGS, VOCABULARY, Sources
from crm_store.content.workspace import Workspace
from crm_store.definitions import Provenance, Text
from crm_store.errors import ContentError
from crm_store.journeys.campaign import Campaign
from crm_store.journeys.context import Runnable
from crm_store.journeys.load import load_campaigns
from crm_store.journeys.plan import follow_newest
from crm_store.journeys.published import publish_all
from crm_store.journeys.renaming import finish_renames
from crm_store.ledger.log import Order, person
from crm_store.segmentation.segment import Segment, closure, load_segments
from crm_store.store import Store
from outreach.rendering import RENDERER


@dataclass(frozen=True)
class Content:
    """A workspace whose every file could be read and checked."""

    workspace: Workspace
    segments: abc.Mapping[str, Segment]
    campaigns: abc.Mapping[str, Campaign]
    hints: tuple[Fault, ...] = ()  # what is allowed, but hardly meant

    def runnable(self, name: str) -> Runnable:
        """A campaign as the working tree has it; its definition number is 0, which no store has."""
        settings, vocabulary = self.workspace.settings, self.workspace.vocabulary
        return Runnable(0, self.campaigns[name], self.segments, settings, vocabulary)


def read(workspace: Workspace) -> Content:
    """The segments and campaigns. Raises ContentError with all faults of their files; templates are not looked at."""
    faults = Faults()
    content = _read(workspace, faults)
    _refuse(faults, workspace.sources)
    return content


def _refuse(faults: Faults, sources: Sources) -> None:
    """Raise ContentError if there are faults. A vocabulary that is missing is one of them, not each of its words."""
    if not faults.found:
        return
    if VOCABULARY in sources.files:
        raise ContentError(faults.found)
    missing = Fault(Place(VOCABULARY, 1), "is missing; it names your attributes, events and topics")
    raise ContentError([missing, *(fault for fault in faults.found if VOCABULARY not in fault.what)])


def _read(workspace: Workspace, faults: Faults) -> Content:
    segments = load_segments(workspace.sources, workspace.vocabulary, faults)
    names = {name for name, _ in workspace.sources.names(SEGMENTS)}
    campaigns = load_campaigns(workspace.sources, names, workspace.settings, workspace.vocabulary, faults)
    return Content(workspace, segments, campaigns)


def check(workspace: Workspace) -> Content:
    """Read and try everything. Raises ContentError with all faults of all files."""
    from outreach.rendering.check import check_templates, try_campaign

    faults, hints = Faults(), Faults()
    content = _read(workspace, faults)
    _check_providers(workspace, faults)
    mails = check_templates(workspace.sources, faults)
    for name in content.campaigns:
        try_campaign(content.runnable(name), workspace.sources, mails, faults, hints)
    _refuse(faults, workspace.sources)
    return replace(content, hints=tuple(dict.fromkeys(hints.found)))


def _check_providers(workspace: Workspace, faults: Faults) -> None:
    from outreach.channels import make_channel
    from outreach.channels.base import Outfit

    outfit = Outfit(workspace.settings, workspace.root, vocabulary=workspace.vocabulary)
    for chosen in workspace.settings.channels.values():
        faults.attempt(make_channel, chosen, outfit, faults)


def channel_troubles(workspace: Workspace) -> list[Fault]:
    """What keeps the workspace's channels from taking mails now, on this machine; nothing is sent to find out."""
    from outreach.channels import channel_for

    root, settings = workspace.sources.parse(SETTINGS, Faults()), workspace.settings
    said = [(one, channel_for(name, settings, workspace.root).trouble()) for name, one in settings.channels.items()]
    return [Fault(_place_of(one, root), trouble) for one, trouble in said if trouble]


def _place_of(chosen: ChannelSettings, root: Mapping) -> Place:
    """Where a provider is set up: the key of its name, if rapport.yaml has one, else its channel."""
    node = root.get(chosen.provider)
    return node.place if node else chosen.place if chosen.place.file else root.place


def apply(store: Store, content: Content, now: datetime, reason: str | None = None) -> list[str]:
    """Publish everything that differs from what is published; it is logged. Returns what changed: `campaign birthday`."""
    return publish(store, content, provenance(content.workspace.root, now, reason))


def publish(store: Store, content: Content, by: Provenance) -> list[str]:
    """The same, by whom it is told."""
    sources = content.workspace.sources
    texts = [
        Text(kind, name, sources.subset(paths).files, RENDERER if kind == "template" else "")
        for kind, name, paths in _closures(content)
    ]
    finish_renames(store)  # one that was broken off: the campaign may be given a third name now
    changed = store.write(publish_all, texts, list(content.segments.values()), list(content.campaigns.values()), by)
    finish_renames(store)
    for name, campaign in content.campaigns.items():
        if campaign.changes == "follow":
            follow_newest(store, name, by.at)
    return changed


def _closures(content: Content) -> list[tuple[str, str, set[str]]]:
    """(kind, name, paths) of every definition."""
    from outreach.rendering.mail import closure as template_closure
    from outreach.rendering.mail import mail_names

    sources, segments = content.workspace.sources, content.segments
    basics = {path for path in (SETTINGS, VOCABULARY, PLACES) if path in sources.files}
    found = [("template", name, template_closure(name, sources)) for name in mail_names(sources)]
    for name in segments:
        found.append(("segment", name, basics | _segment_paths({name}, segments)))
    for name, campaign in content.campaigns.items():
        paths = {f"{CAMPAIGNS}/{name}.yaml"} | _segment_paths(campaign.segments(), segments)
        found.append(("campaign", name, basics | paths))
    return found


def _segment_paths(names: set[str], segments: abc.Mapping[str, Segment]) -> set[str]:
    return {f"{SEGMENTS}/{name}.yaml" for name in closure(names, segments)}


def provenance(root: Path, at: datetime, reason: str | None = None) -> Provenance:
    """The git commit and author, where the workspace is kept in git; `+` after the commit: with changes since."""
    order = Order(person(), reason)
    if _git(root, "ls-files", "--error-unmatch", SETTINGS) is None:
        return Provenance(None, None, at, order)
    commit = _git(root, "rev-parse", "--verify", "-q", "HEAD")
    dirty = _git(root, "status", "--porcelain", "--", "config", SEGMENTS, "templates")
    named = f"{commit}{'+' if dirty else ''}" if commit else None
    return Provenance(named, _git(root, "config", "user.name"), at, order)


def _git(root: Path, *words: str) -> str | None:
    # A hook that runs us names its own repository in GIT_DIR.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(["git", *words], cwd=root, env=environment, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
