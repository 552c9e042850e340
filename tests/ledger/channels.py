"""Ways out for tests, which can prove nothing: they keep what they are given, and answer as they are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import pytest

from crm_store.ledger.dispatch import Answer, Refusal
from outreach.channels.base import Channel, Mail

Answers = Callable[[Sequence[Mail]], Answer]


class Told(Channel):
    """A channel that answers as it is told. `mails`: everything it was ever given."""

    provider: ClassVar = "told"

    def __init__(self, answers: Answers, per_request: int = 100) -> None:
        self.per_request = per_request
        self.mails: list[Mail] = []
        self.requests: list[str] = []
        self._answers = answers

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        self.mails += mails
        self.requests.append(request_id)
        return self._answers(mails)

    @property
    def addresses(self) -> list[str]:
        return [mail.to_address for mail in self.mails]


def use(channel: Told, monkeypatch: pytest.MonkeyPatch) -> Told:
    """From now on mails leave by this channel."""
    for module in ("delivery", "recovery"):
        monkeypatch.setattr(f"outreach.{module}.channel_for", lambda *_: channel)
    return channel


def accept(mails: Sequence[Mail]) -> Answer:
    return Answer(accepted={mail.touch_id: mail.message_id for mail in mails})


def refuse(permanent: bool) -> Answers:
    """Every mail is refused: for good, or for now."""
    return lambda mails: Answer(refused={mail.touch_id: Refusal("no", permanent) for mail in mails})


def fail_with(error: BaseException) -> Answers:
    def answer(mails: Sequence[Mail]) -> Answer:
        raise error

    return answer
