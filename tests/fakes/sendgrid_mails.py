"""What recipients get: each personalization of a request with its substitutions made, as a MIME message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime, unquote
from typing import Any

TOUCH = "rapport_touch"


@dataclass(frozen=True)
class Delivered:
    """A mail that was accepted. `message_id`: what the provider calls it in its events."""

    touch: str
    address: str
    message_id: str
    raw: bytes

    @property
    def number(self) -> int:
        """The touch's, with which its reference begins; 0 for a mail that is no touch."""
        return int(self.touch.partition(".")[0] or 0)


def expand(body: Mapping[str, Any], request_id: str) -> Iterator[Delivered]:
    """One mail a personalization. All have the same Message-ID, as SendGrid's do."""
    for number, one in enumerate(body["personalizations"]):
        touch = one.get("custom_args", {}).get(TOUCH, "")
        address = one["to"][0]["email"]
        yield Delivered(touch, address, f"{request_id}.recvd-{number}", _message(body, one, request_id))


def _message(body: Mapping[str, Any], one: Mapping[str, Any], request_id: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = _address(body["from"]), _address(one["to"][0])
    if "reply_to" in body:
        message["Reply-To"] = _address(body["reply_to"])
    message["Subject"] = _filled(body["subject"], one)
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = f"<{request_id}@geopod-ismtpd-0>"
    texts = {part["type"]: _filled(part["value"], one) for part in body["content"]}
    message.set_content(texts["text/plain"], cte="quoted-printable")
    message.add_alternative(texts["text/html"], subtype="html", cte="quoted-printable")
    own = "".join(f"{name}: {value}\r\n" for name, value in {**body.get("headers", {}), **one.get("headers", {})}.items())
    return own.encode("ascii") + message.as_bytes()


def _filled(text: str, one: Mapping[str, Any]) -> str:
    """One tag after the other, so that a value with a tag in it would show."""
    for tag, value in one.get("substitutions", {}).items():
        text = text.replace(tag, value)
    return text


def _address(person: Mapping[str, str]) -> Address:
    return Address(unquote(person.get("name", "")), addr_spec=person["email"])
