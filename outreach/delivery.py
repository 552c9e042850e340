"""Draining the ledger: claim, render, dispatch, send, settle - batch by batch until nothing is due."""

from __future__ import annotations

import hashlib
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
from crm_store.ledger.kept import forget_mails
from crm_store.ledger.material import of_touches
from crm_store.store import Store
from outreach.channels import channel_for
from outreach.channels.base import Channel, ChannelStopped, Mail, NotAccepted
from outreach.links import Signer
from outreach.offers.codes import new_code
from outreach.recovery import recover
from outreach.rendering.context import Saying
from outreach.rendering.mail import MailTemplate
from outreach.rendering.renderer import Renderer
from outreach.writing import keep_shells, write_mails

BATCHES_AT_ONCE = 50
SECONDS_AT_ONCE = 60.0
FORGOTTEN_AT_ONCE = 1_000
_BUSY_WAIT = 0.02


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
        self.shells: set[str] = set()

    def run(self, campaign: str | None) -> Drained:
        self._forget()
        recovered = recover(self.store, self.workspace, self.signer, campaign)
        self.done = Drained(sent=recovered.sent, in_doubt=recovered.in_doubt)
        with self.store.read() as conn:
            groups = due_groups(conn, self.now, campaign)
        try:
            return self._groups(groups)
        finally:
            for channel in self.channels.values():
                channel.drained()

    def _forget(self) -> None:
        """Words of mails that nobody may see any more."""
        before = self.now - self.workspace.settings.delivery.keep_mails
        while self.store.write(forget_mails, before, FORGOTTEN_AT_ONCE) == FORGOTTEN_AT_ONCE:
            continue

    def _groups(self, groups: Sequence[Group]) -> Drained:
        for group in groups:
            while self._batch(group):
                if self.batches >= BATCHES_AT_ONCE or time.monotonic() > self.until:
                    return replace(self.done, more=True)
        return self.done

    def _batch(self, group: Group) -> bool:
        """Deliver one batch of the group. Returns whether to look for another."""
        size = self.workspace.settings.delivery.batch
        claimed = self.store.write(claim, group, self.now, size, new_code)
        self.batches += 1
        self.done = self.done.plus(Drained(judged=claimed.judged))
        if claimed.busy:
            time.sleep(_BUSY_WAIT)
            return True
        if claimed.touch_ids:
            try:
                self._deliver(claimed)
            except BaseException:
                self.store.write(give_back, claimed)
                raise
        return claimed.judged > 0

    def _deliver(self, claimed: Claim) -> None:
        with self.store.read() as conn:
            materials = of_touches(conn, claimed.touch_ids)
            template = load_template(self.store, claimed.template_id)
        saying = Saying(claimed.version, claimed.step, self.signer)
        written = write_mails(saying, materials, template, self.now)
        keep_shells(self.store, written.mails, self.shells)
        if written.broken:
            self.store.write(fail, claimed, written.broken, "template")
            self.done = self.done.plus(Drained(failed=len(written.broken)))
        channel = self._channel(claimed)
        for called in channel.divided(written.mails):
            self._request(claimed, channel, called, {mail.touch_id: written.kept[mail.touch_id] for mail in called})

    def _channel(self, claimed: Claim) -> Channel:
        version = claimed.version
        if version.id not in self.channels:
            self.channels[version.id] = channel_for(version.campaign.channel, version.settings, self.workspace.root)
        return self.channels[version.id]

    def _request(self, claimed: Claim, channel: Channel, mails: Sequence[Mail], packed: Mapping[int, bytes]) -> None:
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
        answer = refusal or _send(channel, named.id, mails)
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


def _send(channel: Channel, request_id: str, mails: Sequence[Mail]) -> Answer:
    """The provider's answer; whatever else it raises leaves every mail of the request in doubt."""
    try:
        return channel.send(request_id, mails)
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
        digest.update("\x00".join((mail.to_address, mail.said.shell.hash, *mail.said.holes)).encode())
    return digest.hexdigest()[:32]


_loaded: dict[str, Renderer] = {}


def load_template(store: Store, template_id: int) -> Renderer:
    """What renders a published template. Definitions never change: one loading serves the process."""
    with store.read() as conn:
        key = definitions.hash_of(conn, template_id)
        if key not in _loaded:
            found = definitions.load(conn, template_id)
            _loaded[key] = Renderer(MailTemplate(found.name, Sources(found.files)))
    return _loaded[key]
