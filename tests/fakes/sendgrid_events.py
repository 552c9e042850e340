"""The events that a fake SendGrid has to tell: signed, and late, doubled and shuffled as the real one's are."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from random import Random
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.sendgrid_mails import TOUCH, Delivered

KINDS = ("processed", "delivered", "open", "click")
PER_POST = 3  # few, so that what belongs together comes apart


class Events:
    """`key`: the account's public key, as SendGrid shows it."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        public = self._private.public_key()
        encoded = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.key = base64.b64encode(encoded).decode()

    def of(self, mails: Sequence[Delivered], at: int | None = None) -> list[dict[str, Any]]:
        """Every event of these mails, in the order in which they happened. A bounce told late has no sg_message_id."""
        start = int(time.time()) if at is None else at
        return [
            {
                "event": kind,
                "email": mail.address,
                "timestamp": start + seconds,
                "sg_event_id": base64.urlsafe_b64encode(f"{kind}-{mail.message_id}".encode()).decode().rstrip("="),
                "sg_message_id": mail.message_id,
                TOUCH: mail.touch,
                **({"url": "https://shop.example/a"} if kind == "click" else {}),
            }
            for mail in mails
            for seconds, kind in enumerate(KINDS)
        ]

    def posts(self, mails: Sequence[Delivered], seed: int = 0, times: int = 2) -> Iterator[tuple[bytes, dict[str, str]]]:
        """Posts with every event so many times, in any order."""
        told = self.of(mails) * times
        Random(seed).shuffle(told)
        for start in range(0, len(told), PER_POST):
            yield self.signed(json.dumps(told[start : start + PER_POST]).encode())

    def signed(self, body: bytes, at: int | None = None) -> tuple[bytes, dict[str, str]]:
        timestamp = str(int(time.time()) if at is None else at)
        signature = self._private.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return body, {
            "Content-Type": "application/json",
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        }

    def post(self, url: str, mails: Sequence[Delivered], seed: int, times: int) -> list[int]:
        """Tell them to an address; the statuses it answered."""
        parts = urlsplit(url)
        statuses = []
        for body, headers in self.posts(mails, seed, times):
            connection = HTTPConnection(parts.hostname or "", parts.port, timeout=30)
            connection.request("POST", parts.path or "/", body, headers)
            statuses.append(connection.getresponse().status)
            connection.close()
        return statuses
