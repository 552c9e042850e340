"""Two ways out: the second takes what the first definitely did not, because it takes nothing at present."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from crm_store.ledger.dispatch import Answer, Refusal
from outreach.channels.base import Channel, Mail, NotAccepted, Proof, Unreachable, doubt

REST_SECONDS = 60.0


class WithFallback(Channel):
    """The first is given up for a minute when nobody is there to take a request, or when a person must mend something.

    It is not given up for a single mail that it refuses, nor where it says how long to wait: that is waited. What it may
    have taken is in doubt and goes nowhere else.
    """

    def __init__(self, first: Channel, second: Channel) -> None:
        self.first, self.second = first, second
        self.per_request = first.per_request
        self.resting_until = 0.0

    @property
    def provider(self) -> str:  # type: ignore[override]  # that of a request's row, which is written before it is sent
        return self.first.provider

    def divided(self, mails: Sequence[Mail]) -> Iterator[Sequence[Mail]]:
        return self.first.divided(mails)

    def announce(self, request_id: str) -> None:
        try:
            self.first.announce(request_id)
        except NotAccepted:
            self._rest()
        self.second.announce(request_id)

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        if time.monotonic() >= self.resting_until:
            try:
                return self.first.send(request_id, mails, deadline)
            except NotAccepted as no:
                if not (no.stopped or isinstance(no, Unreachable)):
                    raise
                self._rest()
        return self._by_second(request_id, mails, deadline)

    def _rest(self) -> None:
        self.resting_until = time.monotonic() + REST_SECONDS

    def _by_second(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        """The second may divide them otherwise: after the first of its calls that fails the rest is not tried."""
        whole, failed = Answer(), False
        for called in self.second.divided(mails):
            if failed:
                whole = _plus(whole, Answer(refused=_refused(called, "not_tried")))
                continue
            try:
                answer = self.second.send(request_id, called, deadline)
            except NotAccepted as no:
                if whole == Answer():
                    raise
                answer = Answer(refused=_refused(called, str(no)), stopped=no.stopped)
            except Exception as error:
                answer = Answer(doubtful={mail.touch_id: doubt(error) for mail in called})
            whole, failed = _plus(whole, answer), not answer.accepted
        return whole

    def settled(self, request_id: str) -> None:
        self.first.settled(request_id)
        self.second.settled(request_id)

    def look_up(self, request_id: str, message_ids: Mapping[int, str]) -> Proof:
        one, other = self.first.look_up(request_id, message_ids), self.second.look_up(request_id, message_ids)
        return Proof({**other.accepted, **one.accepted}, one.refused & other.refused)

    def trouble(self) -> str | None:
        return self.first.trouble() or self.second.trouble()

    def drained(self) -> None:
        self.first.drained()
        self.second.drained()


def _refused(mails: Sequence[Mail], reason: str) -> dict[int, Refusal]:
    return dict.fromkeys((mail.touch_id for mail in mails), Refusal(reason, permanent=False, gives_up=False))


def _plus(one: Answer, other: Answer) -> Answer:
    return Answer(
        {**one.accepted, **other.accepted},
        {**one.refused, **other.refused},
        {**one.doubtful, **other.doubtful},
        one.stopped or other.stopped,
        one.wait or other.wait,
    )
