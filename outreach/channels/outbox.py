"""outbox: mails as files, an .eml each under its touch's number; nothing leaves the machine."""

from __future__ import annotations

import logging
import os
import shutil
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from typing import ClassVar

from crm_store.content.fields import Fields
from crm_store.ledger.dispatch import Answer, Refusal
from outreach.channels.base import Channel, Mail, NotAccepted, Outfit, Proof, in_time
from outreach.channels.gallery import INDEX, SHOWN, read_headers, refresh_gallery

_log = logging.getLogger("rapport.outbox")
PER_FOLDER = 1_000
TRAYS = ".sending"
UNWRITABLE = "outbox can't be written"
# No fault of the mail: however often it is tried, it is given up at its expiry only.
NOT_NOW = Refusal(UNWRITABLE, permanent=False, gives_up=False)
# What the standard library raises on addresses and names that no header can hold.
_NO_MESSAGE = (ValueError, LookupError, MessageError)


def configured(fields: Fields, outfit: Outfit) -> Outbox:
    """Its folder is the setting `outbox`, which commands that look at the mails need as well; it has no keys of its own."""
    fields.close()
    return Outbox(outfit.root / outfit.settings.outbox)


class _OneLine(UnstructuredHeader, BaseHeader):
    """A header that must not be folded: the standard library writes a long address as =?utf-8?q?..?=, which is none."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _OneLine)
_POLICY = SMTP.clone(header_factory=_HEADERS)


class Outbox(Channel):
    """Writes to a folder. A file that is there already is never replaced: a second mail would show as a second file.

    Each request has a tray, a folder from which its mails are put into place. While the tray is there, its sender may still
    be at work; taking it away ends that, and only then can a mail that is not there be proven never to come.
    """

    provider: ClassVar = "outbox"
    per_request = 100

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written: deque[tuple[Path, Mail]] = deque(maxlen=SHOWN)

    def announce(self, request_id: str) -> None:
        try:
            self._tray(request_id).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotAccepted(UNWRITABLE, self._stopped(error)) from None

    def send(self, request_id: str, mails: Sequence[Mail], deadline: float) -> Answer:
        in_time(deadline)
        accepted: dict[int, str] = {}
        refused: dict[int, Refusal] = {}
        for mail in mails:
            try:
                self._write(mail, as_message(mail).as_bytes(), request_id)
                accepted[mail.touch_id] = mail.message_id
            except _NO_MESSAGE:
                refused[mail.touch_id] = Refusal("address", permanent=True)
            except OSError as error:
                rest = {one.touch_id for one in mails} - accepted.keys() - refused.keys()
                return Answer(accepted, refused | dict.fromkeys(rest, NOT_NOW), stopped=self._stopped(error))
        return Answer(accepted, refused)

    def _write(self, mail: Mail, message: bytes, request_id: str) -> None:
        """Put a mail into place. After an OSError it is not there."""
        folder = self._folder_of(mail.touch_id)
        folder.mkdir(exist_ok=True)
        unfinished = self._tray(request_id) / f"{mail.touch_id:07d}.tmp"
        unfinished.write_bytes(message)
        for again in count(1):
            place = folder / f"{mail.touch_id:07d}{f'-{again}' if again > 1 else ''}.eml"
            try:
                os.link(unfinished, place)
            except FileExistsError:
                continue
            break
        self._written.append((place, mail))
        with suppress(OSError):
            unfinished.unlink()

    def settled(self, request_id: str) -> None:
        for tray in (self._tray(request_id), self._taken_tray(request_id)):
            shutil.rmtree(tray, ignore_errors=True)

    def look_up(self, request_id: str, message_ids: Mapping[int, str]) -> Proof:
        never_again = self._take_tray(request_id)
        accepted = {touch: wanted for touch, wanted in message_ids.items() if self._has(touch, wanted)}
        return Proof(accepted, frozenset(message_ids.keys() - accepted.keys() if never_again else ()))

    def _take_tray(self, request_id: str) -> bool:
        """Take the tray from under its sender, who can put nothing into place from now on. False if it was never here."""
        with suppress(OSError):
            self._tray(request_id).rename(self._taken_tray(request_id))
        return self._taken_tray(request_id).is_dir()

    def _has(self, touch_id: int, message_id: str) -> bool:
        """Whether that very mail is there: an outbox may hold mails of an older store under the same numbers."""
        files = self._folder_of(touch_id).glob(f"{touch_id:07d}*.eml")
        return any(str(read_headers(file)["Message-ID"]).strip() == message_id for file in files)

    def trouble(self) -> str | None:
        """Tries it: a file is written and taken away again, and so is what had to be made for it."""
        made = [folder for folder in (self.folder, *self.folder.parents) if not folder.exists()]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.folder):
                return None
        except OSError as error:
            return self._trouble(error)
        finally:
            for folder in made:
                with suppress(OSError):
                    folder.rmdir()

    def drained(self) -> None:
        """Bring the page that shows the outbox up to date. It is for looking only: no trouble with it is raised."""
        written = dict(self._written)
        self._written.clear()
        try:
            if written:
                refresh_gallery(self.folder, written)
        except OSError as error:
            _log.warning("%s can't be brought up to date: %s", self.folder / INDEX, error.strerror)

    def _stopped(self, error: OSError) -> str:
        return f"{self._trouble(error)}; its mails stay due, run again in a minute"

    def _trouble(self, error: OSError) -> str:
        what = f"outbox {self.folder} can't be written: {error.strerror}"
        return f"{what}; mend the folder or name another as `outbox` in config/rapport.yaml"

    def _folder_of(self, touch_id: int) -> Path:
        return self.folder / f"{touch_id // PER_FOLDER:04d}"

    def _tray(self, request_id: str) -> Path:
        return self.folder / TRAYS / request_id

    def _taken_tray(self, request_id: str) -> Path:
        return self.folder / TRAYS / f"{request_id}.taken"


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
