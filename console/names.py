"""Names that a command is called with. One that nobody knows is a command called wrongly, said the same way everywhere."""

from __future__ import annotations

from collections.abc import Collection

from crm_store.content.faults import did_you_mean
from crm_store.content.sources import CAMPAIGNS
from crm_store.content.workspace import Workspace
from crm_store.errors import UsageError
from crm_store.journeys.published import standings
from crm_store.store import Store


def published_campaign(store: Store, workspace: Workspace, name: str) -> str:
    """The campaign's name, if it was published. Raises UsageError."""
    published, files = _published(store), _in_files(workspace)
    if name not in published and name in files:
        raise UsageError(f"campaign '{name}' is not published yet; `rapport apply` publishes it")
    return _one_of(name, published, files)


def any_campaign(store: Store, workspace: Workspace, name: str) -> str:
    """The campaign's name, if it was published or has a file. Raises UsageError."""
    published, files = _published(store), _in_files(workspace)
    return _one_of(name, published | files, published | files)


def campaign_with_file(name: str, campaigns: Collection[str]) -> str:
    """The campaign's name, if it is one of those that files say. Raises UsageError."""
    if name not in campaigns:
        raise UsageError(f"campaign '{name}' is not in {CAMPAIGNS}{_hint(name, campaigns)}")
    return name


def _one_of(name: str, meant: Collection[str], known: Collection[str]) -> str:
    if name not in meant:
        raise UsageError(f"campaign '{name}' is neither published nor in {CAMPAIGNS}{_hint(name, {*meant, *known})}")
    return name


def _hint(name: str, known: Collection[str]) -> str:
    return did_you_mean(name, known) or "; `rapport campaign list` shows those there are"


def _published(store: Store) -> set[str]:
    with store.read() as conn:
        return {one.name for one in standings(conn)}


def _in_files(workspace: Workspace) -> set[str]:
    return {name for name, _ in workspace.sources.names(CAMPAIGNS)}
