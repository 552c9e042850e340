"""Rendering batches: what mails have in common once, of each what is its own; some again as plain Jinja, to compare."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from outreach.rendering.environment import RENDER_ERRORS
from outreach.rendering.mail import MailTemplate
from outreach.rendering.said import Said
from outreach.rendering.splitting.program import SHARED, Odd, Program, split
from outreach.rendering.splitting.scopes import NotSplit

_log = logging.getLogger("rapport.rendering")
WORTH_IT = 20  # mails of a batch: splitting costs as much as rendering so many
COMPARED = 500  # of so many mails of a batch one is rendered as plain Jinja too
MOST_PATTERNS = 64
MOST_PROGRAMS = 100

Made = Said | Exception


class Renderer:
    """Renders the mails of one template. `different`: how often a mail was not what plain Jinja makes of it, which is never
    said aloud to a customer: all mails of the template are rendered as plain Jinja from then on."""

    def __init__(self, mail: MailTemplate) -> None:
        self.mail = mail
        self.different = 0
        self._programs: dict[Hashable, Program | None] = {}
        self._patterns: set[tuple[Hashable, ...]] = set()

    def said_of(self, batch: Sequence[Mapping[str, Any]]) -> list[Made]:
        """What the mails with these values say, in their order; for one that can't be rendered its one of RENDER_ERRORS."""
        programs = self._programs_for(batch)
        made = [self._made(program, values) for program, values in zip(programs, batch, strict=True)]
        for number in self._to_compare(programs, made):
            if not _same(made[number], self._plain(batch[number])):
                self.different += 1
                # No more than that: what differs may be a customer's data.
                _log.error("template %s: a mail differs from plain Jinja; all are rendered so now", self.mail.name)
                return [self._plain(values) for values in batch]
        return made

    def _programs_for(self, batch: Sequence[Mapping[str, Any]]) -> list[Program | None]:
        keys = [_shared(values) for values in batch]
        found: dict[Hashable, Program | None] = {}
        for key, values in dict(zip(keys, batch, strict=True)).items():
            found[key] = self._program(key, values, keys.count(key))
        return [found[key] for key in keys]

    def _program(self, key: Hashable, values: Mapping[str, Any], mails: int) -> Program | None:
        if self.different:
            return None
        if key not in self._programs and mails >= WORTH_IT:
            if len(self._programs) >= MOST_PROGRAMS:
                self._programs.clear()
            self._programs[key] = self._split(values)
        return self._programs.get(key)

    def _split(self, values: Mapping[str, Any]) -> Program | None:
        try:
            return split(self.mail, values)
        except NotSplit as refused:
            _log.info("template %s is rendered mail by mail: %s", self.mail.name, refused.fault)
            return None

    def _made(self, program: Program | None, values: Mapping[str, Any]) -> Made:
        try:
            return program.said(values) if program else self._plain(values)
        except (Odd, *RENDER_ERRORS):
            return self._plain(values)  # which says what is wrong, if something is

    def _plain(self, values: Mapping[str, Any]) -> Made:
        try:
            return self.mail.render(values)
        except RENDER_ERRORS as error:
            return error

    def _to_compare(self, programs: Sequence[Program | None], made: Sequence[Made]) -> Iterator[int]:
        """The first mail of each shell, one of some hundred, and each that is the first to leave just these holes empty."""
        begun: set[int] = set()
        for number, (program, said) in enumerate(zip(programs, made, strict=True)):
            if program is None or isinstance(said, Exception) or said.shell is not program.shell:
                continue
            pattern = (said.shell.hash, *map(bool, said.holes))
            new = pattern not in self._patterns and len(self._patterns) < MOST_PATTERNS
            if new:
                self._patterns.add(pattern)
            if new or id(program) not in begun or number % COMPARED == 0:
                yield number
            begun.add(id(program))


def _shared(values: Mapping[str, Any]) -> Hashable:
    """What mails with the same program have in common."""
    return tuple(tuple(value.values()) if isinstance(value := values[name], Mapping) else value for name in SHARED)


def _same(made: Made, plain: Made) -> bool:
    if isinstance(made, Exception) or isinstance(plain, Exception):
        return type(made) is type(plain)
    return (made.subject, made.text, made.html) == (plain.subject, plain.text, plain.html)
