"""A mail as it was sent, or as it would be: one renderer for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import TemplateRuntimeError

from console.names import campaign_with_file
from crm_store.content.faults import Fault, did_you_mean
from crm_store.content.workspace import Workspace
from crm_store.errors import ContentError, RapportError, UsageError, no_customer
from crm_store.journeys.context import Runnable
from crm_store.journeys.steps import Send
from crm_store.ledger.find import SentMail, sent_mail
from crm_store.ledger.material import Material, customer_values, latest_event, of_customer
from crm_store.ledger.states import DISPATCHED, SENT
from crm_store.store import Store
from outreach.delivery import load_template
from outreach.links import Signer
from outreach.messages import make_mail
from outreach.publishing import read
from outreach.rendering.check import find_error
from outreach.rendering.context import Saying, context
from outreach.rendering.environment import RENDER_ERRORS, MissingValue
from outreach.rendering.mail import MailTemplate, closure
from outreach.rendering.said import Said
from outreach.rendering.samples import SAMPLE_SIGNER, sample_offer
from outreach.writing import as_sent


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
    content = read(workspace)
    version = content.runnable(campaign_with_file(campaign, content.campaigns))
    send = _step(version, step)
    if not customer:
        raise UsageError("whose mail? name a customer: --customer KEY")
    with store.read() as conn:
        if of_customer(conn, customer) is None:
            raise no_customer(customer)
        sent = sent_mail(conn, customer, campaign, send.name)
    if sent is not None:
        return shown_as_sent(store, sent)
    return _sample(workspace, store, now, version, send, customer)


def _step(version: Runnable, name: str | None) -> Send:
    sends = {step.name: step for step in version.campaign.course.steps if isinstance(step, Send)}
    if name is None and sends:
        return next(iter(sends.values()))
    if name is None:
        raise UsageError(f"campaign '{version.campaign.name}' has no step that sends a mail")
    if name not in sends:
        raise UsageError(f"campaign '{version.campaign.name}' has no mail '{name}'{did_you_mean(name, sends)}")
    return sends[name]


def shown_as_sent(store: Store, sent: SentMail) -> Shown:
    """The mail exactly as it left."""
    rendered, address = as_sent(store, sent, load_template(store, sent.template_id))
    headers = {
        "Status": _status(sent),
        "Message-ID": sent.message_id or "",
        "To": address,
        "Subject": rendered.subject,
    }
    return Shown(headers, rendered.text, rendered.html)


def _status(sent: SentMail) -> str:
    """What is known of a mail that was to leave."""
    name = f"touch {sent.touch_id}"
    if sent.state == SENT:
        return f"this mail left as {name}" + (f" ({sent.sent_at:%Y-%m-%d %H:%M:%SZ})" if sent.sent_at else "")
    if sent.state == DISPATCHED:
        return f"{name}: this mail is being sent; whether it has left is not known yet"
    return f"{name} is in doubt ({sent.reason}): nobody knows whether this mail has left; it is not sent again by itself"


def _sample(workspace: Workspace, store: Store, now: datetime, version: Runnable, send: Send, customer: str) -> Shown:
    with store.read() as conn:
        row = of_customer(conn, customer)
        event = latest_event(conn, row.id, version.campaign.trigger.event(), now)
    material = Material(0, row.id, row.email or "", customer_values(row), event, sample_offer(version, send, now))
    signer = Signer(workspace.settings.public_url, SAMPLE_SIGNER.keys)  # whoever looks at a link must not opt her out
    saying = Saying(version, send, signer)
    values = context(saying, material)
    said = _rendered(workspace, saying, values)
    mail = make_mail(saying, material, said, values["links"]["unsubscribe"], now)
    headers = {
        "Status": "SAMPLE: touch number, code, links, Date and Message-ID will be others",
        "From": f"{mail.from_name} <{mail.from_address}>",
        "To": mail.to_address or "(no address)",
        "Subject": mail.subject,
    }
    return Shown(headers, mail.text, mail.html)


def _rendered(workspace: Workspace, saying: Saying, values: Mapping[str, Any]) -> Said:
    name, sources = saying.step.template, workspace.sources
    try:
        return MailTemplate(name, sources.subset(closure(name, sources))).render(values)
    except Fault as fault:
        raise ContentError([fault]) from None
    except RENDER_ERRORS as error:
        place, cause = find_error(sources, name, values) or (f"template '{name}'", error)
        # Jinja's and Python's own words may quote what they stumbled on.
        said = str(cause) if type(cause) in (MissingValue, TemplateRuntimeError) else type(cause).__name__
        kind = saying.version.campaign.trigger.event()
        if kind and values["event"] is None and said.startswith("'event'"):
            said = f"{values['customer']['key']} has no '{kind}' event, which is what enters this campaign"
        raise RapportError(f"{place}: can't be rendered for this customer: {said}") from None
