"""outbox: mails as files, an .eml each under its touch's number; nothing leaves the machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from email.errors import MessageError
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from itertools import count
from pathlib import Path
from typing import ClassVar

from crm_store.ledger.dispatch import Answer, Refusal
from outreach.channels.base import Mail

PER_FOLDER = 1_000
# What the standard library raises on addresses and names that no header can hold.
_NO_MESSAGE = (ValueError, LookupError, MessageError)


class _OneLine(UnstructuredHeader, BaseHeader):
    """A header that must not be folded: the standard library writes a long address as =?utf-8?q?..?=, which is none."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _OneLine)
_POLICY = SMTP.clone(header_factory=_HEADERS)


class Outbox:
    """Writes to a folder. A file that is there already is never replaced: a second mail would show as a second file."""

    provider: ClassVar = "outbox"
    per_request = 100

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, request_id: str, mails: Sequence[Mail]) -> Answer:
        accepted: dict[int, str] = {}
        refused: dict[int, Refusal] = {}
        for mail in mails:
            try:
                message = as_message(mail).as_bytes()
            except _NO_MESSAGE:
                refused[mail.touch_id] = Refusal("address", permanent=True)
            else:
                self._write(mail.touch_id, message, request_id)
                accepted[mail.touch_id] = mail.message_id
        return Answer(accepted, refused)

    def _write(self, touch_id: int, message: bytes, request_id: str) -> None:
        folder = self.folder / f"{touch_id // PER_FOLDER:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{touch_id:07d}.{request_id[:8]}.tmp"
        unfinished.write_bytes(message)
        for again in count(1):
            try:
                os.link(unfinished, folder / f"{touch_id:07d}{f'-{again}' if again > 1 else ''}.eml")
            except FileExistsError:
                continue
            break
        unfinished.unlink()


def as_message(mail: Mail) -> EmailMessage:
    """The mail as a MIME message: a text part and an HTML part. Raises one of _NO_MESSAGE if its address can't be one."""
    if not mail.to_address:
        raise ValueError("no address")
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(mail.from_name, addr_spec=mail.from_address)
    message["To"] = Address(mail.to_name, addr_spec=mail.to_address)
    if mail.reply_to:
        message["Reply-To"] = Address(addr_spec=mail.reply_to)
    message["Subject"] = mail.subject
    message["Date"] = mail.date
    message["Message-ID"] = mail.message_id
    for name, value in mail.headers.items():
        message[name] = value
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    return message
