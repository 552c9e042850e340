"""sendgrid: one request for up to 1,000 recipients of one shell, through SendGrid's v3 API.

The package `sendgrid` gives the envelope, the errors and the check of event signatures. It has no time-outs, opens a
connection for each request and formats every payload for its log, so requests travel by our own transport.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from email.utils import quote
from functools import partial
from typing import Any, ClassVar

import orjson
import python_http_client
from python_http_client.exceptions import HTTPError, err_dict
from sendgrid import SendGridAPIClient
from sendgrid.helpers.eventwebhook import EventWebhook
from sendgrid.helpers.mail import (
    Category,
    ClickTracking,
    Content,
    Email,
    Ganalytics,
    IpPoolName,
    MailSettings,
    OpenTracking,
    SandBoxMode,
    Subject,
    SubscriptionTracking,
    TrackingSettings,
)
from sendgrid.helpers.mail import Mail as Envelope

from crm_store.content.channels import read_env_name
from crm_store.content.faults import Fault
from crm_store.content.fields import Fields, text, texts, truth
from crm_store.content.literals import read_whole
from crm_store.content.nodes import Node
from crm_store.content.settings import read_url
from crm_store.ledger.dispatch import Answer, Refusal
from outreach.channels.base import Channel, Mail, NotAccepted, Outfit, Unreachable, Unsure, in_time
from outreach.channels.sendgrid_events import TOUCH
from outreach.rendering.said import PLAIN, Part
from outreach.wire.addresses import mailbox, wire_address
from outreach.wire.flaws import flaw_of
from outreach.wire.grouping import grouped
from outreach.wire.http import Http, Reply, told_wait
from outreach.wire.sockets import NoConnection
from outreach.wire.tagged import tagged

MOST_RECIPIENTS = 1_000
MOST_CATEGORIES = 10
BLOCKED = timedelta(minutes=10)  # SendGrid does not say how long its temporary block lasts
_SETTLE = timedelta(minutes=1)
# The headers that SendGrid writes itself and refuses from others.
RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
# Another try of the same mails that does not count against them.
_AGAIN = Refusal("with_a_bad_one", permanent=False, after=timedelta(0), gives_up=False)


@dataclass(frozen=True)
class Options:
    """What rapport.yaml says of the account."""

    api_key_env: str = "SENDGRID_API_KEY"
    host: str = "https://api.sendgrid.com"
    categories: tuple[str, ...] = ()
    ip_pool: str | None = None
    sandbox: bool = False
    per_request: int = MOST_RECIPIENTS


def configured(fields: Fields, outfit: Outfit) -> SendGrid:
    """Raises Incomplete with the faults of its keys collected."""
    usual = Options()
    options = Options(
        api_key_env=fields.get("api_key_env", read_env_name, usual.api_key_env),
        host=fields.get("host", read_url, usual.host),
        categories=fields.several("categories", _categories),
        ip_pool=fields.maybe("ip_pool", _ip_pool),
        sandbox=fields.get("sandbox", truth, usual.sandbox),
        per_request=fields.get("per_request", _per_request, usual.per_request),
    )
    fields.close()
    return SendGrid(options)


def _categories(node: Node) -> tuple[str, ...]:
    found = texts(node)
    if len(set(found)) != len(found) or len(found) > MOST_CATEGORIES or max(map(len, found)) > 255:
        raise Fault(node.place, f"must be at most {MOST_CATEGORIES} different categories of at most 255 characters")
    return found


def _ip_pool(node: Node) -> str:
    if not 2 <= len(text(node)) <= 64:
        raise Fault(node.place, f"'{text(node)}' must have 2 to 64 characters")
    return text(node)


def _per_request(node: Node) -> int:
    if read_whole(node) > MOST_RECIPIENTS:
        raise Fault(node.place, f"'{text(node)}' must be at most {MOST_RECIPIENTS}, which is what SendGrid takes")
    return read_whole(node)


class SendGrid(Channel):
    """An account at SendGrid."""

    provider: ClassVar = "sendgrid"

    def __init__(self, options: Options) -> None:
        self.options = options
        self.per_request = options.per_request
        self._http = Http(options.host)

    def divided(self, mails: Sequence[Mail]) -> Iterator[Sequence[Mail]]:
        """By shell and sender; what has no shell or does not fit goes alone; no two to one mailbox.

        SendGrid gives all mails of a request one Message-ID, and of two in one mailbox some hosts show one.
        """
        together: list[Mail] = []
        for mail in mails:
            if mail.said.shell is PLAIN or not tagged(mail.said.shell).fits(mail.said):
                yield [mail]
            else:
                together.append(mail)
        yield from grouped(together, _alike, lambda mail: mailbox(mail.to_address), self.per_request)

    def announce(self, request_id: str) -> None:
        if trouble := self.trouble():
            raise NotAccepted("no_key", trouble)

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        in_time(deadline)
        refused = {mail.touch_id: Refusal(flaw, permanent=True) for mail in mails if (flaw := _flaw(mail))}
        good = [mail for mail in mails if mail.touch_id not in refused]
        if not good:
            return Answer(refused=refused)
        try:
            reply = self._post(orjson.dumps(request_body(good, self.options)), deadline)
        except NoConnection as error:
            raise _unreachable(error) from None
        except HTTPError as error:
            return _refused(error, good, refused, self.options)
        if reply.status_code != (200 if self.options.sandbox else 202):
            raise Unsure(f"http_{reply.status_code}")
        message_id = str(reply.headers.get("X-Message-Id") or request_id)
        return Answer({mail.touch_id: message_id for mail in good}, refused)

    def _post(self, body: bytes, deadline: float) -> Any:
        client = SendGridAPIClient(os.environ.get(self.options.api_key_env, ""), host=self.options.host)
        headers = dict(client.client.request_headers)
        client.client = _Client(partial(self._call, deadline), self.options.host, headers, version=3)
        return client.client.mail.send.post(request_body=body)

    def _call(self, deadline: float, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        return self._http.call(method, url.removeprefix(self.options.host), body, headers, deadline)

    def trouble(self) -> str | None:
        name = self.options.api_key_env
        if os.environ.get(name, "").strip():
            return None
        return f"sendgrid has no API key: environment variable {name} is not set; set it to a key that may send mails"

    def drained(self) -> None:
        self._http.close()


def _alike(mail: Mail) -> object:
    """Mails that can go in one request have the same of these."""
    return id(mail.said.shell), mail.from_address, mail.from_name, mail.reply_to


def _flaw(mail: Mail) -> str | None:
    """Why SendGrid would refuse the whole request because of this mail, as a reason of its touch."""
    shell, holes = mail.said.shell, mail.said.holes
    says_all = mail.subject.strip() and _says(shell.text, holes) and _says(shell.html, holes)
    if not says_all or not all(mail.headers.values()) or not RESERVED.isdisjoint(map(str.lower, mail.headers)):
        return "header"
    return flaw_of(mail)


def _says(part: Part, holes: Sequence[str]) -> bool:
    return any(part.pieces) or any(holes[number] for number in part.holes)


def request_body(mails: Sequence[Mail], options: Options) -> dict[str, Any]:
    """The request for mails of one shell and sender. One alone is said in full; several share what they can."""
    first = mails[0]
    if len(mails) == 1:
        body = _envelope(first, first.subject, first.text, first.html, options)
        body["personalizations"] = [_personalization(first)]
        return body
    if first.said.shell is PLAIN or any(mail.said.shell is not first.said.shell for mail in mails):
        raise NotAccepted("several_shells", divide=True)
    tags = tagged(first.said.shell)
    body = _envelope(first, tags.subject, tags.text, tags.html, options)
    body["personalizations"] = [
        {**_personalization(mail), "substitutions": tags.substitutions(mail.said)} for mail in mails
    ]
    return body


def _personalization(mail: Mail) -> dict[str, Any]:
    """As plain data: the package takes 40 to 70 ms for a thousand of its objects."""
    to = {"email": wire_address(mail.to_address)}
    if mail.to_name:
        # SendGrid takes a comma or semicolon for the end of the name, unless it is quoted (sendgrid-python#291).
        to["name"] = f'"{quote(mail.to_name)}"' if set(mail.to_name) & set(",;") else mail.to_name
    found = {"to": [to], "headers": dict(mail.headers)}
    return {**found, "custom_args": {TOUCH: mail.reference}} if mail.touch_id > 0 else found


def _envelope(mail: Mail, subject: str, text: str, html: str, options: Options) -> dict[str, Any]:
    """What all mails of the request share. Links, opens and unsubscribing are ours, so SendGrid's own are off."""
    envelope = Envelope()
    envelope.from_email = Email(mail.from_address, mail.from_name)
    if mail.reply_to:
        envelope.reply_to = Email(mail.reply_to)
    envelope.subject = Subject(subject)
    envelope.content = [Content("text/plain", text), Content("text/html", html)]
    if options.categories:
        envelope.category = [Category(name) for name in options.categories]
    if options.ip_pool:
        envelope.ip_pool_name = IpPoolName(options.ip_pool)
    envelope.mail_settings = MailSettings(sandbox_mode=SandBoxMode(enable=options.sandbox))
    envelope.tracking_settings = TrackingSettings(
        ClickTracking(enable=False, enable_text=False), OpenTracking(enable=False),
        SubscriptionTracking(enable=False), Ganalytics(enable=False),
    )  # fmt: skip
    body: dict[str, Any] = envelope.get()
    return body


class _Client(python_http_client.Client):  # type: ignore[misc]  # the package has no types
    """The package's client, with another way to travel: one try, one deadline, and no log of payload or key."""

    def __init__(self, call: Callable[..., Reply], host: str, headers: dict[str, str], **more: Any) -> None:
        super().__init__(host, request_headers=headers, **more)
        self.call = call

    def _build_client(self, name: str | None = None) -> _Client:
        path = [*self._url_path, name] if name else self._url_path
        return _Client(self.call, self.host, self.request_headers, version=self._version, url_path=path)

    def __getattr__(self, name: str) -> Any:
        return partial(self._made, name.upper()) if name in self.methods else super().__getattr__(name)

    def _made(self, method: str, request_body: bytes | None = None) -> Any:
        """Raises the package's errors for what is not a success, a redirect among them."""
        headers = {**self.request_headers, "Content-Type": "application/json"}
        reply = self.call(method, self._build_url(None), request_body, headers)
        if not 200 <= reply.status < 300:
            raise err_dict.get(reply.status, HTTPError)(reply.status, reply.reason, reply.body, reply.headers)
        return python_http_client.client.Response(_AsUrllib(reply))


@dataclass(frozen=True)
class _AsUrllib:
    """A reply with the methods that the package's Response calls."""

    reply: Reply

    def getcode(self) -> int:
        return self.reply.status

    def read(self) -> bytes:
        return self.reply.body

    def info(self) -> Message:
        return self.reply.headers


def _unreachable(error: NoConnection) -> NotAccepted:
    if error.mend:
        return NotAccepted("unreachable", f"sendgrid: {error}; mend `host` in config/rapport.yaml or the certificates here")
    return Unreachable("unreachable", wait=timedelta(seconds=30))


def _refused(error: HTTPError, mails: Sequence[Mail], refused: dict[int, Refusal], options: Options) -> Answer:
    """What an answer that is no success means. Raises NotAccepted for a definite no to all, Unsure for doubt."""
    status = error.status_code
    if status in (400, 413):
        return _bad_request(error, mails, refused)
    if status == 429:
        raise NotAccepted("rate", wait=told_wait(error.headers, _SETTLE))
    if status == 403 and b"temporary block" in error.body.lower():
        raise NotAccepted("blocked", wait=BLOCKED)
    if status in _STOPPED:
        raise NotAccepted("stopped", f"sendgrid says {status}: {_STOPPED[status].format(options)}")
    raise Unsure(f"http_{status}")


_STOPPED = {
    401: "the key in {0.api_key_env} is not valid; set another one",
    403: "the key in {0.api_key_env} may not send from this address; give it the right or verify the sender",
    404: "there is no API at {0.host}; mend `host` in config/rapport.yaml",
    405: "there is no API at {0.host}; mend `host` in config/rapport.yaml",
    451: "the account may not send; ask SendGrid's support",
}


def _bad_request(error: HTTPError, mails: Sequence[Mail], refused: dict[int, Refusal]) -> Answer:
    """SendGrid often names the mails that it minds; then they alone are refused, and the others go again without them."""
    bad = {mails[0].touch_id} if len(mails) == 1 else {mails[n].touch_id for n in _named(error.body) if n < len(mails)}
    if not bad:
        raise NotAccepted(f"refused_{error.status_code}", divide=True)
    reason = Refusal(f"refused_{error.status_code}", permanent=True)
    return Answer(refused=refused | {one.touch_id: reason if one.touch_id in bad else _AGAIN for one in mails})


def _named(body: bytes) -> set[int]:
    """The numbers of the personalizations that an error names: `"field": "personalizations.3.to.0.email"`."""
    try:
        errors = json.loads(body)["errors"]
        fields = [str(error.get("field")) for error in errors]
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()  # too large a request is answered by a page of HTML
    numbers = [re.match(r"personalizations\.(\d{1,4})\b", field) for field in fields]
    return {int(number[1]) for number in numbers if number} if all(numbers) else set()


SIGNATURE, TIMESTAMP = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"
# SendGrid tries again for 24 hours, perhaps with the first try's timestamp; events are taken once, however often they come.
OLDEST_EVENTS = timedelta(hours=25)


def is_from_sendgrid(body: bytes, headers: Mapping[str, str], public_key: str, clock: float) -> bool:
    """Whether a post of events is signed by the account's key (as SendGrid shows it: base64 without head or foot) and not
    older than 25 hours. `clock`: machine time, in seconds since 1970."""
    found = {name.lower(): value for name, value in headers.items()}
    signature, timestamp = found.get(SIGNATURE.lower()), found.get(TIMESTAMP.lower())
    if not signature or not timestamp or not re.fullmatch(r"\d{1,12}", timestamp):
        return False
    if abs(clock - int(timestamp)) > OLDEST_EVENTS.total_seconds():
        return False
    try:
        base64.b64decode(signature, validate=True)
        return bool(EventWebhook(public_key).verify_signature(body.decode(), signature, timestamp))
    except ValueError:  # neither base64 nor UTF-8
        return False
