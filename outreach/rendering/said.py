"""What a mail says: text that many mails share, with holes, and what fills the holes of one."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Part:
    """A part of a mail: `pieces[0]`, the hole numbered `holes[0]`, `pieces[1]`, ... so one more piece than holes."""

    pieces: tuple[str, ...]
    holes: tuple[int, ...]

    def fill(self, holes: Sequence[str]) -> str:
        filled = [self.pieces[0]]
        for number, piece in zip(self.holes, self.pieces[1:], strict=True):
            filled += (holes[number], piece)
        return "".join(filled)


@dataclass(frozen=True, eq=False)
class Shell:
    """What the mails of a batch share. Holes are numbered through all parts; two shells are the same if one object."""

    subject: Part
    text: Part
    html: Part

    @cached_property
    def _written(self) -> bytes:
        return json.dumps([[part.pieces, part.holes] for part in (self.subject, self.text, self.html)]).encode()

    @cached_property
    def hash(self) -> str:
        """The name of what it says, the same in every process."""
        return hashlib.sha256(self._written).hexdigest()[:32]

    def packed(self) -> bytes:
        return zlib.compress(self._written)

    @classmethod
    def unpacked(cls, packed: bytes) -> Shell:
        parts = json.loads(zlib.decompress(packed))
        return cls(*(Part(tuple(pieces), tuple(holes)) for pieces, holes in parts))


_WHOLE = [Part(("", ""), (number,)) for number in range(3)]
# Nothing in common: three holes, and the mail is in them.
PLAIN = Shell(*_WHOLE)


@dataclass(frozen=True)
class Said:
    """One mail's words: what its shell says with these values in its holes."""

    shell: Shell
    holes: tuple[str, ...]

    @classmethod
    def plain(cls, subject: str, text: str, html: str) -> Said:
        return cls(PLAIN, (subject, text, html))

    @cached_property
    def subject(self) -> str:
        return self.shell.subject.fill(self.holes)

    @cached_property
    def text(self) -> str:
        return self.shell.text.fill(self.holes)

    @cached_property
    def html(self) -> str:
        return self.shell.html.fill(self.holes)
