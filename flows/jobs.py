"""What a flow run is told, and the workspace and store it works on. Parameters hold no secrets and no personal data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from crm_store.clock import parse_instant
from crm_store.content.workspace import Workspace, load_workspace
from crm_store.store import Store, open_store

STORE_VARIABLE = "RAPPORT_STORE"


@dataclass(frozen=True)
class Job:
    """A workspace, its store, and the instant that counts as now."""

    workspace: Workspace
    store: Store
    now: datetime


def open_job(workspace: str, now: str) -> Job:
    """The job of a flow run's parameters: a folder, and an ISO instant with its offset."""
    loaded = load_workspace(Path(workspace))
    store = _store(store_url(loaded), workspace)
    return Job(loaded, store, parse_instant(now, loaded.settings.company.zone))


def store_url(workspace: Workspace) -> str:
    """RAPPORT_STORE, else the workspace's setting. Never a flow's parameter: an address may hold a password."""
    return os.environ.get(STORE_VARIABLE) or workspace.settings.store


@cache
def _store(url: str, workspace: str) -> Store:
    return open_store(url, Path(workspace))
