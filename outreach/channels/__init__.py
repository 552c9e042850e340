"""The ways out. A new provider is one file here, with a function `configured`, and one line in PROVIDERS."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import cast

from crm_store.content.channels import ChannelSettings
from crm_store.content.faults import Fault, Faults, Incomplete, did_you_mean
from crm_store.content.settings import Settings
from crm_store.errors import ContentError
from crm_store.store import Store
from outreach.channels.base import Channel, Outfit
from outreach.channels.fallback import WithFallback

# What each is, in a line. Their files are loaded when they are used: some bring large packages along.
PROVIDERS: Mapping[str, str] = {
    "outbox": "files in a folder, nothing leaves the machine",
    "sendgrid": "SendGrid's v3 API",
    "smtp": "a mail server of your own or a relay",
    "webhook": "a signed JSON POST to a system of your own",
    "follow_up": "a task for a person",
}
# Those that tell afterwards what became of a mail: delivered, bounced, opened. `rapport import provider-events` takes it.
TELLING = frozenset({"sendgrid"})


def channel_for(name: str, settings: Settings, root: Path, store: Store | None = None) -> Channel:
    """The provider that rapport.yaml gives a channel. Raises ContentError for one that can't be made of it.

    `store`: where providers write that write into the store; without one they can't.
    """
    faults = Faults()
    try:
        return make_channel(settings.channels[name], Outfit(settings, root, store), faults)
    except Fault as fault:
        raise ContentError([fault]) from None
    except Incomplete:
        raise ContentError(faults.found) from None


def make_channel(chosen: ChannelSettings, outfit: Outfit, faults: Faults) -> Channel:
    """A channel with its fallback. Raises Fault, or Incomplete with the faults collected."""
    first = _provider(chosen, outfit, faults)
    if chosen.fallback is None:
        return first
    return WithFallback(first, _provider(chosen.fallback, outfit, faults))


def _provider(chosen: ChannelSettings, outfit: Outfit, faults: Faults) -> Channel:
    if chosen.provider not in PROVIDERS:
        hint = did_you_mean(chosen.provider, PROVIDERS)
        raise Fault(chosen.place, f"provider '{chosen.provider}' is not known{hint}")
    module = import_module(f"{__name__}.{chosen.provider}")
    return cast(Channel, module.configured(chosen.fields(faults), outfit))
