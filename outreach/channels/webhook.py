"""webhook: a signed POST of JSON to a system of your own, which sends the mails or does something else with them.

    POST <url>
    X-Rapport-Timestamp: 1781536245                     seconds since 1970, when it was signed
    X-Rapport-Signature: v1=<hex>                       HMAC-SHA256 of "<timestamp>.<body>" under the secret
    {"request": "<id>", "mails": [{"touch": 7, "message_id": "<..>", "date": "<ISO 8601>", "from": {"email", "name"},
      "reply_to": "..", "to": {"email", "name"}, "subject": "..", "text": "..", "html": "..", "headers": {..}}]}

Any 2xx takes all of them. It should take each `touch` once: after a lost answer a person may order it again.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

import orjson

from crm_store.content.channels import read_env_name
from crm_store.content.fields import Fields, sure
from crm_store.content.literals import read_whole
from crm_store.content.settings import read_url
from crm_store.ledger.dispatch import Answer, Refusal
from outreach.channels.base import Channel, Mail, NotAccepted, Outfit, Unreachable, Unsure, in_time
from outreach.wire.flaws import flaw_of
from outreach.wire.http import Http, Reply, told_wait
from outreach.wire.sockets import NoConnection

TIMESTAMP, SIGNATURE = "X-Rapport-Timestamp", "X-Rapport-Signature"
_STOPPED = {
    401: "it does not accept our signature; set {env} to the secret it knows",
    403: "it does not let us in; look into its settings",
    404: "there is nothing at this address; mend `url` in config/rapport.yaml",
    405: "it takes no POST there; mend `url` in config/rapport.yaml",
    451: "it may not take mails; ask its owner",
}


@dataclass(frozen=True)
class Options:
    """What rapport.yaml says of the system."""

    url: str
    secret_env: str = "RAPPORT_WEBHOOK_SECRET"
    per_request: int = 100


def configured(fields: Fields, outfit: Outfit) -> Webhook:
    """Raises Incomplete with the faults of its keys collected."""
    url = fields.need("url", read_url)
    secret_env = fields.get("secret_env", read_env_name, "RAPPORT_WEBHOOK_SECRET")
    per_request = fields.get("per_request", read_whole, 100)
    fields.close()
    return Webhook(Options(sure(url), secret_env, per_request))


class Webhook(Channel):
    """One address of one's own."""

    provider: ClassVar = "webhook"

    def __init__(self, options: Options) -> None:
        self.options = options
        self.per_request = options.per_request
        parts = urlsplit(options.url)
        self._http = Http(f"{parts.scheme}://{parts.netloc}")
        self._path = parts.path or "/"

    def announce(self, request_id: str) -> None:
        if trouble := self.trouble():
            raise NotAccepted("no_secret", trouble)

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        in_time(deadline)
        refused = {mail.touch_id: Refusal(flaw, permanent=True) for mail in mails if (flaw := flaw_of(mail))}
        good = [mail for mail in mails if mail.touch_id not in refused]
        if good:
            self._post(request_id, good, deadline)
        return Answer({mail.touch_id: mail.message_id for mail in good}, refused)

    def _post(self, request_id: str, mails: Sequence[Mail], deadline: float) -> None:
        """Returns if they were taken."""
        body = orjson.dumps({"request": request_id, "mails": [as_json(mail) for mail in mails]})
        headers = {"Content-Type": "application/json", **signed(body, os.environ.get(self.options.secret_env, ""))}
        try:
            reply = self._http.call("POST", self._path, body, headers, deadline)
        except NoConnection as error:
            if error.mend:
                raise NotAccepted("unreachable", f"webhook: {error}; mend `url` or the certificates") from None
            raise Unreachable("unreachable", wait=timedelta(seconds=30)) from None
        if not 200 <= reply.status < 300:
            raise self._no(reply)

    def _no(self, reply: Reply) -> Exception:
        """What an answer means that is no success."""
        if reply.status in (400, 413):
            return NotAccepted(f"refused_{reply.status}", divide=True)
        if reply.status == 429:
            return NotAccepted("rate", wait=told_wait(reply.headers, timedelta(minutes=1)))
        if reply.status in _STOPPED:
            what = _STOPPED[reply.status].format(env=self.options.secret_env)
            return NotAccepted("stopped", f"webhook {self.options.url} says {reply.status}: {what}")
        return Unsure(f"http_{reply.status}")

    def trouble(self) -> str | None:
        name = self.options.secret_env
        if os.environ.get(name):
            return None
        return f"webhook has no secret: environment variable {name} is not set; set it to what both sides sign with"

    def drained(self) -> None:
        self._http.close()


def as_json(mail: Mail) -> dict[str, Any]:
    return {
        "touch": mail.touch_id,
        "message_id": mail.message_id,
        "date": mail.date.isoformat(),
        "from": {"email": mail.from_address, "name": mail.from_name},
        "reply_to": mail.reply_to,
        "to": {"email": mail.to_address, "name": mail.to_name},
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "headers": dict(mail.headers),
    }


def signed(body: bytes, secret: str) -> dict[str, str]:
    """The headers that prove who sends a body, and when (machine time)."""
    timestamp = str(int(time.time()))
    signature = hmac.new(secret.encode(), timestamp.encode() + b"." + body, "sha256").hexdigest()
    return {TIMESTAMP: timestamp, SIGNATURE: f"v1={signature}"}
