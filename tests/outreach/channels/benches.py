"""How each provider is put to the proof: a channel whose mails arrive where a test can read them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from crm_store.ledger.dispatch import Answer
from outreach.channels.base import Channel, Mail
from outreach.channels.outbox import Outbox
from outreach.rendering.said import Said
from tests.fakes.sendgrid import FakeSendGrid

REQUEST = "0123456789abcdef0123456789abcdef"
MAIL = Mail(
    touch_id=7,
    message_id="<7.abcdef01@shop.example>",
    from_address="hello@shop.example",
    from_name="The Shop",
    reply_to="service@shop.example",
    to_address="ann@example.com",
    to_name="Ann Smith",
    said=Said.plain("Hello Ann", "Hello\n", "<p>Hello</p>\n"),
    date=datetime(2026, 6, 15, 12, 30, 45, tzinfo=UTC),
    headers={
        "List-Unsubscribe": "<https://mail.shop.example/u/AQEAAAABAAAAAAHsQgTe_Eb5px8LmGE>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    },
)


def soon() -> float:
    """A deadline nobody misses."""
    return time.monotonic() + 60


def saying(mail: Mail, **parts: str) -> Mail:
    """The mail with other words: `subject`, `text`, `html`."""
    words = {"subject": mail.subject, "text": mail.text, "html": mail.html}
    return replace(mail, said=Said.plain(**{**words, **parts}))


def mails(count: int) -> list[Mail]:
    """So many, each to somebody else."""
    numbers = range(1, count + 1)
    return [
        replace(MAIL, touch_id=number, message_id=f"<{number}@shop.example>", to_address=f"c{number}@example.com")
        for number in numbers
    ]


@dataclass(frozen=True)
class Bench:
    """A provider's channel, and the mails that arrived by it, in the order of touches: as they are, and read."""

    channel: Channel
    raw: Callable[[], list[bytes]]
    ours: frozenset[str] = frozenset(("Date", "Message-ID"))  # headers that the provider leaves to us

    def send(self, request_id: str, mails: Sequence[Mail]) -> Answer:
        """As delivery does it, request by request; what was said to all of them in one answer."""
        answers = [self._request(f"{request_id}{n}", called) for n, called in enumerate(self.channel.divided(mails))]
        return Answer(
            {touch: taken for answer in answers for touch, taken in answer.accepted.items()},
            {touch: no for answer in answers for touch, no in answer.refused.items()},
            {touch: reason for answer in answers for touch, reason in answer.doubtful.items()},
            next((answer.stopped for answer in answers if answer.stopped), None),
        )

    def _request(self, request_id: str, mails: Sequence[Mail]) -> Answer:
        self.channel.announce(request_id)
        answer = self.channel.send(request_id, mails, soon())
        self.channel.settled(request_id)
        return answer

    def arrived(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=default) for raw in self.raw()]


def outbox(folder: Path) -> Iterator[Bench]:
    yield Bench(Outbox(folder), lambda: [path.read_bytes() for path in sorted(folder.glob("*/*.eml"))])


def sendgrid(folder: Path) -> Iterator[Bench]:
    from outreach.channels.sendgrid import Options, SendGrid

    with FakeSendGrid() as fake, in_environment(RAPPORT_TEST_KEY=fake.key):
        channel = SendGrid(Options(api_key_env="RAPPORT_TEST_KEY", host=fake.url))
        yield Bench(channel, fake.raw, frozenset())
        channel.drained()
        assert not fake.refusals


@contextmanager
def in_environment(**variables: str) -> Iterator[None]:
    os.environ.update(variables)
    yield
    for name in variables:
        del os.environ[name]


# A new provider of outreach.channels.PROVIDERS needs a line here.
BENCHES: Mapping[str, Callable[[Path], Iterator[Bench]]] = {"outbox": outbox, "sendgrid": sendgrid}
