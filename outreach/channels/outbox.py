"""outbox: mails as files, an .eml each under its touch's number; nothing leaves the machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import ClassVar

from crm_store.ledger.dispatch import Answer
from outreach.channels.base import Mail

PER_FOLDER = 1_000


class Outbox:
    """Writes to a folder. A file that is there already is never replaced: a second mail would show as a second file."""

    provider: ClassVar = "outbox"
    per_request = 100

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, request_id: str, mails: Sequence[Mail]) -> Answer:
        return Answer(accepted={mail.touch_id: self._write(mail, request_id) for mail in mails})

    def _write(self, mail: Mail, request_id: str) -> str:
        path = self._free_path(mail.touch_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{request_id[:8]}.tmp")
        unfinished.write_bytes(as_message(mail).as_bytes())
        os.replace(unfinished, path)
        return mail.message_id

    def _free_path(self, touch_id: int) -> Path:
        folder = self.folder / f"{touch_id // PER_FOLDER:04d}"
        path, again = folder / f"{touch_id:07d}.eml", 1
        while path.exists():
            again += 1
            path = folder / f"{touch_id:07d}-{again}.eml"
        return path


def as_message(mail: Mail) -> EmailMessage:
    """The mail as a MIME message: a text part and an HTML part."""
    message = EmailMessage(policy=SMTP)
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
