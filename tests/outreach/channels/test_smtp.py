"""A mail server: what it says before the dot is a definite no, a dot without an answer is a doubt, and nothing else is."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crm_store.ledger.dispatch import Answer
from outreach.channels.base import Mail, NotAccepted, Unreachable
from outreach.channels.smtp import LATER, POLICY, Options, Smtp
from tests.fakes.smtp import FakeSmtp
from tests.outreach.channels.benches import MAIL, REQUEST, in_environment, mails, shared

BAD = "c2@example.com"
Sent = tuple[Answer, FakeSmtp]


def send(fake: FakeSmtp, mails: list[Mail], seconds: float = 60, **options: object) -> Answer:
    """One request by a channel of its own; one connection unless said."""
    chosen = replace(Options("127.0.0.1", fake.port, tls="none", parallel=1), **options)  # type: ignore[arg-type]
    channel = Smtp(chosen)
    try:
        return channel.send(REQUEST, mails, time.monotonic() + seconds)
    finally:
        channel.drained()


@pytest.fixture(params=[True, False], ids=["pipelined", "one by one"])
def server(request: pytest.FixtureRequest) -> Iterator[Callable[..., FakeSmtp]]:
    """Makes a server that offers PIPELINING, or does not; at the end nothing it minds has happened."""
    made: list[FakeSmtp] = []

    def make(**settings: object) -> FakeSmtp:
        made.append(FakeSmtp(pipelining=request.param, **settings).__enter__())  # type: ignore[arg-type]
        return made[-1]

    yield make
    for fake in made:
        fake.__exit__()
        assert fake.faults == []


Server = Callable[..., FakeSmtp]
REPLIES = {  # what is said to one of three: (for good, after what time)
    "550 5.1.1 no such user": (True, None), "552 too large": (True, None), "450 4.2.0 greylisted": (False, LATER),
    "550 5.7.1 relaying denied": (False, POLICY), "451 4.3.0 later": (False, LATER),
}  # fmt: skip


@pytest.mark.parametrize("stage", ["at_rcpt", "at_dot"])
@pytest.mark.parametrize("reply", REPLIES)
def test_each_recipient_has_an_answer_of_its_own(server: Server, stage: str, reply: str) -> None:
    fake = server(**{stage: {BAD: reply}})
    answer = send(fake, mails(3))
    assert (list(answer.accepted), answer.doubtful, answer.stopped) == ([1, 3], {}, None)
    permanent, after = REPLIES[reply]
    assert (answer.refused[2].permanent, answer.refused[2].reason) == (permanent, f"smtp_{reply[:3]}")
    assert permanent or answer.refused[2].after == after
    assert fake.counts() == {"c1@example.com": 1, "c3@example.com": 1}


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("refused", [[1], [1, 2, 3], [3]])
def test_a_server_that_wants_a_mail_for_nobody_gets_none(server: Server, eager: bool, refused: list[int]) -> None:
    fake = server(at_rcpt={f"c{number}@example.com": "550 no" for number in refused}, eager=eager)
    answer = send(fake, mails(3))
    assert sorted(answer.refused) == refused
    assert len(fake.mails) == 3 - len(refused)


@pytest.mark.parametrize("where", ["dot", "silent", "reset"])
def test_a_mail_that_was_taken_without_an_answer_is_in_doubt_and_the_rest_waits(server: Server, where: str) -> None:
    fake = server(closes={BAD: where})
    answer = send(fake, mails(4), seconds=0.7 if where == "silent" else 60)
    assert (list(answer.accepted), list(answer.doubtful)) == ([1], [2])
    assert {touch: (one.permanent, one.gives_up) for touch, one in answer.refused.items()} == dict.fromkeys(
        (3, 4), (False, False)
    )
    assert fake.counts() == {"c1@example.com": 1, BAD: 1}


@pytest.mark.parametrize("where", ["rcpt", "data"])
def test_a_connection_that_ends_before_the_dot_is_a_definite_no_and_the_rest_goes_by_a_new_one(
    server: Server, where: str
) -> None:
    fake = server(closes={BAD: where})
    one, two, *others = mails(4)
    answer = send(fake, [one, _large(two), *others])
    assert (sorted(answer.accepted), answer.doubtful) == ([1, 3, 4], {})
    assert {touch: (one.permanent, one.reason) for touch, one in answer.refused.items()} == {2: (False, "smtp_closed")}


def _large(mail: Mail) -> Mail:
    """More than the kernels on both sides take at once."""
    from outreach.rendering.said import Said

    words = "x" * 70 + "\n"
    return replace(mail, said=Said.plain("s", words * 200_000, "<p></p>\n"))


def test_a_server_that_ends_every_connection_is_left_alone(server: Server) -> None:
    fake = server(closes={f"c{number}@example.com": "rcpt" for number in range(1, 30)})
    answer = send(fake, mails(20))
    assert (answer.accepted, answer.doubtful, len(answer.refused)) == ({}, {}, 20)
    assert fake.connections == 3


def test_a_server_that_takes_only_so_many_by_one_connection_gets_the_rest_by_others(server: Server) -> None:
    fake = server(per_connection=4)
    assert len(send(fake, mails(10)).accepted) == 10
    assert fake.connections == 3
    assert set(fake.counts().values()) == {1}


def test_a_server_that_minds_our_sender_stops_the_channel(server: Server) -> None:
    answer = send(server(at_mail="550 5.7.1 not you"), mails(3))
    assert "takes no mails from hello@shop.example (550)" in (answer.stopped or "")
    assert {(one.permanent, one.gives_up) for one in answer.refused.values()} == {(False, False)}
    assert len(answer.refused) == 3


def test_after_the_deadline_nothing_more_is_begun(server: Server) -> None:
    fake = server(closes={BAD: "silent"})
    answer = send(fake, mails(3), seconds=0.4)
    assert (list(answer.accepted), list(answer.doubtful), list(answer.refused)) == ([1], [2], [3])


def test_connections_are_kept_and_as_many_as_the_setting_says(server: Server) -> None:
    for connections in (1, 3):
        fake = server()
        channel = Smtp(Options("127.0.0.1", fake.port, tls="none", parallel=connections))
        for number in range(3):
            channel.send(f"{REQUEST}{number}", mails(60), time.monotonic() + 60)
        channel.drained()
        assert set(fake.counts().values()) == {3}
        assert fake.connections <= connections
        assert connections == 1 or fake.connections > 1


def test_a_server_that_allows_fewer_connections_gets_all_mails_by_those(server: Server) -> None:
    fake = server(most_connections=1)
    assert len(send(fake, mails(60), parallel=4).accepted) == 60


def test_a_connection_that_was_closed_meanwhile_is_noticed_before_it_is_used(server: Server) -> None:
    fake = server(per_connection=1)
    channel = Smtp(Options("127.0.0.1", fake.port, tls="none"))
    for number, mail in enumerate(mails(3)):
        assert channel.send(f"{REQUEST}{number}", [mail], time.monotonic() + 60).accepted
    channel.drained()
    assert set(fake.counts().values()) == {1}


def test_bounces_go_where_the_setting_says(server: Server) -> None:
    fake = server()
    send(fake, mails(1))
    send(fake, mails(1), bounces_to="bounces@shop.example")
    assert fake.senders == {"hello@shop.example", "bounces@shop.example"}


def test_nobody_there_is_a_definite_no() -> None:
    with pytest.raises(Unreachable):
        Smtp(Options("127.0.0.1", 1, tls="none")).send(REQUEST, [MAIL], time.monotonic() + 60)


def test_a_server_that_is_too_busy_to_greet_is_a_definite_no(server: Server) -> None:
    with pytest.raises(Unreachable):
        send(server(most_connections=0), [MAIL])


def test_many_mails_by_many_connections_each_arrive_once(server: Server) -> None:
    fake = server(at_rcpt={f"c{number}@example.com": "550 5.1.1 no" for number in range(5, 300, 7)})
    sent = shared(300)
    answer = send(fake, sent, parallel=6)
    assert answer.accepted.keys() | answer.refused.keys() == {mail.touch_id for mail in sent}
    assert fake.counts() == {mail.to_address: 1 for mail in sent if mail.touch_id in answer.accepted}


# TLS and names


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fake")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    signed = built.sign(key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    path = tmp_path_factory.mktemp("tls") / "fake.pem"
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(signed.public_bytes(encoding) + private)
    return path


@contextmanager
def secure(certificate: Path, **settings: object) -> Iterator[FakeSmtp]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FakeSmtp(tls=context, **settings) as fake:  # type: ignore[arg-type]
        yield fake
        assert fake.faults == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_mails_travel_by_tls_with_a_name_and_a_password(certificate: Path, tls: str) -> None:
    with (
        secure(certificate, at_once=tls == "tls", user=("shop", "secret")) as fake,
        in_environment(SSL_CERT_FILE=str(certificate), RAPPORT_TEST_PASSWORD="secret"),
    ):
        answer = send(fake, shared(40), tls=tls, user="shop", password_env="RAPPORT_TEST_PASSWORD", parallel=2)
        assert len(answer.accepted) == 40


def test_a_wrong_password_stops_the_channel_and_is_not_told(certificate: Path) -> None:
    with (
        secure(certificate, user=("shop", "secret")) as fake,
        in_environment(SSL_CERT_FILE=str(certificate), RAPPORT_TEST_PASSWORD="guess"),
        pytest.raises(NotAccepted) as no,
    ):
        send(fake, [MAIL], user="shop", tls="starttls", password_env="RAPPORT_TEST_PASSWORD")
    assert "does not accept the password of shop (535); set RAPPORT_TEST_PASSWORD" in (no.value.stopped or "")
    assert "guess" not in str(no.value.stopped)


def test_a_certificate_nobody_vouches_for_stops_the_channel(certificate: Path) -> None:
    with secure(certificate) as fake, pytest.raises(NotAccepted, match="unreachable") as no:
        send(fake, [MAIL], tls="starttls")
    assert "has no valid certificate" in (no.value.stopped or "")


def test_a_server_without_starttls_gets_no_mail_in_the_clear(server: Server) -> None:
    fake = server()
    with pytest.raises(NotAccepted) as no:
        send(fake, [MAIL], tls="starttls")
    assert "offers no STARTTLS" in (no.value.stopped or "")
    assert fake.mails == []


def test_without_the_password_it_says_which_variable_is_missing() -> None:
    channel = Smtp(Options("127.0.0.1", 25, user="shop", password_env="RAPPORT_TEST_NOT_SET"))
    assert "environment variable RAPPORT_TEST_NOT_SET is not set" in (channel.trouble() or "")
    with pytest.raises(NotAccepted):
        channel.announce(REQUEST)
    assert Smtp(Options("127.0.0.1", 25)).trouble() is None
