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
from functools import partial
from pathlib import Path

from sqlalchemy import select

from crm_store.ledger.dispatch import Answer
from crm_store.schema import follow_up as tasks_of
from crm_store.store import Store, open_store
from outreach.channels.base import Channel, Mail
from outreach.channels.outbox import Outbox
from outreach.rendering.said import Part, Said, Shell
from tests.fakes.sendgrid import FakeSendGrid
from tests.fakes.smtp import FakeSmtp, number_of
from tests.fakes.webhook import FakeSystem
from tests.outreach.channels.dispatched import dispatched

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


# "Hello <name>" in the subject and both parts, and a code in the HTML.
SHELL = Shell(
    Part(("Hello ", ""), (0,)),
    Part(("Dear ", ",\n\nyour code: ", "\n"), (0, 1)),
    Part(("<p>Dear ", ",</p>\n<p>.your code: <b>", "</b> for ", "</p>\n"), (0, 1, 0)),
)


def shared(count: int, shell: Shell = SHELL) -> list[Mail]:
    """So many with one shell, each to somebody else, with other words."""
    return [replace(mail, said=Said(shell, (f"Ann {mail.touch_id}", f"CODE-{mail.touch_id:04d}"))) for mail in mails(count)]


@dataclass(frozen=True)
class Bench:
    """A provider's channel, and what arrived by it, in the order of touches: their numbers, and where it hands over mails,
    those, as they are and read. `ours`: headers that the provider leaves to us; `before`: what delivery has written."""

    channel: Channel
    touches: Callable[[], list[int]]
    raw: Callable[[], list[bytes]] = list
    ours: frozenset[str] = frozenset(("Date", "Message-ID"))
    before: Callable[[str, Sequence[Mail]], object] = lambda request_id, mails: None

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
        self.before(request_id, mails)
        answer = self.channel.send(request_id, mails, soon())
        self.channel.settled(request_id)
        return answer

    def arrived(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=default) for raw in self.raw()]


def outbox(folder: Path) -> Iterator[Bench]:
    def files() -> list[Path]:
        return sorted(folder.glob("*/*.eml"))

    yield Bench(
        Outbox(folder), lambda: [int(path.stem) for path in files()], lambda: [path.read_bytes() for path in files()]
    )


def sendgrid(folder: Path) -> Iterator[Bench]:
    from outreach.channels.sendgrid import Options, SendGrid

    with FakeSendGrid() as fake, in_environment(RAPPORT_TEST_KEY=fake.key):
        channel = SendGrid(Options(api_key_env="RAPPORT_TEST_KEY", host=fake.url))
        yield Bench(channel, lambda: sorted(mail.number for mail in fake.mails), fake.raw, frozenset())
        channel.drained()
        assert fake.refusals == []


def smtp(folder: Path) -> Iterator[Bench]:
    from outreach.channels.smtp import Options, Smtp

    with FakeSmtp() as fake:
        channel = Smtp(Options("127.0.0.1", fake.port, tls="none"))
        yield Bench(channel, lambda: [number_of(raw) for raw in fake.raw()], fake.raw)
        channel.drained()
        assert fake.faults == []


def webhook(folder: Path) -> Iterator[Bench]:
    from outreach.channels.webhook import Options, Webhook

    with FakeSystem() as fake, in_environment(RAPPORT_TEST_SECRET=fake.secret):
        channel = Webhook(Options(fake.url, "RAPPORT_TEST_SECRET"))
        yield Bench(channel, lambda: sorted(mail["touch"] for mail in fake.mails), fake.raw)
        channel.drained()


def follow_up(folder: Path) -> Iterator[Bench]:
    from outreach.channels.follow_up import FollowUps, Options

    folder.mkdir(parents=True, exist_ok=True)
    store = open_store("sqlite:///tasks.db", folder)
    yield Bench(FollowUps(Options("call"), store), lambda: tasks(store), before=partial(dispatched, store))
    store.close()


def tasks(store: Store) -> list[int]:
    with store.read() as conn:
        return sorted(conn.execute(select(tasks_of.c.touch_id)).scalars())


@contextmanager
def in_environment(**variables: str) -> Iterator[None]:
    os.environ.update(variables)
    yield
    for name in variables:
        del os.environ[name]


# A new provider of outreach.channels.PROVIDERS needs a line here, and one in MAILERS if what arrives is a mail.
BENCHES: Mapping[str, Callable[[Path], Iterator[Bench]]] = {
    "outbox": outbox,
    "sendgrid": sendgrid,
    "smtp": smtp,
    "webhook": webhook,
    "follow_up": follow_up,
}
MAILERS = [name for name in BENCHES if name != "follow_up"]
