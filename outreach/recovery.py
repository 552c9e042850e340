"""What became of mails whose sender is gone: its leases have run out, and its answers are lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from crm_store.content.settings import Settings
from crm_store.content.workspace import Workspace
from crm_store.errors import ContentError
from crm_store.journeys.context import Runnable
from crm_store.journeys.published import runnable
from crm_store.journeys.steps import Send
from crm_store.ledger.dispatch import Answer, Refusal
from crm_store.ledger.reference import natural_keys
from crm_store.ledger.settling import Unanswered, release, settle, unanswered
from crm_store.store import Store
from outreach.channels import channel_for
from outreach.channels.base import Channel, Proof
from outreach.links import Signer
from outreach.messages import message_id

# It was on its way when its sender went, and its channel says that it never arrived: it may go at once.
NEVER_LEFT = Refusal("lease", permanent=False, after=timedelta(0))


@dataclass(frozen=True)
class Recovered:
    """What became of touches whose lease was gone: of those due again some had been dispatched, some had not."""

    due_again: int = 0
    sent: int = 0
    in_doubt: int = 0


def recover(store: Store, workspace: Workspace, signer: Signer, campaign: str | None = None) -> Recovered:
    """Settle touches whose lease is gone, of one campaign or all.

    Claimed ones never left and are due again. Of dispatched ones their channel is asked: what it proves to have accepted
    is sent, what it proves not to have is due again, all else is in doubt for good.
    """
    found = Recovered(due_again=store.write(release, campaign))
    with store.read() as conn:
        lost = [
            (one, runnable(conn, one.definition_id), runnable(conn, one.way_out_id).settings)
            for one in unanswered(conn, campaign)
        ]
    for one, version, settings in lost:
        channel = _channel(one, settings, workspace, store)
        found = _plus(found, _settle(store, signer, one, version, channel))
    return found


def _plus(one: Recovered, other: Recovered) -> Recovered:
    return Recovered(one.due_again + other.due_again, one.sent + other.sent, one.in_doubt + other.in_doubt)


def _settle(store: Store, signer: Signer, lost: Unanswered, version: Runnable, channel: Channel | None) -> Recovered:
    step = version.campaign.course.step(lost.step)
    name = step.sender_of(version.campaign) if isinstance(step, Send) else version.campaign.sender
    sender = version.settings.senders[name].address
    with store.read() as conn:
        naturals = natural_keys(conn, lost.touch_ids)
    message_ids = {touch_id: message_id(signer, touch_id, naturals[touch_id], sender) for touch_id in lost.touch_ids}
    proof = _proof(channel, lost.request_id, message_ids)
    answer = answer_of(proof, message_ids)
    store.write(settle, lost.request_id, answer, lost.sent_at)
    if channel is not None:
        channel.settled(lost.request_id)
    return Recovered(len(answer.refused), len(answer.accepted), len(answer.doubtful))


def _channel(lost: Unanswered, settings: Settings, workspace: Workspace, store: Store) -> Channel | None:
    """The channel that the request went to, if it is still to be had."""
    try:
        channel = channel_for(lost.channel, settings, workspace.root, store)
    except ContentError:
        return None
    return channel if channel.provider == lost.provider else None


def _proof(channel: Channel | None, request_id: str, message_ids: Mapping[int, str]) -> Proof:
    try:
        return channel.look_up(request_id, message_ids) if channel else Proof()
    except OSError:
        return Proof()


def answer_of(proof: Proof, message_ids: Mapping[int, str]) -> Answer:
    """The answer that the provider would have given, as far as it can be proven."""
    unknown = message_ids.keys() - proof.accepted.keys() - proof.refused
    return Answer(proof.accepted, dict.fromkeys(proof.refused, NEVER_LEFT), dict.fromkeys(unknown, "lease"))
