"""Draining the ledger: claim, render, dispatch, send, settle - batch by batch until nothing is due."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from crm_store import definitions
from crm_store.consent.keys import link_keys
from crm_store.content.sources import Sources
from crm_store.content.workspace import Workspace
from crm_store.ledger.claim import Claim, Group, claim, due_groups
from crm_store.ledger.dispatch import Answer, LeaseLost, Refusal, Request, dispatch, fail, give_back, settle
from crm_store.ledger.material import of_touches
from crm_store.store import Store
from outreach.channels import channel_for
from outreach.channels.base import Channel, ChannelStopped, Mail, NotAccepted
from outreach.links import Signer
from outreach.messages import make_mail
from outreach.offers.codes import new_code
from outreach.recovery import recover
from outreach.rendering.context import Saying, context, pack
from outreach.rendering.environment import RENDER_ERRORS
from outreach.rendering.mail import MailTemplate

_log = logging.getLogger("rapport.delivery")
BATCHES_AT_ONCE = 50
SECONDS_AT_ONCE = 60.0
_BUSY_WAIT = 0.02
SENDING = 0.8  # of a lease: the rest is for the answer to be written


@dataclass(frozen=True)
class Drained:
    """What a drain did. `more`: it stopped at its limits, and something is still due."""

    judged: int = 0
    sent: int = 0
    failed: int = 0
    in_doubt: int = 0
    more: bool = False

    def plus(self, other: Drained) -> Drained:
        return Drained(
            self.judged + other.judged,
            self.sent + other.sent,
            self.failed + other.failed,
            self.in_doubt + other.in_doubt,
            other.more,
        )


def drain(store: Store, workspace: Workspace, now: datetime, campaign: str | None = None) -> Drained:
    """Settle what others have left behind, then send what is due as of `now`, of one campaign or all, for up to a minute
    or 50 batches. Raises ChannelStopped when a channel takes nothing: what was to leave by it is due as before."""
    return _Drain(store, workspace, now).run(campaign)


class _Drain:
    """One drain: its limits and what it has done so far."""

    def __init__(self, store: Store, workspace: Workspace, now: datetime) -> None:
        self.store = store
        self.workspace = workspace
        self.now = now
        self.until = time.monotonic() + SECONDS_AT_ONCE
        self.batches = 0
        self.done = Drained()
        with store.read() as conn:
            self.signer = Signer(workspace.settings.public_url, link_keys(conn))
        self.channels: dict[int, Channel] = {}

    def run(self, campaign: str | None) -> Drained:
        recovered = recover(self.store, self.workspace, self.signer, campaign)
        self.done = Drained(sent=recovered.sent, in_doubt=recovered.in_doubt)
        with self.store.read() as conn:
            groups = due_groups(conn, self.now, campaign)
        try:
            return self._groups(groups)
        finally:
            for channel in self.channels.values():
                channel.drained()

    def _groups(self, groups: Sequence[Group]) -> Drained:
        for group in groups:
            while self._batch(group):
                if self.batches >= BATCHES_AT_ONCE or time.monotonic() > self.until:
                    return replace(self.done, more=True)
        return self.done

    def _batch(self, group: Group) -> bool:
        """Deliver one batch of the group. Returns whether to look for another."""
        size = self.workspace.settings.delivery.batch
        deadline = time.monotonic() + self.workspace.settings.delivery.lease.total_seconds() * SENDING
        claimed = self.store.write(claim, group, self.now, size, new_code)
        self.batches += 1
        self.done = self.done.plus(Drained(judged=claimed.judged))
        if claimed.busy:
            time.sleep(_BUSY_WAIT)
            return True
        if claimed.touch_ids:
            try:
                self._deliver(claimed, deadline)
            except BaseException:
                self.store.write(give_back, claimed)
                raise
        return claimed.judged > 0

    def _deliver(self, claimed: Claim, deadline: float) -> None:
        with self.store.read() as conn:
            materials = of_touches(conn, claimed.touch_ids)
            template = load_template(self.store, claimed.template_id)
        saying = Saying(claimed.version, claimed.step, self.signer)
        mails: list[tuple[Mail, bytes]] = []
        broken: list[int] = []
        for material in materials:
            try:
                values = context(saying, material)
                mails.append((make_mail(saying, material, template.render(values), self.now), pack(values)))
            except RENDER_ERRORS as error:
                # The kind of error only: its text may quote a customer's data.
                _log.warning("touch %d: %s in template %s", material.touch_id, type(error).__name__, template.name)
                broken.append(material.touch_id)
        if broken:
            self.store.write(fail, claimed, broken, "template")
            self.done = self.done.plus(Drained(failed=len(broken)))
        channel = self._channel(claimed)
        packed = {mail.touch_id: values for mail, values in mails}
        for called in channel.divided([mail for mail, _ in mails]):
            self._request(claimed, channel, called, {mail.touch_id: packed[mail.touch_id] for mail in called}, deadline)

    def _channel(self, claimed: Claim) -> Channel:
        version = claimed.version
        if version.id not in self.channels:
            name, root = version.campaign.channel, self.workspace.root
            self.channels[version.id] = channel_for(name, version.settings, root, self.store)
        return self.channels[version.id]

    def _request(
        self, claimed: Claim, channel: Channel, mails: Sequence[Mail], packed: Mapping[int, bytes], deadline: float
    ) -> None:
        named = Request(
            secrets.token_hex(16),
            claimed.version.campaign.channel,
            channel.provider,
            _body_hash(mails),
            packed,
        )
        refusal = _announce(channel, named)
        try:
            self.store.write(dispatch, claimed, named)
        except LeaseLost:
            channel.settled(named.id)
            return
        answer = refusal or _send(channel, named.id, mails, deadline)
        self.store.write(settle, named.id, answer, self.now)
        channel.settled(named.id)
        failed = sum(refusal.permanent for refusal in answer.refused.values())
        self.done = self.done.plus(Drained(sent=len(answer.accepted), in_doubt=len(answer.doubtful), failed=failed))
        if answer.stopped:
            raise ChannelStopped(answer.stopped)


def _announce(channel: Channel, named: Request) -> Answer | None:
    """None, or what a channel answers that will not have the request."""
    try:
        channel.announce(named.id)
    except NotAccepted as no:
        return _none_accepted(no, named.packed)
    return None


def _send(channel: Channel, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
    """The provider's answer; whatever else it raises leaves every mail of the request in doubt."""
    try:
        return channel.send(request_id, mails, deadline)
    except NotAccepted as no:
        return _none_accepted(no, [mail.touch_id for mail in mails])
    except Exception as error:
        return Answer(doubtful={mail.touch_id: type(error).__name__ for mail in mails})


def _none_accepted(no: NotAccepted, touch_ids: Iterable[int]) -> Answer:
    """A channel that has stopped is no fault of the mails: however often they are tried, that does not end them."""
    refusal = Refusal(str(no), permanent=False, gives_up=no.stopped is None)
    return Answer(refused=dict.fromkeys(touch_ids, refusal), stopped=no.stopped)


def _body_hash(mails: Sequence[Mail]) -> str:
    digest = hashlib.sha256()
    for mail in mails:
        digest.update("\x00".join((mail.to_address, mail.subject, mail.html, mail.text)).encode())
    return digest.hexdigest()[:32]


_loaded: dict[str, MailTemplate] = {}


def load_template(store: Store, template_id: int) -> MailTemplate:
    """A published template. Definitions never change: one loading serves the process."""
    with store.read() as conn:
        key = definitions.hash_of(conn, template_id)
        if key not in _loaded:
            found = definitions.load(conn, template_id)
            _loaded[key] = MailTemplate(found.name, Sources(found.files))
    return _loaded[key]
