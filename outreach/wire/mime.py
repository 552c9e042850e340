"""A mail as bytes for a mail server, put together by hand: what a shell has is encoded once, only holes are for each mail.

`email.message` takes 2 ms for a mail of 20 kB, this a fortieth; the tests read it back with `email.parser`.
Body lines that begin with a dot are doubled already (RFC 5321, 4.5.2). No header has a line break that is not ours.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from binascii import b2a_qp
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from weakref import WeakKeyDictionary

from outreach.channels.base import Mail
from outreach.rendering.said import Part, Said, Shell
from outreach.wire.addresses import wire_address

LONGEST_LINE = 998  # RFC 5322, 2.1.1
_PLAIN = re.compile(r"[!-~]+( [!-~]+)*", re.ASCII)
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+( [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_WORD_BYTES = 39  # of an encoded word, so that a line with a header's name before it has at most 76 characters
_QP_LINE = 76  # RFC 2045, 6.7


class BadHeader(ValueError):
    """A value that no header can hold."""


def message(mail: Mail) -> bytes:
    """The whole mail without the dot that ends it. Raises BadHeader, whose text is without the value."""
    encoded = _encoded(mail.said.shell)
    lines = [
        b"From: " + _mailbox(mail.from_name, mail.from_address),
        b"To: " + _address(mail.to_name, mail.to_address),
        b"Subject: " + _text(mail.subject),
        b"Date: " + _date(mail.date),
        b"Message-ID: " + _as_it_is(mail.message_id),
        *(_as_it_is(name) + b": " + _as_it_is(value) for name, value in mail.headers.items()),
    ]
    if mail.reply_to:
        lines.append(b"Reply-To: " + _mailbox("", mail.reply_to))
    if any(len(line) > LONGEST_LINE and b"\r\n" not in line for line in lines):
        raise BadHeader("a header is too long")
    return b"\r\n".join((*lines, encoded.body(mail.said)))


class _Encoded:
    """A shell whose pieces are quoted-printable. Each piece and each hole begins a line of its own, after a soft break
    where the text goes on: so they can be encoded apart, and what a hole holds can't touch what is around it."""

    def __init__(self, shell: Shell) -> None:
        boundary = f"=_{secrets.token_hex(12)}"  # quoted-printable has no =_
        type_ = 'Content-Type: text/{}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
        head = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
        self._before_text = f"{head}--{boundary}\r\n{type_.format('plain')}".encode()
        self._before_html = f"\r\n--{boundary}\r\n{type_.format('html')}".encode()
        self._end = f"\r\n--{boundary}--\r\n".encode()
        self._text, self._html = _pieces(shell.text), _pieces(shell.html)

    def body(self, said: Said) -> bytes:
        holes: dict[int, bytes] = {}
        out = [self._before_text]
        _fill(out, self._text, said.holes, holes)
        out.append(self._before_html)
        _fill(out, self._html, said.holes, holes)
        out.append(self._end)
        return b"".join(out)


_Pieces = tuple[bytes, list[tuple[int, bytes]]]


def _pieces(part: Part) -> _Pieces:
    first, *rest = (quoted_printable(piece) for piece in part.pieces)
    return first, list(zip(part.holes, rest, strict=True))


def _fill(out: list[bytes], pieces: _Pieces, holes: tuple[str, ...], encoded: dict[int, bytes]) -> None:
    out.append(pieces[0])
    for number, piece in pieces[1]:
        value = encoded.get(number)
        if value is None:
            value = encoded[number] = quoted_printable(holes[number])
        out += (value, piece)


def quoted_printable(text: str) -> bytes:
    """Lines of at most 76 characters, ending with a break that is soft unless the text's last one is."""
    if not text:
        return b""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    encoded = b2a_qp(text.encode(), istext=True)
    if not encoded.endswith(b"\n"):
        if len(encoded) - encoded.rfind(b"\n") - 1 >= _QP_LINE:
            cut = 3 if encoded[-3:-2] == b"=" else 1
            encoded = encoded[:-cut] + b"=\n" + encoded[-cut:]
        encoded += b"=\n"
    encoded = encoded.replace(b"\n", b"\r\n")
    if b"." in encoded:
        encoded = encoded.replace(b"\r\n.", b"\r\n..")
        return b"." + encoded if encoded.startswith(b".") else encoded
    return encoded


_shells: WeakKeyDictionary[Shell, _Encoded] = WeakKeyDictionary()


def _encoded(shell: Shell) -> _Encoded:
    found = _shells.get(shell)
    if found is None:
        found = _shells[shell] = _Encoded(shell)
    return found


def _text(text: str) -> bytes:
    """An unstructured header's value (RFC 2047 where it is not plain)."""
    if _PLAIN.fullmatch(text) and "=?" not in text and len(text) < LONGEST_LINE // 2:
        return text.encode()
    return _words(text)


def _words(text: str) -> bytes:
    if _CONTROL.search(text):
        raise BadHeader("a header has a line break or another control character")
    data, words = text.encode(), []
    while data:
        end = min(_WORD_BYTES, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # not within a character
            end -= 1
        words.append(b"=?utf-8?b?" + b64encode(data[:end]) + b"?=")
        data = data[end:]
    return b"\r\n ".join(words)


def _address(name: str, address: str) -> bytes:
    """A name and an address (RFC 5322, 3.4)."""
    spec = wire_address(address)
    if spec is None:
        raise BadHeader("not an address")
    if not name:
        return spec.encode()
    if _ATOMS.fullmatch(name) and "=?" not in name and len(name) < LONGEST_LINE // 2:
        said = name.encode()
    elif name.isascii() and name.isprintable() and "=?" not in name and len(name) < LONGEST_LINE // 4:
        said = ('"' + re.sub(r'(["\\])', r"\\\1", name) + '"').encode()
    else:
        said = _words(name)
    return said + (b" <" if len(said) + len(spec) < 70 else b"\r\n <") + spec.encode() + b">"


_mailbox = lru_cache(maxsize=64)(_address)


@lru_cache(maxsize=64)
def _date(date: datetime) -> bytes:
    return format_datetime(date).encode()


def _as_it_is(value: str) -> bytes:
    """A header's name, or a value that must not be folded or encoded: an address of the web, a Message-ID."""
    if not _PLAIN.fullmatch(value):
        raise BadHeader("a header has a line break or another character that is not allowed there")
    return value.encode()
