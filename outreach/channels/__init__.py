"""The ways out. A new provider is one file here and one line in PROVIDERS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from crm_store.content.faults import did_you_mean
from crm_store.content.settings import Settings
from crm_store.errors import UsageError
from outreach.channels.base import Channel
from outreach.channels.outbox import Outbox

PROVIDERS: Mapping[str, Callable[[Settings, Path], Channel]] = {
    "outbox": lambda settings, root: Outbox(root / settings.outbox),
}


def channel_for(name: str, settings: Settings, root: Path) -> Channel:
    """The provider that rapport.yaml gives a channel. Raises UsageError for one that is not there."""
    provider = settings.channels[name]
    if provider not in PROVIDERS:
        hint = did_you_mean(provider, PROVIDERS)
        raise UsageError(f"channel '{name}' has provider '{provider}' in config/rapport.yaml, which is not known{hint}")
    return PROVIDERS[provider](settings, root)
