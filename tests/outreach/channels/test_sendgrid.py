"""SendGrid, against a server that is strict about every request and misbehaves on order."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crm_store.ledger.dispatch import Answer
from outreach.channels.base import Mail, NotAccepted, Unreachable
from outreach.channels.sendgrid import Options, SendGrid, is_from_sendgrid
from outreach.channels.sendgrid_events import TOUCH
from outreach.rendering.said import Part, Said, Shell
from tests.fakes.sendgrid import RESET_IN, FakeSendGrid
from tests.outreach.channels.benches import MAIL, REQUEST, SHELL, in_environment, mails, saying, shared

KEY_ENV = "RAPPORT_TEST_SENDGRID"
Made = Callable[..., SendGrid]


@pytest.fixture
def fake() -> Iterator[FakeSendGrid]:
    with FakeSendGrid() as made, in_environment(**{KEY_ENV: made.key}):
        yield made


@pytest.fixture
def made(fake: FakeSendGrid) -> Iterator[Made]:
    """Makes channels with other options."""
    channels: list[SendGrid] = []

    def make(**options: object) -> SendGrid:
        channels.append(SendGrid(replace(Options(KEY_ENV, fake.url), **options)))  # type: ignore[arg-type]
        return channels[-1]

    yield make
    for channel in channels:
        channel.drained()


@pytest.fixture
def channel(made: Made) -> SendGrid:
    return made()


def send(channel: SendGrid, mails: list[Mail], seconds: float = 60) -> Answer:
    return channel.send(REQUEST, mails, time.monotonic() + seconds)


def what_it_raises(channel: SendGrid, mails: list[Mail], seconds: float = 60) -> Exception:
    try:
        send(channel, mails, seconds)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


# One request for many


def test_mails_of_one_shell_are_one_request_that_carries_only_the_holes(fake: FakeSendGrid, channel: SendGrid) -> None:
    (call,) = channel.divided(shared(250))
    send(channel, list(call))
    (body,) = fake.bodies
    assert len(body["personalizations"]) == 250
    assert body["personalizations"][3]["custom_args"] == {TOUCH: "4"}
    assert sorted(body["personalizations"][3]["substitutions"].values()) == ["Ann 4", "CODE-0004"]
    assert sum(map(len, json.dumps(body["content"]))) < 300
    assert fake.counts() == {str(number): 1 for number in range(1, 251)}
    assert fake.refusals == []


def test_up_to_a_thousand_are_one_request(channel: SendGrid) -> None:
    assert [len(call) for call in channel.divided(shared(2_500))] == [1_000, 1_000, 500]


def test_so_many_per_request_as_the_setting_says(fake: FakeSendGrid, made: Made) -> None:
    assert [len(call) for call in made(per_request=20).divided(shared(50))] == [20, 20, 10]


def test_mails_with_nothing_in_common_go_one_by_one(channel: SendGrid) -> None:
    assert [len(call) for call in channel.divided(mails(3))] == [1, 1, 1]


ALIKE = ["a.nn@gmail.com", "ann+x@gmail.com", "Ann@GMAIL.com", "ann@googlemail.com", "ann@example.com"]


def test_addresses_of_one_mailbox_never_share_a_request(fake: FakeSendGrid, channel: SendGrid) -> None:
    batch = [replace(mail, to_address=address) for mail, address in zip(shared(5), ALIKE, strict=True)]
    calls = list(channel.divided(batch))
    assert [len(call) for call in calls] == [2, 1, 1, 1]
    for call in calls:
        send(channel, list(call))
    assert len(fake.mails) == 5
    assert fake.refusals == []


def test_the_fake_minds_when_they_do(fake: FakeSendGrid, channel: SendGrid) -> None:
    batch = [replace(mail, to_address=address) for mail, address in zip(shared(2), ALIKE, strict=False)]
    with pytest.raises(NotAccepted) as no:
        send(channel, batch)
    assert no.value.divide
    assert "one mailbox" in fake.refusals[0][1]


def test_different_senders_are_different_requests(channel: SendGrid) -> None:
    one, other = shared(2)
    assert len(list(channel.divided([one, replace(other, from_address="news@shop.example")]))) == 2
    assert len(list(channel.divided([one, replace(other, reply_to=None)]))) == 2


@pytest.mark.parametrize("value", ["x" * 9_900, "€" * 3_300, '"\n' * 2_490, "\x7f" * 9_800])
def test_values_up_to_the_limit_share_a_request(fake: FakeSendGrid, channel: SendGrid, value: str) -> None:
    (call,) = channel.divided([replace(mail, said=Said(SHELL, ("Ann", value))) for mail in shared(2)])
    assert len(send(channel, list(call)).accepted) == 2
    assert fake.refusals == []


@pytest.mark.parametrize("value", ["x" * 10_000, "€" * 3_400, '"\n' * 2_500])
def test_larger_ones_go_alone_with_their_mail_in_full(fake: FakeSendGrid, channel: SendGrid, value: str) -> None:
    calls = list(channel.divided([replace(mail, said=Said(SHELL, ("Ann", value))) for mail in shared(2)]))
    assert [len(call) for call in calls] == [1, 1]
    assert len(send(channel, list(calls[0])).accepted) == 1
    assert "substitutions" not in fake.bodies[0]["personalizations"][0]


def test_a_shell_with_more_than_a_hundred_holes_goes_alone(channel: SendGrid) -> None:
    def shell(count: int) -> Shell:
        part = Part(tuple("x" * (count + 1)), tuple(range(count)))
        return Shell(Part(("s",), ()), part, part)

    for count, calls in ((100, 1), (101, 2)):
        wide = shell(count)
        batch = [replace(mail, said=Said(wide, ("v",) * count)) for mail in shared(2)]
        assert len(list(channel.divided(batch))) == calls


def test_a_value_with_a_tag_in_it_goes_alone(channel: SendGrid) -> None:
    from outreach.wire.tagged import tagged

    hostile, good = shared(2)
    tag = tagged(SHELL).tags[1]
    hostile = replace(hostile, said=Said(SHELL, (f"Ann {tag}", "CODE")))
    assert [list(call) for call in channel.divided([hostile, good])] == [[hostile], [good]]


def test_a_thousand_mails_that_name_each_others_tags_come_out_right(fake: FakeSendGrid, channel: SendGrid) -> None:
    names = ["%name%", "{{ customer.key }}", "-name-", "<%body%>", "-0-", "[unsubscribe]"]
    batch = [replace(mail, said=Said(SHELL, (names[mail.touch_id % 6], "C"))) for mail in shared(60)]
    for call in channel.divided(batch):
        send(channel, list(call))
    assert fake.refusals == []
    assert b"".join(fake.raw()).count(b"Dear [unsubscribe],") == 20


# What is wrong with one mail hurts only that one

FLAWS: dict[str, dict[str, Any]] = {
    "address": {"to_address": "no-at"}, "letters before the @": {"to_address": "ä@example.com"},
    "two": {"to_address": "a@b.example, c@d.example"}, "name": {"to_name": "Ann\r\nBcc: x@y.example"},
    "header": {"headers": {"List-Unsubscribe": "<https://x.example>\nBcc: x@y.example"}},
    "reserved": {"headers": {"Reply-To": "x@y.example"}}, "empty header": {"headers": {"X-A": ""}},
}  # fmt: skip


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_bad_mail_fails_alone_before_anything_is_sent(fake: FakeSendGrid, channel: SendGrid, flaw: str) -> None:
    good, bad, other = shared(3)
    answer = send(channel, [good, Mail(**{**vars(bad), **FLAWS[flaw]}), other])
    assert list(answer.accepted) == [1, 3]
    assert {touch: one.permanent for touch, one in answer.refused.items()} == {2: True}
    assert fake.refusals == []


@pytest.mark.parametrize("part", ["subject", "text", "html"])
def test_an_empty_part_is_refused_before_anything_is_sent(fake: FakeSendGrid, channel: SendGrid, part: str) -> None:
    assert list(send(channel, [saying(MAIL, **{part: ""})]).refused) == [7]
    assert fake.requests == 0


def test_a_domain_of_other_letters_is_written_in_ascii(fake: FakeSendGrid, channel: SendGrid) -> None:
    send(channel, [replace(MAIL, to_address="ann@müller.example")])
    assert fake.mails[0].address == "ann@xn--mller-kva.example"


# What rapport.yaml says


def test_our_own_tracking_and_unsubscribe_are_the_only_ones(fake: FakeSendGrid, channel: SendGrid) -> None:
    send(channel, [MAIL])
    settings = fake.bodies[0]["tracking_settings"]
    assert {name: one["enable"] for name, one in settings.items()} == dict.fromkeys(
        ("click_tracking", "open_tracking", "subscription_tracking", "ganalytics"), False
    )


def test_categories_and_pool_are_those_of_the_settings(fake: FakeSendGrid, channel: SendGrid, made: Made) -> None:
    send(made(categories=("news", "shop"), ip_pool="marketing"), [MAIL])
    send(channel, [MAIL])
    said, unsaid = fake.bodies
    assert (set(said["categories"]), said["ip_pool_name"]) == ({"news", "shop"}, "marketing")
    assert "categories" not in unsaid
    assert "ip_pool_name" not in unsaid


def test_in_the_sandbox_requests_are_checked_and_nobody_gets_a_mail(fake: FakeSendGrid, made: Made) -> None:
    sandbox = made(sandbox=True)
    assert list(send(sandbox, [MAIL]).accepted) == [7]
    assert fake.mails == []


def test_the_providers_number_for_the_request_is_kept(channel: SendGrid, fake: FakeSendGrid) -> None:
    answer = send(channel, list(shared(2)))
    assert len(set(answer.accepted.values())) == 1
    assert fake.mails[0].message_id.startswith(answer.accepted[1])


def test_without_a_key_nothing_is_announced_and_it_says_which_variable_is_missing(fake: FakeSendGrid) -> None:
    keyless = SendGrid(Options("RAPPORT_TEST_NOT_SET", fake.url))
    assert "environment variable RAPPORT_TEST_NOT_SET is not set" in (keyless.trouble() or "")
    with pytest.raises(NotAccepted) as no:
        keyless.announce(REQUEST)
    assert no.value.stopped == keyless.trouble()


def test_neither_key_nor_mail_is_logged(channel: SendGrid, fake: FakeSendGrid, caplog: pytest.LogCaptureFixture) -> None:
    fake.order("accept", "500-not", "401")
    with caplog.at_level(logging.DEBUG):
        send(channel, [MAIL])
        for _ in range(2):
            error = what_it_raises(channel, [MAIL])
            assert fake.key not in repr(error) + str(error)
    assert fake.key not in caplog.text
    assert "ann@example.com" not in caplog.text


# Answers

DEFINITE = {  # what it says -> (stopped, how long to wait, whether to divide) of a request with several mails
    "401": (True, None, False), "403": (True, None, False), "404": (True, None, False), "405": (True, None, False),
    "451": (True, None, False), "429": (False, timedelta(seconds=RESET_IN), False), "413": (False, None, True),
    "blocked": (False, timedelta(minutes=10), False), "bad": (False, None, True), "early-413": (False, None, True),
}  # fmt: skip


@pytest.mark.parametrize("order", DEFINITE)
def test_a_definite_no_says_what_to_do_and_nothing_was_accepted(channel: SendGrid, fake: FakeSendGrid, order: str) -> None:
    fake.order(order)
    with pytest.raises(NotAccepted) as no:
        send(channel, shared(50))
    stopped, wait, divide = DEFINITE[order]
    assert (no.value.stopped is not None, no.value.divide) == (stopped, divide)
    assert abs((no.value.wait or timedelta(0)) - (wait or timedelta(0))) <= timedelta(seconds=1)
    assert fake.counts() == {}


DOUBTFUL = [
    "500-accepted", "500-not", "502-accepted", "503-accepted", "503-not", "silent-accepted", "silent-not",
    "reset-accepted", "reset-not", "half", "slow", "redirect",
]  # fmt: skip


@pytest.mark.parametrize("order", DOUBTFUL)
def test_everything_else_leaves_the_request_in_doubt_and_is_not_sent_again(
    channel: SendGrid, fake: FakeSendGrid, order: str
) -> None:
    fake.order(order)
    assert not isinstance(what_it_raises(channel, shared(50), seconds=0.6), NotAccepted)
    assert fake.requests == 1
    assert max(fake.counts().values(), default=0) <= 1


def test_a_deadline_holds_even_if_the_answer_trickles(channel: SendGrid, fake: FakeSendGrid) -> None:
    fake.order("slow")
    with pytest.raises(TimeoutError):
        send(channel, [MAIL], seconds=0.3)


def test_the_mails_that_are_minded_fail_alone_and_the_others_go_again(channel: SendGrid, fake: FakeSendGrid) -> None:
    fake.order("bad 1 3")
    answer = send(channel, shared(5))
    assert {touch for touch, one in answer.refused.items() if one.permanent} == {2, 4}
    again = [one for one in answer.refused.values() if not one.permanent]
    assert [(one.after, one.gives_up) for one in again] == [(timedelta(0), False)] * 3


@pytest.mark.parametrize("order", ["bad", "413"])
def test_a_single_mail_that_is_refused_fails(channel: SendGrid, fake: FakeSendGrid, order: str) -> None:
    fake.order(order)
    assert [one.permanent for one in send(channel, [MAIL]).refused.values()] == [True]


def test_nobody_there_is_a_definite_no(fake: FakeSendGrid) -> None:
    nobody = SendGrid(Options(KEY_ENV, "http://127.0.0.1:1"))
    with pytest.raises(Unreachable):
        send(nobody, [MAIL])


def test_one_connection_serves_many_requests(channel: SendGrid, fake: FakeSendGrid) -> None:
    for _ in range(5):
        send(channel, [MAIL])
    assert (fake.requests, fake.connections) == (5, 1)


def test_a_connection_that_was_closed_meanwhile_is_noticed_before_it_is_used(channel: SendGrid, fake: FakeSendGrid) -> None:
    fake.order("last")
    send(channel, [MAIL])
    time.sleep(0.05)
    assert send(channel, [MAIL]).accepted
    assert fake.connections == 2


def test_a_connection_that_failed_is_not_used_again(channel: SendGrid, fake: FakeSendGrid) -> None:
    fake.order("500-not", "half")
    for _ in range(2):
        what_it_raises(channel, [MAIL])
    assert send(channel, [MAIL]).accepted


# Events


def signed(fake: FakeSendGrid, age: int = 0) -> tuple[bytes, dict[str, str]]:
    return fake.events.signed(b'[{"event": "delivered", "name": "Zo\xc3\xab"}]', int(time.time()) - age)


def test_signed_events_are_from_sendgrid(fake: FakeSendGrid) -> None:
    for age in (0, 24 * 3600):
        body, headers = signed(fake, age)
        assert is_from_sendgrid(body, headers, fake.events.key, time.time())
        assert is_from_sendgrid(body, {k.lower(): v for k, v in headers.items()}, fake.events.key, time.time())


def test_a_changed_late_or_unsigned_body_is_not(fake: FakeSendGrid) -> None:
    body, headers = signed(fake)
    signature, stamp = (name for name in headers if "Event-Webhook" in name)
    wrong = [
        (body + b" ", headers), (b"\xff" + body, headers), signed(fake, age=26 * 3600), signed(fake, age=-26 * 3600),
        *((body, {**headers, signature: value}) for value in ("", "not base64!", "AAAA")),
        *((body, {**headers, stamp: value}) for value in ("", "soon", "1")),
        (body, {"Content-Type": "application/json"}),
    ]  # fmt: skip
    assert [is_from_sendgrid(raw, named, fake.events.key, time.time()) for raw, named in wrong] == [False] * len(wrong)
    with FakeSendGrid() as other:
        assert not is_from_sendgrid(body, headers, other.events.key, time.time())


def test_every_event_is_told_whatever_the_order_and_however_often(channel: SendGrid, fake: FakeSendGrid) -> None:
    send(channel, shared(4))
    posts = list(fake.events.posts(fake.mails, seed=3, times=2))
    assert all(is_from_sendgrid(body, headers, fake.events.key, time.time()) for body, headers in posts)
    told = [event for body, _ in posts for event in json.loads(body)]
    assert len(told) == 2 * len({event["sg_event_id"] for event in told}) == 2 * 4 * 4
    assert {event[TOUCH] for event in told} == {"1", "2", "3", "4"}
    assert [event["timestamp"] for event in told] != sorted(event["timestamp"] for event in told)
