"""send: one mail, from a template, perhaps with an offer's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.fields import Fields, sure, text
from crm_store.content.nodes import Node
from crm_store.journeys.reading import Reading, configured
from crm_store.journeys.steps.base import Head, Speaking
from crm_store.ledger.write import Message

if TYPE_CHECKING:
    from crm_store.journeys.campaign import Campaign


@dataclass(frozen=True)
class Send(Speaking):
    """A mail. `sender`, `channel`: other ones than the campaign's."""

    verb: ClassVar = "send"
    help: ClassVar = (
        "a mail from a template; `offer: NAME` gives it a code of the campaign's offers; `sender`, `channel`: not the usual"
    )
    template: str
    offer: str | None = None
    sender: str | None = None
    channel: str | None = None

    @classmethod
    def read(cls, fields: Fields, head: Head, reading: Reading) -> Self:
        template = fields.need("send", text)
        offer = fields.maybe("offer", lambda value: _offer(value, reading))
        sender = fields.maybe("sender", configured(reading.settings.senders, "sender"))
        channel = fields.maybe("channel", configured(reading.settings.channels, "channel"))
        fields.close()
        said = sure(template), offer, sender, channel
        return cls(head.name, head.place, *said, was=head.was, on_error=head.on_error)

    def message(self, campaign: Campaign) -> Message:
        return Message(self.name, self.template, self.channel or campaign.channel, campaign.topic)

    def sender_of(self, campaign: Campaign) -> str:
        """The name of whom it is from."""
        return self.sender or campaign.sender

    def sentence(self) -> str:
        said = [f"send {self.template}"]
        said += [f"with offer {self.offer}"] if self.offer else []
        said += [f"by channel {self.channel}"] if self.channel else []
        return " ".join([*said, *([f"from sender {self.sender}"] if self.sender else [])])


def _offer(node: Node, reading: Reading) -> str:
    if text(node) not in reading.offers:
        hint = did_you_mean(text(node), reading.offers)
        raise Fault(node.place, f"offer '{text(node)}' is not in this file's `offers`{hint}")
    return text(node)
