"""A shell as a provider that substitutes gets it: tags where the holes are, and for each mail what stands for each tag."""

from __future__ import annotations

import secrets
from weakref import WeakKeyDictionary

import orjson

from outreach.rendering.said import Part, Said, Shell

MOST_TAGS = 100
MOST_BYTES = 10_000
# No character takes more than six bytes as JSON: below this many there is no need to count.
_SURELY_FITS = MOST_BYTES // 6


class Tagged:
    """Every tag has a nonce in it that is nowhere in the shell, so that nothing else is taken for one; a value that has it
    does not fit. No tag begins another one."""

    def __init__(self, shell: Shell) -> None:
        static = "".join((*shell.subject.pieces, *shell.text.pieces, *shell.html.pieces))
        self.nonce = secrets.token_hex(4)
        while self.nonce in static:
            self.nonce = secrets.token_hex(4)
        count = 1 + max((*shell.subject.holes, *shell.text.holes, *shell.html.holes), default=-1)
        self.tags = [f"-{self.nonce}{number:x}-" for number in range(count)]
        self._length = sum(map(len, self.tags))
        self.subject, self.text, self.html = (self._with_tags(part) for part in (shell.subject, shell.text, shell.html))

    def _with_tags(self, part: Part) -> str:
        return part.fill(self.tags)

    def substitutions(self, said: Said) -> dict[str, str]:
        return dict(zip(self.tags, said.holes, strict=False))

    def fits(self, said: Said) -> bool:
        """Whether the mail's values are within the limits of a substituting provider."""
        values = "".join(said.holes)
        if len(self.tags) > MOST_TAGS or self.nonce in values:
            return False
        small = self._length + len(values) + 6 * len(self.tags) < _SURELY_FITS
        return small or len(orjson.dumps(self.substitutions(said))) <= MOST_BYTES


_made: WeakKeyDictionary[Shell, Tagged] = WeakKeyDictionary()


def tagged(shell: Shell) -> Tagged:
    """Made once for a shell."""
    found = _made.get(shell)
    if found is None:
        found = _made.setdefault(shell, Tagged(shell))  # another thread may have been faster
    return found
