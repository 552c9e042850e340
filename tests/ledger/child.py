"""What a delivering process of its own does, to be killed or to run beside another.

It says what it has come to, and waits there for a word where the mode says so.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar

from crm_store.journeys import renaming, slices
from crm_store.ledger.dispatch import Answer
from outreach import delivery
from outreach.channels.base import ChannelStopped, Mail
from outreach.channels.outbox import Outbox
from tests.copies import shop_on
from tests.world import NOON, Shop


class Starter:
    """Who started this process."""

    pipe: ClassVar[Connection]


def live(mode: str, url: str, root: Path, pipe: Connection) -> None:
    """Be such a process, at the end of that pipe, on the shop."""
    Starter.pipe = pipe
    with shop_on(url, root) as opened:
        MODES[mode](opened)


def say(word: str) -> None:
    Starter.pipe.send(word)


def stop_here(word: str) -> None:
    """Say so, and wait to be killed."""
    say(word)
    time.sleep(600)


def stop_before_dispatch(shop: Shop) -> None:
    def stop(*_: object) -> object:
        stop_here("claimed")
        raise AssertionError

    delivery.__dict__["load_template"] = stop
    shop.deliver()


class Stopping(Outbox):
    """An outbox that stops after so many mails, and never answers."""

    after: int

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        answer = super().send(request_id, mails[: self.after], deadline)
        stop_here("dispatched")
        return answer


def stop_in_the_channel(shop: Shop, after: int) -> None:
    channel = Stopping(shop.root / "outbox")
    channel.after = after
    delivery.__dict__["channel_for"] = lambda *_: channel
    shop.deliver()


class Frozen(Outbox):
    """An outbox whose sender is stopped when it has written so many mails."""

    after: int

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        if not self.after:
            self._freeze()
        return super().send(request_id, mails, deadline)

    def _write(self, mail: Mail, message: bytes, request_id: str) -> None:
        super()._write(mail, message, request_id)
        self.after -= 1
        if not self.after:
            self._freeze()

    def _freeze(self) -> None:
        say("dispatched")
        os.kill(os.getpid(), signal.SIGSTOP)


def freeze_in_the_channel(shop: Shop, after: int) -> None:
    channel = Frozen(shop.root / "outbox")
    channel.after = after
    delivery.__dict__["channel_for"] = lambda *_: channel
    with suppress(ChannelStopped):
        shop.deliver()
    say("awake")


class OneByOne(Outbox):
    """An outbox that says so before each request, and waits for the word to send it."""

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        say("sending")
        Starter.pipe.recv()
        return super().send(request_id, mails, deadline)


def send_one_by_one(shop: Shop) -> None:
    delivery.__dict__["channel_for"] = lambda *_: OneByOne(shop.root / "outbox")
    shop.deliver()
    say("done")


def rename_in_two(shop: Shop) -> None:
    """Publish a renamed campaign, and wait for the word while its touches have followed and its runs have not."""
    write, waits = shop.store.write, [True]

    def write_when_told(work: Callable[..., object], *args: object) -> object:
        if work is renaming.__dict__["_move_runs"] and waits:
            waits.pop()
            say("renaming")
            Starter.pipe.recv()
        return write(work, *args)

    shop.store.__dict__["write"] = write_when_told
    shop.publish()
    say("done")


def tick_together(shop: Shop) -> None:
    """Wait for the word, then do everything there is to do, in small slices."""
    slices.__dict__["SLICE"] = 3
    say("ready")
    while True:
        shop.tick(NOON.fromisoformat(Starter.pipe.recv()))
        say("done")


MODES: dict[str, Callable[[Shop], None]] = {
    "before-dispatch": stop_before_dispatch,
    "before-sending": lambda shop: stop_in_the_channel(shop, after=0),
    "amid-sending": lambda shop: stop_in_the_channel(shop, after=1),
    "after-sending": lambda shop: stop_in_the_channel(shop, after=2),
    "frozen-before": lambda shop: freeze_in_the_channel(shop, after=0),
    "frozen-amid": lambda shop: freeze_in_the_channel(shop, after=1),
    "one-by-one": send_one_by_one,
    "rename": rename_in_two,
    "tick": tick_together,
}
