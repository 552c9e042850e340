"""Draining the ledger: claim, render, dispatch, send, settle - batch by batch until nothing is due."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from crm_store import definitions
from crm_store.consent.keys import link_keys
from crm_store.content.sources import Sources
from crm_store.content.workspace import Workspace
from crm_store.ledger.claim import Claim, Group, claim, due_groups
from crm_store.ledger.dispatch import Answer, LeaseLost, Refusal, Request, dispatch, fail, give_back, recover, settle
from crm_store.ledger.material import Material, of_touches
from crm_store.store import Store
from outreach.channels import channel_for
from outreach.channels.base import Channel, Mail, NotAccepted
from outreach.links import Link, Purpose, Signer
from outreach.offers.codes import new_code
from outreach.rendering.context import Saying, context, pack
from outreach.rendering.environment import RENDER_ERRORS
from outreach.rendering.mail import MailTemplate, Rendered

_log = logging.getLogger("rapport.delivery")
BATCHES_AT_ONCE = 50
SECONDS_AT_ONCE = 60.0
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
    """Send what is due as of `now`, of one campaign or all, for up to a minute or 50 batches."""
    store.write(recover)
    with store.read() as conn:
        groups = due_groups(conn, now, campaign)
    return _Drain(store, workspace, now).run(groups)


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

    def run(self, groups: Sequence[Group]) -> Drained:
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
        channel = channel_for(claimed.version.campaign.channel, claimed.version.settings, self.workspace.root)
        for start in range(0, len(mails), channel.per_request):
            self._request(claimed, channel, mails[start : start + channel.per_request])

    def _request(self, claimed: Claim, channel: Channel, mails: Sequence[tuple[Mail, bytes]]) -> None:
        named = Request(
            secrets.token_hex(16),
            claimed.version.campaign.channel,
            channel.provider,
            _body_hash([mail for mail, _ in mails]),
            {mail.touch_id: packed for mail, packed in mails},
        )
        try:
            self.store.write(dispatch, claimed, named)
        except LeaseLost:
            return
        answer = _send(channel, named.id, [mail for mail, _ in mails])
        self.store.write(settle, named.id, answer, self.now)
        failed = sum(refusal.permanent for refusal in answer.refused.values())
        self.done = self.done.plus(Drained(sent=len(answer.accepted), in_doubt=len(answer.doubtful), failed=failed))


def _send(channel: Channel, request_id: str, mails: Sequence[Mail]) -> Answer:
    """The provider's answer; whatever else it raises leaves every mail of the request in doubt."""
    try:
        return channel.send(request_id, mails)
    except NotAccepted as no:
        return Answer(refused={mail.touch_id: Refusal(str(no), permanent=False) for mail in mails})
    except Exception as error:
        return Answer(doubtful={mail.touch_id: type(error).__name__ for mail in mails})


def _body_hash(mails: Sequence[Mail]) -> str:
    digest = hashlib.sha256()
    for mail in mails:
        digest.update("\x00".join((mail.to_address, mail.subject, mail.html, mail.text)).encode())
    return digest.hexdigest()[:32]


def make_mail(saying: Saying, material: Material, rendered: Rendered, now: datetime) -> Mail:
    """A mail ready to leave, with its one-click unsubscribe headers (RFC 8058)."""
    sender = saying.version.settings.senders[saying.version.campaign.sender]
    unsubscribe = saying.signer.url(Link(Purpose.UNSUBSCRIBE, material.customer_id, material.touch_id))
    return Mail(
        touch_id=material.touch_id,
        message_id=message_id(saying.signer, material.touch_id, sender.address),
        from_address=sender.address,
        from_name=sender.name,
        reply_to=sender.reply_to,
        to_address=material.address,
        to_name=_full_name(material.customer),
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        date=now,
        headers={"List-Unsubscribe": f"<{unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )


def message_id(signer: Signer, touch_id: int, sender: str) -> str:
    """The Message-ID a touch has, whoever sends it and however often: unique among stores by their key."""
    tag = hashlib.sha256(b"message-id:" + signer.keys[min(signer.keys)]).hexdigest()[:8]
    return f"<{touch_id}.{tag}@{sender.rpartition('@')[2]}>"


def _full_name(customer: Mapping[str, object]) -> str:
    names = (customer.get("first_name"), customer.get("last_name"))
    return " ".join(" ".join(str(name).split()) for name in names if name)


_loaded: dict[str, MailTemplate] = {}


def load_template(store: Store, template_id: int) -> MailTemplate:
    """A published template. Definitions never change: one loading serves the process."""
    with store.read() as conn:
        key = definitions.hash_of(conn, template_id)
        if key not in _loaded:
            found = definitions.load(conn, template_id)
            _loaded[key] = MailTemplate(found.name, Sources(found.files))
    return _loaded[key]
