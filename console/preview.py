"""A mail as it was sent, or as it would be: one renderer for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from crm_store.consent.keys import link_keys
from crm_store.content.faults import did_you_mean
from crm_store.content.workspace import Workspace
from crm_store.errors import RapportError, UsageError
from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Send
from crm_store.ledger.find import SentMail, sent_mail
from crm_store.ledger.material import Material, customer_values, latest_event, of_customer
from crm_store.store import Store
from outreach.delivery import load_template, make_mail
from outreach.links import Signer
from outreach.publishing import check
from outreach.rendering.context import Saying, context, unpack
from outreach.rendering.mail import MailTemplate, Rendered, TemplateError, closure
from outreach.rendering.samples import SAMPLE_SIGNER, sample_offer


@dataclass(frozen=True)
class Shown:
    """A mail to look at."""

    headers: Mapping[str, str]
    text: str
    html: str


def preview_mail(
    workspace: Workspace, store: Store, now: datetime, campaign: str, step: str | None, customer: str
) -> Shown:
    """The newest mail of that step to that customer if it was sent, else a sample of what it would be.

    Raises UsageError for names that are not known, RapportError if the template can't be rendered for her.
    """
    content = check(workspace)
    if campaign not in content.campaigns:
        raise UsageError(f"campaign '{campaign}' is not in config/campaigns{did_you_mean(campaign, content.campaigns)}")
    version = content.runnable(campaign)
    send = _step(version, step)
    if not customer:
        raise UsageError("whose mail? name a customer: --customer KEY")
    with store.read() as conn:
        if of_customer(conn, customer) is None:
            raise UsageError(f"customer '{customer}' is not in the store; `rapport customer show KEY` shows one")
        sent = sent_mail(conn, customer, campaign, send.name)
    if sent is not None:
        return _as_sent(store, sent)
    return _sample(workspace, store, now, version, send, customer)


def _step(version: Runnable, name: str | None) -> Send:
    sends = {step.name: step for step in version.campaign.steps if isinstance(step, Send)}
    if name is None:
        return next(iter(sends.values()))
    if name not in sends:
        raise UsageError(f"campaign '{version.campaign.name}' has no mail '{name}'{did_you_mean(name, sends)}")
    return sends[name]


def _as_sent(store: Store, sent: SentMail) -> Shown:
    values = unpack(sent.packed)
    rendered = load_template(store, sent.template_id).render(values)
    when = f"{sent.sent_at:%Y-%m-%d %H:%M:%SZ}" if sent.sent_at else "not settled yet"
    headers = {
        "Status": f"this mail left as touch {sent.touch_id} ({when})",
        "Message-ID": sent.message_id or "",
        "To": str(values["customer"]["email"]),
        "Subject": rendered.subject,
    }
    return Shown(headers, rendered.text, rendered.html)


def _sample(workspace: Workspace, store: Store, now: datetime, version: Runnable, send: Send, customer: str) -> Shown:
    with store.read() as conn:
        row = of_customer(conn, customer)
        event = latest_event(conn, row.id, version.campaign.trigger.event(), now)
        keys = link_keys(conn)
    material = Material(0, row.id, row.email or "", customer_values(row), event, sample_offer(version, send, now))
    signer = Signer(workspace.settings.public_url, keys) if keys else SAMPLE_SIGNER
    saying = Saying(version, send, signer)
    template = MailTemplate(send.template, workspace.sources.subset(closure(send.template, workspace.sources)))
    mail = make_mail(saying, material, _rendered(template, saying, material), now)
    headers = {
        "Status": "SAMPLE: touch number, code, links, Date and Message-ID will be others",
        "From": f"{mail.from_name} <{mail.from_address}>",
        "To": mail.to_address or "(no address)",
        "Subject": mail.subject,
    }
    return Shown(headers, mail.text, mail.html)


def _rendered(template: MailTemplate, saying: Saying, material: Material) -> Rendered:
    try:
        return template.render(context(saying, material))
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise RapportError(f"template '{template.name}' can't be rendered for this customer: {error}") from None
