"""A fallback takes what the first way out definitely did not; what that may have taken goes nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

import pytest

from crm_store.ledger.dispatch import Answer, Refusal
from outreach.channels.base import Channel, Mail, NotAccepted, Proof, Unreachable
from outreach.channels.fallback import WithFallback
from tests.outreach.channels.benches import REQUEST, mails, soon


class Scripted(Channel):
    """Answers as it is told, in turn; then takes everything."""

    provider: ClassVar = "scripted"

    def __init__(self, *answers: Exception | Answer, per_request: int = 100) -> None:
        self.answers = list(answers)
        self.per_request = per_request
        self.given: list[list[int]] = []

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        self.given.append([mail.touch_id for mail in mails])
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer or Answer({mail.touch_id: mail.message_id for mail in mails})


def sent(first: Scripted, second: Scripted, count: int = 2) -> Answer:
    return WithFallback(first, second).send(REQUEST, mails(count), soon())


@pytest.mark.parametrize("no", [Unreachable("unreachable"), NotAccepted("stopped", "a person must act")])
def test_it_takes_what_the_first_can_not_take(no: NotAccepted) -> None:
    second = Scripted()
    assert list(sent(Scripted(no), second).accepted) == [1, 2]
    assert second.given == [[1, 2]]


def test_it_gets_nothing_that_the_first_has_taken_or_refused_alone() -> None:
    second = Scripted()
    answer = Answer({1: "<1>"}, {2: Refusal("address", permanent=True)})
    assert sent(Scripted(answer), second) == answer
    assert second.given == []


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(), RuntimeError("500")])
def test_what_may_have_been_taken_goes_nowhere_else(error: Exception) -> None:
    second = Scripted()
    with pytest.raises(type(error)):
        sent(Scripted(error), second)
    assert second.given == []


@pytest.mark.parametrize("no", [NotAccepted("rate", wait=timedelta(seconds=9)), NotAccepted("bad", divide=True)])
def test_where_the_first_says_to_wait_or_to_divide_that_is_done(no: NotAccepted) -> None:
    second = Scripted()
    with pytest.raises(NotAccepted):
        sent(Scripted(no), second)
    assert second.given == []


def test_the_first_rests_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_000.0]
    monkeypatch.setattr("outreach.channels.fallback.time.monotonic", lambda: clock[0])
    first, second = Scripted(Unreachable("unreachable")), Scripted()
    channel = WithFallback(first, second)
    for passed in (0, 30, 31):
        clock[0] += passed
        channel.send(REQUEST, mails(1), soon())
    assert (len(first.given), len(second.given)) == (2, 2)


def test_the_second_divides_as_it_must_and_stops_at_the_first_doubt() -> None:
    second = Scripted(Answer({1: "<1>"}), TimeoutError(), per_request=1)
    answer = sent(Scripted(Unreachable("unreachable")), second, count=4)
    assert (list(answer.accepted), list(answer.doubtful)) == ([1], [2])
    assert {touch: (one.permanent, one.gives_up) for touch, one in answer.refused.items()} == dict.fromkeys(
        (3, 4), (False, False)
    )
    assert second.given == [[1], [2]]


def test_where_neither_takes_anything_the_second_has_the_last_word() -> None:
    with pytest.raises(NotAccepted, match="nor here"):
        sent(Scripted(Unreachable("unreachable")), Scripted(NotAccepted("nor here", "mend it")))


def test_a_second_that_stops_half_way_says_so() -> None:
    second = Scripted(Answer({1: "<1>"}), NotAccepted("stopped", "mend it"), per_request=1)
    answer = sent(Scripted(Unreachable("unreachable")), second, count=3)
    assert (list(answer.accepted), sorted(answer.refused), answer.stopped) == ([1], [2, 3], "mend it")


class Proving(Scripted):
    def __init__(self, accepted: dict[int, str], refused: set[int]) -> None:
        super().__init__()
        self.proof = Proof(accepted, frozenset(refused))

    def look_up(self, request_id: str, message_ids: object) -> Proof:
        return self.proof

    def trouble(self) -> str | None:
        return "second has a trouble" if 2 in self.proof.accepted else None


def test_refused_is_what_both_can_prove_they_refused() -> None:
    both = WithFallback(Proving({1: "<1>"}, {2, 3, 4}), Proving({2: "<2>"}, {1, 3}))
    assert both.look_up(REQUEST, {}) == Proof({1: "<1>", 2: "<2>"}, frozenset({3}))
    assert both.trouble() == "second has a trouble"
    assert both.provider == "scripted"
