"""Signed links in mails: unsubscribe and preferences.

A token is 11 bytes - key id (1), purpose (1), customer (4), touch (5), big-endian - and the first 12 bytes of their
HMAC-SHA256, as 31 characters of base64url. It holds no address and nothing else about a person. This form is final:
a token of today must work for as long as people keep their mails.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

MAC_BYTES = 12
_WRITTEN = re.compile(r"[A-Za-z0-9_-]{31}")


class Purpose(IntEnum):
    """What a link is for; never renumber."""

    UNSUBSCRIBE = 1
    PREFERENCES = 2


PATHS = {Purpose.UNSUBSCRIBE: "u", Purpose.PREFERENCES: "p"}


@dataclass(frozen=True)
class Link:
    """What a token says."""

    purpose: Purpose
    customer_id: int
    touch_id: int


@dataclass(frozen=True)
class Signer:
    """Signs with the newest key, verifies with all. `keys`: secrets by id (1-255)."""

    base_url: str
    keys: Mapping[int, bytes]

    def url(self, link: Link) -> str:
        return f"{self.base_url}/{PATHS[link.purpose]}/{self.token(link)}"

    def token(self, link: Link) -> str:
        key_id = max(self.keys)
        body = bytes([key_id, link.purpose]) + link.customer_id.to_bytes(4, "big") + link.touch_id.to_bytes(5, "big")
        return urlsafe_b64encode(body + _mac(self.keys[key_id], body)).decode().rstrip("=")

    def read(self, token: str) -> Link | None:
        """What the token says, or None unless it is one of ours, unchanged."""
        raw = _bytes(token)
        if raw is None:
            return None
        body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        key = self.keys.get(body[0])
        if key is None or not hmac.compare_digest(_mac(key, body), mac) or body[1] not in set(Purpose):
            return None
        return Link(Purpose(body[1]), int.from_bytes(body[2:6], "big"), int.from_bytes(body[6:11], "big"))


def _bytes(token: str) -> bytes | None:
    """What the characters stand for; None for any but the one spelling that we write (the last one has spare bits)."""
    if not _WRITTEN.fullmatch(token):
        return None
    raw = urlsafe_b64decode(token + "=")
    return raw if urlsafe_b64encode(raw).decode() == token + "=" else None


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"rapport-link:" + body, "sha256")[:MAC_BYTES]
