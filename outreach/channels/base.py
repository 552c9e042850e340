"""What every way out is: one small protocol, one kind of mail, and three things that can become of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol

from crm_store.ledger.dispatch import Answer


@dataclass(frozen=True)
class Mail:
    """A mail as it leaves. `headers`: those beside From, To, Subject, Date, Message-ID."""

    touch_id: int
    message_id: str
    from_address: str
    from_name: str
    reply_to: str | None
    to_address: str
    to_name: str
    subject: str
    text: str
    html: str
    date: datetime
    headers: Mapping[str, str] = field(default_factory=dict)


class NotAccepted(Exception):
    """The whole request was definitely not accepted: its touches may go again. The text says why, without addresses."""


class Channel(Protocol):
    """A provider. `per_request`: how many mails one call takes, which is what one failure can put in doubt."""

    provider: ClassVar[str]
    per_request: int

    def send(self, request_id: str, mails: Sequence[Mail]) -> Answer:
        """Hand the mails over. Raises NotAccepted for a definite no; anything else raised leaves the request in doubt."""
        ...
