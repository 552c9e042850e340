"""What every way out is: one small class, one kind of mail, and three things that can become of it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import ClassVar

from crm_store.content.settings import Settings
from crm_store.content.vocabulary import Vocabulary
from crm_store.errors import RapportError
from crm_store.ledger.dispatch import Answer
from crm_store.store import Store
from outreach.rendering.said import Said

TOO_LATE = "lease"  # the reason of mails whose sender came too late to send them


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
    said: Said
    date: datetime
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """What the provider is to know the touch by, and to say in its events (crm_store/ledger/reference.py)."""
        return self.message_id.strip("<>").partition("@")[0]

    @property
    def subject(self) -> str:
        return self.said.subject

    @property
    def text(self) -> str:
        return self.said.text

    @property
    def html(self) -> str:
        return self.said.html


@dataclass(frozen=True)
class Outfit:
    """What a provider may use beside its own keys. `store`: None where it is only asked what it lacks."""

    settings: Settings
    root: Path
    store: Store | None = None
    vocabulary: Vocabulary | None = None  # where the company's words are checked


class NotAccepted(Exception):
    """The whole request was definitely not accepted: its touches may go again.

    The text is their reason, a word or two without addresses. `stopped`: the channel takes nothing until a person has done
    something; a line for them, what is wrong, where, and what to do. `wait`: it takes nothing from this account for so
    long (machine time). `divide`: there is a bad mail among them; halves may be taken.
    """

    def __init__(
        self, reason: str, stopped: str | None = None, wait: timedelta | None = None, divide: bool = False
    ) -> None:
        super().__init__(reason)
        self.stopped = stopped
        self.wait = wait
        self.divide = divide


class Unreachable(NotAccepted):
    """No byte of the request has left, because nobody was there to take it."""


class ChannelStopped(RapportError):
    """A channel takes nothing at present. Every mail that was to leave by it is due as before; nothing is lost."""


class Unsure(Exception):
    """An answer after which nobody knows whether the mails were taken. Its text is their reason: nothing personal."""


def doubt(error: Exception) -> str:
    """Why mails are in doubt: what an unforeseen error says may quote a person's data, so of that only its kind is kept."""
    if isinstance(error, Unsure):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no_answer"
    return "connection_lost" if isinstance(error, (ConnectionError, HTTPException)) else type(error).__name__


@dataclass(frozen=True)
class Proof:
    """What a channel can prove of touches whose answer was lost. Of those in neither it knows nothing.

    `accepted`: their message ids; `refused`: touches that were not accepted and never will be under that request.
    """

    accepted: Mapping[int, str] = field(default_factory=dict)
    refused: frozenset[int] = frozenset()


def in_time(deadline: float) -> None:
    """Raises NotAccepted if the deadline is over: somebody else may have these mails by now."""
    if time.monotonic() >= deadline:
        raise NotAccepted(TOO_LATE)


class Channel(ABC):
    """A provider. `per_request`: how many mails one call takes, which is what one failure can put in doubt.

    A provider must `send`; the rest is for those that can do more.
    """

    provider: ClassVar[str]
    per_request: int

    def divided(self, mails: Sequence[Mail]) -> Iterator[Sequence[Mail]]:
        """The mails of a batch, which share a shell where they could be made with one, divided into calls."""
        for start in range(0, len(mails), self.per_request):
            yield mails[start : start + self.per_request]

    @abstractmethod
    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        """Hand the mails over, all within `deadline`, an instant of the monotonic clock in seconds (`time.monotonic`).

        It is looked at right before the first byte leaves: whoever comes too late raises NotAccepted. Raises NotAccepted
        for any definite no; anything else raised leaves the request in doubt.
        """

    def announce(self, request_id: str) -> None:  # noqa: B027  # not every provider has something to do then
        """Called before the request is named in the store, so before `send`. Raises NotAccepted."""

    def settled(self, request_id: str) -> None:  # noqa: B027  # not every provider has something to do then
        """Called when the answer to the request is in the store: nobody will ask about it any more."""

    def look_up(self, request_id: str, message_ids: Mapping[int, str]) -> Proof:
        """What became of touches whose request was sent by a process that is gone, or so slow that nobody waits for it.

        `message_ids`: those their mails have, by touch. What is proven `refused` must stay so, whatever that process does.
        """
        return Proof()

    def trouble(self) -> str | None:
        """Why the channel could not take a mail now, as far as it can tell without sending one."""
        return None

    def drained(self) -> None:  # noqa: B027  # not every provider has something to do then
        """Called when a drain that used the channel has ended."""
