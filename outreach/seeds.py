"""Seeds: people of the company who get a marked copy of what is sent out. A copy is no touch and counts nowhere."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from datetime import datetime

from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Send
from crm_store.ledger.dispatch import Answer
from outreach.channels.base import Channel, Mail
from outreach.rendering.mail import MailTemplate
from outreach.rendering.said import Said
from outreach.rendering.samples import sample_contexts

MARK = "[Copy]"
HEADER = "X-Rapport-Copy"
_log = logging.getLogger(__name__)


def seed_copies(
    version: Runnable, step: Send, template: MailTemplate, addresses: Sequence[str], now: datetime
) -> list[Mail]:
    """A copy of a step's mail for each address, as a customer would get it of whom everything is known: with a made-up
    customer's values, so that no link in it can opt a real one out. Raises one of RENDER_ERRORS.

    Their numbers are below 0, as no touch's are; the campaign stands in a header of their own.
    """
    _, values = next(sample_contexts(version, step))
    said = template.render(values)
    marked = Said.plain(f"{MARK} {said.subject}", said.text, said.html)
    sender = version.settings.senders[step.sender_of(version.campaign)]
    domain = sender.address.rpartition("@")[2]
    return [
        Mail(
            touch_id=-number,
            message_id=f"<copy-{secrets.token_hex(8)}@{domain}>",
            from_address=sender.address,
            from_name=sender.name,
            reply_to=sender.reply_to,
            to_address=address,
            to_name="",
            said=marked,
            date=now,
            headers={HEADER: version.campaign.name},
        )
        for number, address in enumerate(dict.fromkeys(addresses), 1)
    ]


def send_copies(channel: Channel, copies: Sequence[Mail], deadline: float) -> int:
    """Hand copies to a channel; how many it took. Nothing of it is in the ledger. Raises what the channel raises."""
    taken = 0
    for called in channel.divided(copies):
        request_id = f"copy-{secrets.token_hex(8)}"
        channel.announce(request_id)
        answer: Answer = channel.send(request_id, called, deadline)
        channel.settled(request_id)
        taken += len(answer.accepted)
    return taken


def try_copies(
    channel: Channel, version: Runnable, step: Send, template: MailTemplate, now: datetime, deadline: float
) -> None:
    """Send the company's own people their copies of a step's mail; if that fails they get none, and nobody waits for it."""
    try:
        send_copies(channel, seed_copies(version, step, template, version.settings.seeds, now), deadline)
    except Exception as error:
        # A copy is a courtesy: whatever is wrong with the channel shows in the mails that count.
        _log.warning("campaign %s: no copies were sent: %s", version.campaign.name, type(error).__name__)
