"""What is wrong with a mail that a provider would refuse a whole request for: found before it is sent, it fails alone."""

from __future__ import annotations

import re

from outreach.channels.base import Mail
from outreach.wire.addresses import wire_address

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


def flaw_of(mail: Mail) -> str | None:
    """The reason with which the touch fails: `address` for what is none, `header` for a line break where none may be."""
    if wire_address(mail.to_address) is None:
        return "address"
    values = mail.to_name, mail.from_name, mail.from_address, mail.reply_to or "", mail.subject
    return "header" if _CONTROL.search("".join((*values, *mail.headers, *mail.headers.values()))) else None
