"""The fakes as processes: they say where they are, take orders and say what they took."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from outreach.channels.base import NotAccepted
from outreach.channels.sendgrid import Options, SendGrid
from outreach.channels.smtp import Options as SmtpOptions
from outreach.channels.smtp import Smtp
from outreach.wire.http import Http
from tests.fakes.sendgrid import KEY
from tests.fakes.sendgrid_contract import faults_of
from tests.fakes.webhook import FakeSystem
from tests.outreach.channels.benches import MAIL, REQUEST, in_environment, shared, soon

ROOT = Path(__file__).parents[3]


@contextmanager
def process(module: str) -> Iterator[str]:
    """The first line of a fake that runs by itself."""
    with subprocess.Popen([sys.executable, "-m", module], cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            yield running.stdout.readline().strip()
        finally:
            running.terminate()


def test_a_sendgrid_by_itself_takes_orders_and_counts() -> None:
    with process("tests.fakes.sendgrid") as url, in_environment(RAPPORT_TEST_KEY=KEY), FakeSystem() as listener:
        control, channel = Http(url), SendGrid(Options("RAPPORT_TEST_KEY", url))
        assert control.call("POST", "/orders", json.dumps(["429"]).encode(), {}, soon()).status == 200
        with pytest.raises(NotAccepted, match="rate"):
            channel.send(REQUEST, shared(3), soon())
        channel.send(REQUEST, shared(3), soon())
        told = json.dumps({"url": listener.url, "times": 2}).encode()
        assert control.call("POST", "/events", told, {}, soon()).status == 200
        state = json.loads(control.call("GET", "/state", None, {}, soon()).body)
        assert (state["counts"], state["requests"], state["refusals"]) == ({"1": 1, "2": 1, "3": 1}, 2, [])
        control.close()
        channel.drained()


def test_a_mail_server_by_itself_takes_mails() -> None:
    with process("tests.fakes.smtp") as port:
        channel = Smtp(SmtpOptions("127.0.0.1", int(port), tls="none"))
        assert len(channel.send(REQUEST, shared(20), time.monotonic() + 60).accepted) == 20
        channel.drained()


GOOD = {
    "from": {"email": "a@b.example"}, "subject": "s", "content": [{"type": "text/plain", "value": "x"}],
    "personalizations": [{"to": [{"email": "c@d.example"}]}],
    "tracking_settings": {f"{name}_tracking": {"enable": False} for name in ("click", "open", "subscription")},
}  # fmt: skip
TO = [{"email": "c@d.example"}]
BAD = {
    "no sender": {"from": {}}, "no subject": {"subject": ""}, "a field that is none": {"x": 1},
    "custom arguments for all": {"custom_args": {"a": "b"}}, "html first": {"content": [{"type": "text/html", "value": "x"},
    {"type": "text/plain", "value": "x"}]}, "an empty part": {"content": [{"type": "text/plain", "value": ""}]},
    "nobody": {"personalizations": [{"to": []}]}, "no address": {"personalizations": [{"to": [{"email": "c"}]}]},
    "one twice": {"personalizations": [{"to": TO}, {"to": [{"email": "C@d.example"}]}]},
    "one mailbox twice": {"personalizations": [{"to": TO}, {"to": [{"email": "c+x@d.example"}]}]},
    "a number": {"personalizations": [{"to": TO, "substitutions": {"-a-": 1}}]},
    "too much": {"personalizations": [{"to": TO, "substitutions": {"-a-": "x" * 10_001}}]},
    "too many tags": {"personalizations": [{"to": TO, "substitutions": {f"-{n}-": "" for n in range(101)}}]},
    "a tag in a value": {"personalizations": [{"to": TO, "substitutions": {"-a-": "-b-", "-b-": ""}}]},
    "a reserved header": {"personalizations": [{"to": TO, "headers": {"Subject": "x"}}]},
    "a header of two lines": {"personalizations": [{"to": TO, "headers": {"X-A": "x\ny"}}]},
    "a comma in a name": {"personalizations": [{"to": [{"email": "c@d.example", "name": "A, B"}]}]},
    "eleven categories": {"categories": list("abcdefghijk")}, "a pool of one letter": {"ip_pool_name": "x"},
    "next week": {"send_at": int(time.time()) + 8 * 24 * 3600}, "tracking": {"tracking_settings": {}},
    "too many people": {"personalizations": [{"to": [{"email": f"c{n}@d.example"}]} for n in range(1_001)]},
}  # fmt: skip


def test_the_contract_lets_a_good_request_pass() -> None:
    assert faults_of(json.dumps(GOOD).encode()) == []


@pytest.mark.parametrize("wrong", BAD)
def test_the_contract_minds(wrong: str) -> None:
    assert faults_of(json.dumps({**GOOD, **BAD[wrong]}).encode())  # type: ignore[dict-item]


def test_the_mail_server_minds_what_strict_ones_mind() -> None:
    import socket

    from tests.fakes.smtp import FakeSmtp

    with FakeSmtp() as fake, socket.create_connection(("127.0.0.1", fake.port)) as sock, sock.makefile("rb") as said:
        sock.sendall(b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<ann@example.com>\r\nDATA\r\nSubject: x\n\n.x\r\n.\r\n")
        sock.settimeout(20)
        while (line := said.readline()) and not line.startswith(b"250 2.0.0 taken"):
            continue
    minded = "follows EHLO at once", "follows DATA at once", "bare line end", "dot that is not", "From stands 0 times"
    for fault in minded:
        assert any(fault in one for one in fake.faults), (fault, fake.faults)


def test_a_mail_is_of_one_touch() -> None:
    assert replace(MAIL, message_id="<12.ab@x.example>").reference == "12.ab"
