"""What every command works with: the workspace, the store, now - found when first asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crm_store.clock import parse_instant, parse_now
from crm_store.errors import UsageError

if TYPE_CHECKING:
    from crm_store.content.workspace import Workspace
    from crm_store.store import Store

# Of commands that are logged.
Reason = Annotated[str | None, typer.Option("--reason", help="Why; `rapport log` shows it.")]
STORE_VARIABLE = "RAPPORT_STORE"


@dataclass
class Session:
    """The three options that stand before every command."""

    workspace_option: Path | None = None
    store_option: str | None = None
    now_option: str | None = None
    _opened: list[Store] = field(default_factory=list)

    @cached_property
    def root(self) -> Path:
        from crm_store.content.workspace import find_root

        return find_root(self.workspace_option)

    @cached_property
    def workspace(self) -> Workspace:
        from crm_store.content.workspace import load_workspace

        return load_workspace(self.root)

    @cached_property
    def now(self) -> datetime:
        return parse_now(self.now_option, self.workspace.settings.company.zone)

    def instant(self, option: str, text: str | None) -> datetime | None:
        """What an option says, None where it was not given. Raises UsageError."""
        try:
            return None if text is None else parse_instant(text, self.workspace.settings.company.zone)
        except ValueError:
            raise UsageError(f"{option} '{text}' is not a date and time; write e.g. 2017-12-24T09:00:00Z") from None

    @property
    def store_url(self) -> str:
        return self.store_option or os.environ.get(STORE_VARIABLE) or self.workspace.settings.store

    @cached_property
    def store(self) -> Store:
        """The store, opened (an SQLite one is made if need be)."""
        from crm_store.store import open_store

        # Flows of this process open the same store; they are told by the environment, never by a parameter.
        os.environ[STORE_VARIABLE] = self.store_url
        store = open_store(self.store_url, self.root)
        self._opened.append(store)
        return store

    def close(self) -> None:
        for store in self._opened:
            store.close()


def session(context: typer.Context) -> Session:
    """The session of a command."""
    found = context.find_root().obj
    if not isinstance(found, Session):
        raise TypeError("no session")
    return found
