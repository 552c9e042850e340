"""The segments of benchmarks/workspace/, through the doors that everybody uses: the only place that knows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select

from benchmarks.handwritten import WORKSPACE
from benchmarks.shape import NOW
from crm_store.content.workspace import Workspace, load_workspace
from crm_store.errors import ContentError
from crm_store.schema import customer
from crm_store.segmentation.compile import scope_of, select_ids
from crm_store.segmentation.segment import Segment
from outreach.publishing import read


@dataclass(frozen=True)
class Ours:
    """The segments that load, and what is wrong with those that don't."""

    segments: Mapping[str, Segment]
    zone: ZoneInfo
    faults: Sequence[str]

    def select(self, conn: Connection, name: str, ids: Sequence[int] | None = None) -> Select[Any]:
        """Compiled from its condition, as everything that asks for members does."""
        scope = scope_of(conn, NOW, self.zone, self.segments, "all" if ids is None else "among")
        chosen: Select[Any] = select_ids(self.segments[name].who, scope)
        return chosen if ids is None else chosen.where(customer.c.id.in_(ids))


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
