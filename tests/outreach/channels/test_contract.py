"""What every provider must do with a mail, whatever it is made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from email.message import EmailMessage
from email.utils import format_datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels import PROVIDERS
from outreach.channels.base import Mail, NotAccepted
from outreach.channels.gallery import part
from outreach.rendering.said import Part, Said, Shell
from tests.outreach.channels.benches import BENCHES, MAIL, MAILERS, REQUEST, Bench, mails, saying, shared, soon

_folders = count()
line = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\x85\u2028\u2029"), max_size=200)
bodies = st.lists(line, max_size=6).map(lambda lines: "\n".join(lines) + "\n")


_characters = st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n", exclude_characters="\x85\u2028\u2029")
holes = st.text(_characters)
pieces = st.lists(holes, min_size=3, max_size=3).map(tuple)
shells = st.builds(
    lambda text, html: Shell(Part(("Hello",), ()), Part((*text, ".\n"), (0, 1, 0)), Part((*html, ".\n"), (1, 0, 1))),
    pieces,
    pieces,
)
batches = st.lists(
    st.tuples(st.integers(1, 4), st.booleans(), st.sampled_from(["hello@shop.example", "news@shop.example"])), max_size=12
).map(
    lambda rows: [
        replace(shared(1)[0] if alike else MAIL, touch_id=number, to_address=f"c{who}@example.com", from_address=sender)
        for number, (who, alike, sender) in enumerate(rows)
    ]
)


def test_every_provider_is_put_to_the_proof() -> None:
    assert set(BENCHES) == set(PROVIDERS)


@pytest.fixture(params=BENCHES)
def any_bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with contextmanager(BENCHES[request.param])(tmp_path) as made:
        yield made


@pytest.fixture(params=MAILERS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with contextmanager(BENCHES[request.param])(tmp_path) as made:
        yield made


@pytest.fixture(params=MAILERS)
def new_bench(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], AbstractContextManager[Bench]]:
    """A fresh one for each random case."""
    return lambda: contextmanager(BENCHES[request.param])(tmp_path / str(next(_folders)))


TEXTS = {
    "dots": ".\n..\n.hidden\n",
    "emoji": "😀 Zoë 李雷\n",
    "a long line": "x" * 5_000 + "\n",
    "a long line of umlauts": "ü" * 2_000 + "\n",
    "equals and tabs": "=20 = =\t\tx \n",
    "spaces at the end": "a  \nb\t\n",
    "From at the start": "From here\n>From\n",
    "empty lines": "\n\n\nx\n\n",
    "a boundary": "--===============\n--x--\n",
}


def arrived(bench: Bench, mail: Mail) -> EmailMessage:
    """The one mail that arrived."""
    answer = bench.send(REQUEST, [mail])
    assert list(answer.accepted) == [mail.touch_id]
    (message,) = bench.arrived()
    return message


class TestEveryProvider:
    """What holds for every way out."""

    def test_it_says_its_name(self, any_bench: Bench) -> None:
        assert any_bench.channel.provider in BENCHES
        assert any_bench.channel.per_request >= 1

    def test_it_has_no_trouble_where_nothing_is_missing(self, any_bench: Bench) -> None:
        assert any_bench.channel.trouble() is None

    @pytest.mark.parametrize("made", [mails, shared], ids=["nothing in common", "one shell"])
    def test_every_touch_is_handed_over_exactly_once(self, any_bench: Bench, made: Callable[[int], list[Mail]]) -> None:
        sent = made(min(any_bench.channel.per_request + 3, 130))
        answer = any_bench.send(REQUEST, sent)
        assert sorted(answer.accepted) == [mail.touch_id for mail in sent]
        assert (answer.refused, answer.doubtful, answer.stopped) == ({}, {}, None)
        assert any_bench.touches() == [mail.touch_id for mail in sent]

    def test_nothing_to_send_is_nothing_sent(self, any_bench: Bench) -> None:
        assert not any_bench.channel.send(REQUEST, [], soon()).accepted
        assert any_bench.touches() == []

    def test_after_the_deadline_nothing_leaves(self, any_bench: Bench) -> None:
        any_bench.channel.announce(REQUEST)
        any_bench.before(REQUEST, [MAIL])
        with pytest.raises(NotAccepted):
            any_bench.channel.send(REQUEST, [MAIL], time.monotonic() - 0.001)
        assert any_bench.touches() == []

    def test_what_it_can_prove_is_what_arrived(self, any_bench: Bench) -> None:
        sent = mails(3)
        any_bench.send(REQUEST, sent[:2])
        proof = any_bench.channel.look_up(f"{REQUEST}0", {mail.touch_id: mail.message_id for mail in sent})
        assert proof.accepted.keys() <= set(any_bench.touches())
        assert not proof.refused & set(any_bench.touches())

    def test_it_sends_again_after_a_drain_has_ended(self, any_bench: Bench) -> None:
        for number, mail in enumerate(mails(2)):
            assert any_bench.send(f"{number}{REQUEST}", [mail]).accepted
            any_bench.channel.drained()
        assert any_bench.touches() == [1, 2]

    @given(batch=batches)
    def test_a_batch_is_divided_without_loss(self, any_bench: Bench, batch: list[Mail]) -> None:
        calls = list(any_bench.channel.divided(batch))
        assert sorted(mail.touch_id for call in calls for mail in call) == [mail.touch_id for mail in batch]
        assert all(1 <= len(call) <= any_bench.channel.per_request for call in calls)


class TestEveryMail:
    """What holds for every mail, by whatever way it leaves."""

    def test_every_mail_goes_to_its_own_address_with_its_own_words(self, bench: Bench) -> None:
        sent = shared(60)
        bench.send(REQUEST, sent)
        found = [(message["To"].addresses[0].addr_spec, message["Subject"]) for message in bench.arrived()]
        assert found == [(mail.to_address, mail.subject) for mail in sent]
        parts = [(part(message, "plain"), part(message, "html")) for message in bench.arrived()]
        assert parts == [(mail.text, mail.html) for mail in sent]

    @given(batch=st.lists(st.tuples(holes, holes), min_size=1, max_size=4), shell=shells)
    def test_any_shell_with_any_holes_arrives_as_plain_text_would(
        self, new_bench: Callable[[], AbstractContextManager[Bench]], batch: list[tuple[str, str]], shell: Shell
    ) -> None:
        sent = [replace(mail, said=Said(shell, values)) for mail, values in zip(mails(len(batch)), batch, strict=True)]
        with new_bench() as bench:
            assert len(bench.send(REQUEST, sent).accepted) == len(sent)
            parts = [(part(message, "plain"), part(message, "html")) for message in bench.arrived()]
        assert parts == [(mail.text, mail.html) for mail in sent]

    def test_the_headers_are_those_of_the_mail(self, bench: Bench) -> None:
        message = arrived(bench, MAIL)
        assert str(message["From"]) == "The Shop <hello@shop.example>"
        assert str(message["To"]) == "Ann Smith <ann@example.com>"
        assert str(message["Reply-To"]) == "service@shop.example"
        assert message["Subject"] == "Hello Ann"
        own = {"Message-ID": MAIL.message_id, "Date": format_datetime(MAIL.date)}
        assert {name: message[name] for name in bench.ours} == {name: own[name] for name in bench.ours}

    def test_one_click_unsubscribe_is_in_the_headers(self, bench: Bench) -> None:
        message = arrived(bench, MAIL)
        assert {name: message[name] for name in MAIL.headers} == dict(MAIL.headers)

    def test_a_long_address_in_a_header_stays_an_address(self, bench: Bench) -> None:
        link = f"<https://{'a-long-name.' * 8}example.com/u/AQEAAAABAAAAAAHsQgTe_Eb5px8LmGE>"
        message_id = f"<7.abcdef01@{'a-long-name.' * 10}example.com>"
        bench.send(REQUEST, [replace(MAIL, headers={"List-Unsubscribe": link}, message_id=message_id)])
        (raw,) = bench.raw()
        assert f"List-Unsubscribe: {link}".encode() in raw.splitlines()
        assert "Message-ID" not in bench.ours or f"Message-ID: {message_id}".encode() in raw.splitlines()

    def test_no_address_for_answers_is_no_header(self, bench: Bench) -> None:
        assert arrived(bench, replace(MAIL, reply_to=None))["Reply-To"] is None

    def test_a_mail_has_a_text_part_then_an_html_part(self, bench: Bench) -> None:
        message = arrived(bench, MAIL)
        assert message.get_content_type() == "multipart/alternative"
        assert [inner.get_content_type() for inner in message.iter_parts()] == ["text/plain", "text/html"]
        assert {inner.get_content_charset() for inner in message.iter_parts()} == {"utf-8"}

    @pytest.mark.parametrize(
        "name", ["Zoë Müller", "Ünïcödé 李雷 😀", 'Smith, "Ann"', "a@b.c", "Ann <x@y.z>", "A" * 120, "", "'", "\\"]
    )
    def test_names_arrive_as_they_are(self, bench: Bench, name: str) -> None:
        message = arrived(bench, replace(MAIL, to_name=name, from_name=name))
        assert message["To"].addresses[0].display_name == name
        assert message["To"].addresses[0].addr_spec == "ann@example.com"
        assert message["From"].addresses[0].display_name == name

    @pytest.mark.parametrize("subject", ["Zoë & 李雷 😀", "x" * 300, "ü" * 200, "a: b, c;", "100 % <b>"])
    def test_subjects_arrive_as_they_are(self, bench: Bench, subject: str) -> None:
        assert arrived(bench, saying(MAIL, subject=subject))["Subject"] == subject

    @pytest.mark.parametrize(
        "hostile", ["Ann\r\nBcc: x@evil.example", "Ann\nBcc: x@evil.example", "Ann\rBcc: x@evil.example"]
    )
    @pytest.mark.parametrize("field", ["to_name", "from_name", "subject", "to_address"])
    def test_no_value_makes_a_header_of_its_own(self, bench: Bench, field: str, hostile: str) -> None:
        value = hostile.replace("Ann", "ann@example.com") if field == "to_address" else hostile
        hostile_mail = saying(MAIL, subject=value) if field == "subject" else Mail(**{**vars(MAIL), field: value})
        answer = bench.send(REQUEST, [hostile_mail])
        for message in bench.arrived():
            assert message["Bcc"] is None
            assert "evil.example" not in str(message["To"].addresses[0].addr_spec)
        assert len(bench.arrived()) == len(answer.accepted) == 1 - len(answer.refused)

    @pytest.mark.parametrize("address", ["", "no-at", "a@", "a b@example.com", "a@b@c", "ann@example.com, bob@example.com"])
    def test_a_bad_address_is_refused_for_good_and_hurts_no_other(self, bench: Bench, address: str) -> None:
        good, bad = replace(MAIL, touch_id=1), replace(MAIL, touch_id=2, to_address=address)
        answer = bench.send(REQUEST, [bad, good])
        assert list(answer.accepted) == [1]
        assert {touch: refusal.permanent for touch, refusal in answer.refused.items()} == {2: True}
        assert len(bench.arrived()) == 1

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
    def test_bodies_arrive_as_they_are(self, bench: Bench, text: str) -> None:
        message = arrived(bench, saying(MAIL, text=text, html=f"<p>{text}</p>\n"))
        assert part(message, "plain") == text
        assert part(message, "html") == f"<p>{text}</p>\n"

    @given(text=bodies, html=bodies)
    def test_any_body_arrives_as_it_is(
        self, new_bench: Callable[[], AbstractContextManager[Bench]], text: str, html: str
    ) -> None:
        with new_bench() as bench:
            message = arrived(bench, saying(MAIL, text=text, html=html))
        assert (part(message, "plain"), part(message, "html")) == (text, html)

    def test_no_line_is_longer_than_a_mail_server_takes(self, bench: Bench) -> None:
        bench.send(REQUEST, [saying(MAIL, text="x" * 5_000, html="ü" * 5_000, subject="ü" * 900)])
        (raw,) = bench.raw()
        assert max(len(line) for line in raw.splitlines()) <= 998
