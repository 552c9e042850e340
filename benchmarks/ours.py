"""The segments of benchmarks/workspace/, through the doors that everybody uses: the only place that knows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select

from benchmarks.handwritten import WORKSPACE
from benchmarks.shape import NOW
from crm_store.content.workspace import Workspace, load_workspace
from crm_store.errors import ContentError
from crm_store.segmentation.compile import scope_of, select_among, select_ids
from crm_store.segmentation.segment import Segment
from outreach.publishing import read


@dataclass(frozen=True)
class Ours:
    """The segments that load, and what is wrong with those that don't."""

    segments: Mapping[str, Segment]
    zone: ZoneInfo
    faults: Sequence[str]

    def select(self, conn: Connection, name: str, among: bool, now: datetime = NOW) -> Select[Any]:
        """Made from its condition, as everything that asks for members does; `among`: those to be bound as `ids`."""
        scope = scope_of(conn, now, self.zone, self.segments, "among" if among else "all")
        who = self.segments[name].who
        return select_among(who, scope) if among else select_ids(who, scope)


def load(root: Path = WORKSPACE) -> Ours:
    """Every segment that can be read; a word that isn't built leaves only its own segment out."""
    workspace = load_workspace(root)
    faults: list[str] = []
    while True:
        try:
            return Ours(read(workspace).segments, workspace.settings.company.zone, faults)
        except ContentError as error:
            faults += [str(fault) for fault in error.faults]
            workspace = _without(workspace, {fault.place.file for fault in error.faults})


def _without(workspace: Workspace, paths: set[str]) -> Workspace:
    return replace(workspace, sources=workspace.sources.subset(set(workspace.sources.files) - paths))
