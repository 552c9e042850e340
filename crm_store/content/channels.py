"""`channels` of rapport.yaml: which provider each channel has, and what that one is told.

A channel is a provider's name (`email: outbox`) or a mapping with `provider`, `fallback`, limits and the provider's own
keys, which are kept as they stand here: their file in outreach/channels/ reads them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from crm_store.content.accounts import USUAL_LIMITS, Limits, read_limits
from crm_store.content.faults import Fault, Faults, Place
from crm_store.content.fields import Fields, sure, text
from crm_store.content.nodes import Mapping, Node, Scalar
from crm_store.restraint.ramp import RampUp, read_ramp_up

CHANNELS = ("email",)
_OF_BOTH = ("fallback", "rate", "connections", "ramp_up")  # a channel and its fallback are one account
OWN_KEYS = ("provider", *_OF_BOTH)


@dataclass(frozen=True)
class ChannelSettings:
    """One way out. `fallback`: where goes what this one definitely did not take, because it takes nothing at present.
    `ramp_up`: how many may leave on its first days."""

    provider: str
    node: Mapping
    limits: Limits = USUAL_LIMITS
    fallback: ChannelSettings | None = None
    ramp_up: RampUp | None = None

    @property
    def place(self) -> Place:
        return self.node.place

    def fields(self, faults: Faults) -> Fields:
        """The provider's own keys, to be read and closed."""
        fields = Fields(self.node, faults, f"provider '{self.provider}'")
        fields.known(*OWN_KEYS)
        return fields


def usual_channels() -> dict[str, ChannelSettings]:
    """Mails are written to files until something else is said."""
    return {"email": plain_channel("outbox", Place("", 0))}


def plain_channel(provider: str, place: Place) -> ChannelSettings:
    """A provider that is told nothing."""
    return ChannelSettings(provider, Mapping((), place))


def read_channels(node: Node, faults: Faults) -> dict[str, ChannelSettings]:
    if not isinstance(node, Mapping) or not node.entries:
        raise Fault(node.place, "channels must name a provider for each, e.g. `email: outbox`")
    return dict(faults.each(lambda entry: (_name(entry[0]), _channel(entry[1], faults)), node.entries))


def _name(name: Scalar) -> str:
    if name.text not in CHANNELS:
        raise Fault(name.place, f"channel '{name.text}' is not built yet; known are: {', '.join(CHANNELS)}")
    return name.text


def _channel(node: Node, faults: Faults, is_fallback: bool = False) -> ChannelSettings:
    if not isinstance(node, Mapping):
        return plain_channel(text(node), node.place)
    fields = Fields(node, faults, "a fallback" if is_fallback else "a channel")
    provider = fields.need("provider", text)
    fallback = None if is_fallback else fields.maybe("fallback", lambda value: _channel(value, faults, True))
    for key in _OF_BOTH if is_fallback else ():
        if fields.has(key):
            way_out = "take it out" if key == "fallback" else "write it beside `fallback`"
            fields.fault(fields.place_of(key), f"a fallback has no {key} of its own; {way_out}")
    limits = read_limits(fields)
    ramp_up = fields.maybe("ramp_up", lambda value: read_ramp_up(value, faults))
    fields.known("fallback", *(name for name in node.names() if name != "fallback"))  # read by the provider's own file
    fields.close()
    return ChannelSettings(sure(provider), node, limits, fallback, ramp_up)


def read_env_name(node: Node) -> str:
    """The name of an environment variable: secrets stand in none of our files."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text(node)):
        # The value is not repeated: it may be the secret itself.
        raise Fault(node.place, "is not the name of an environment variable; set one to the secret and name it here")
    return text(node)
