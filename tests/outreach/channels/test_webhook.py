"""The webhook: what a system of one's own gets, how it knows that it is from us, and what its answers mean."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from crm_store.ledger.dispatch import Answer
from outreach.channels.base import NotAccepted, Unreachable, Unsure
from outreach.channels.webhook import Options, Webhook
from tests.fakes.webhook import FakeSystem
from tests.outreach.channels.benches import MAIL, REQUEST, in_environment, mails, soon

SECRET_ENV = "RAPPORT_TEST_WEBHOOK"


@pytest.fixture
def fake() -> Iterator[FakeSystem]:
    with FakeSystem() as made, in_environment(**{SECRET_ENV: made.secret}):
        yield made


@pytest.fixture
def channel(fake: FakeSystem) -> Iterator[Webhook]:
    made = Webhook(Options(fake.url, SECRET_ENV))
    yield made
    made.drained()


def test_it_gets_everything_a_mail_consists_of(fake: FakeSystem, channel: Webhook) -> None:
    assert channel.send(REQUEST, [MAIL], soon()) == Answer({7: MAIL.message_id})
    assert fake.requests == [REQUEST]
    assert fake.mails == [
        {
            "touch": 7,
            "message_id": MAIL.message_id,
            "date": "2026-06-15T12:30:45+00:00",
            "from": {"email": "hello@shop.example", "name": "The Shop"},
            "reply_to": "service@shop.example",
            "to": {"email": "ann@example.com", "name": "Ann Smith"},
            "subject": "Hello Ann",
            "text": "Hello\n",
            "html": "<p>Hello</p>\n",
            "headers": dict(MAIL.headers),
        }
    ]


def test_it_is_signed_with_the_secret_of_the_environment(fake: FakeSystem, channel: Webhook) -> None:
    other = Webhook(Options(fake.url, "RAPPORT_TEST_OTHER"))
    with in_environment(RAPPORT_TEST_OTHER="another"), pytest.raises(NotAccepted) as no:
        other.send(REQUEST, [MAIL], soon())
    other.drained()
    assert "says 401: it does not accept our signature; set RAPPORT_TEST_OTHER" in (no.value.stopped or "")
    assert fake.mails == []


def test_so_many_mails_a_request_as_the_setting_says(fake: FakeSystem) -> None:
    assert [len(call) for call in Webhook(Options(fake.url, SECRET_ENV, 2)).divided(mails(5))] == [2, 2, 1]


ANSWERS = {  # (stopped, wait, divide)
    400: (False, None, True), 413: (False, None, True), 403: (True, None, False), 404: (True, None, False),
    405: (True, None, False), 451: (True, None, False), 429: (False, timedelta(seconds=90), False),
}  # fmt: skip


@pytest.mark.parametrize("status", ANSWERS)
def test_a_definite_no_says_what_to_do(fake: FakeSystem, channel: Webhook, status: int) -> None:
    fake.statuses.append((status, {"Retry-After": "90"}))
    with pytest.raises(NotAccepted) as no:
        channel.send(REQUEST, mails(2), soon())
    assert (no.value.stopped is not None, no.value.wait, no.value.divide) == ANSWERS[status]


@pytest.mark.parametrize("status", [500, 503, 302, 409, 422])
def test_any_other_answer_is_a_doubt(fake: FakeSystem, channel: Webhook, status: int) -> None:
    fake.statuses.append((status, {"Location": fake.url}))
    with pytest.raises(Unsure, match=f"^http_{status}$"):
        channel.send(REQUEST, mails(2), soon())
    assert not fake.statuses
    assert fake.mails == []


def test_any_success_takes_them(fake: FakeSystem, channel: Webhook) -> None:
    fake.statuses.append((204, {}))
    assert list(channel.send(REQUEST, mails(2), soon()).accepted) == [1, 2]


def test_nobody_there_is_a_definite_no(fake: FakeSystem) -> None:
    with pytest.raises(Unreachable):
        Webhook(Options("http://127.0.0.1:1/x", SECRET_ENV)).send(REQUEST, [MAIL], time.monotonic() + 60)


def test_without_a_secret_it_says_which_variable_is_missing() -> None:
    keyless = Webhook(Options("http://127.0.0.1:1", "RAPPORT_TEST_NOT_SET"))
    assert "environment variable RAPPORT_TEST_NOT_SET is not set" in (keyless.trouble() or "")
    with pytest.raises(NotAccepted):
        keyless.announce(REQUEST)
