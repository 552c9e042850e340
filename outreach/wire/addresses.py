"""Mail addresses as providers take them, and which of them end in one mailbox."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# No quoted local parts, no bare hosts: nobody has such an address, and half of the mail servers refuse it.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_DOMAIN = re.compile(r"(?=.{3,253}$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}", re.ASCII)
LONGEST_LOCAL = 64
_SAME_DOMAIN = {"googlemail.com": "gmail.com"}


def wire_address(address: str) -> str | None:
    """The address in ASCII, a domain of other letters as its A-labels; None for what is no address that mail servers
    take everywhere, which one with other letters before the @ is not."""
    local, _, domain = address.rpartition("@")
    host = _host(domain)
    if host is None or len(local) > LONGEST_LOCAL or not _LOCAL.fullmatch(local):
        return None
    return f"{local}@{host}"


@lru_cache(maxsize=4096)  # customers share few
def _host(domain: str) -> str | None:
    try:
        written = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        return None
    return written if _DOMAIN.fullmatch(written) else None


def mailbox(address: str) -> str:
    """The same for all addresses that may end in one mailbox: without case, dots and what follows a plus.

    Not every host takes `a.b+c@` for `ab@`; two people of such a host only come to be in different requests.
    """
    local, _, domain = unicodedata.normalize("NFKC", address).casefold().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{_SAME_DOMAIN.get(domain, domain)}"
