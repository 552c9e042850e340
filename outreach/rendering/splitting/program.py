"""The shell of a template's mails, and the one small template that gives all holes of a mail."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Template, nodes

from outreach.rendering.environment import MAX_CHARACTERS, readable, render
from outreach.rendering.mail import MailTemplate
from outreach.rendering.said import Part, Said, Shell
from outreach.rendering.splitting.expressions import compiled, escaped
from outreach.rendering.splitting.pieces import Cut, html, joined, limit, one_line, text
from outreach.rendering.splitting.reading import Reading, read_once
from outreach.rendering.splitting.running import escapes
from outreach.rendering.splitting.scopes import Names, NotSplit
from outreach.rendering.splitting.simplifying import IsStable, simplified, stable_over
from outreach.rendering.splitting.verbs import run_part

_BLANK_LINES = re.compile(r"\n{3,}")
# The values of a mail that others of its campaign and locale have too.
SHARED = ("campaign", "company", "locale")
OF_EACH = ("customer", "event", "links", "offer", "zone")


class Odd(Exception):
    """Values that can't be put into holes: the mail is rendered by itself."""


@dataclass(frozen=True)
class Program:
    """What gives a mail: `template` prints the holes with a mark behind each, from what `reading` finds; `general`, which
    is slower and made when it is needed, from any values. `constants`: what is the same in all mails; `size`: characters of
    the shell; `loops`: whether some loop goes on for as long as a customer's values make it."""

    shell: Shell
    template: Template
    reading: Reading
    general: Callable[[], Template]
    constants: Mapping[str, Any]
    mark: str
    subject: range
    text: range
    html: range
    size: int
    loops: bool

    def said(self, values: Mapping[str, Any]) -> Said:
        """The mail. Raises Odd, or one of RENDER_ERRORS."""
        printed = self._printed(values)
        holes = printed.split(self.mark)
        if "\r" in printed or len(holes) != self.html.stop + 1 or len(printed) + self.size > MAX_CHARACTERS:
            raise Odd
        return Said(self.shell, tuple(self._in_order(holes[:-1], "\n\n\n" in printed)))

    def _printed(self, values: Mapping[str, Any]) -> str:
        read, template = self.reading.values(values), self.template
        if read is None:
            read, template = readable({name: values[name] for name in OF_EACH}), self.general()
        context = {**self.constants, **read}
        if self.loops:
            return render(template, context)
        return "".join(template.root_render_func(template.new_context(context, shared=True)))

    def _in_order(self, holes: list[str], blank_lines: bool) -> list[str]:
        """What rendering/mail.py does to a mail, done to its holes."""
        for number in self.subject:
            holes[number] = " ".join(holes[number].split())
        for number in self.text if blank_lines else ():
            if "\n\n\n" in holes[number]:
                holes[number] = _BLANK_LINES.sub("\n\n", holes[number])
        self._trim(holes, self.shell.text, first=True)
        self._trim(holes, self.shell.html)
        return holes

    def _trim(self, holes: list[str], part: Part, first: bool = False) -> None:
        if first and part.holes and not part.pieces[0]:
            holes[part.holes[0]] = holes[part.holes[0]].lstrip("\n") or _odd()
        if part.holes and part.pieces[-1] == "\n":
            holes[part.holes[-1]] = holes[part.holes[-1]].rstrip() or _odd()


def _odd() -> str:
    raise Odd


def split(mail: MailTemplate, values: Mapping[str, Any]) -> Program:
    """The program of mails that share these values with each other. Raises NotSplit."""
    known = readable({name: values[name] for name in SHARED})
    names = Names()
    subject, of_text, of_html = mail.parts
    # The HTML first: a text part may be made of it, and its lines are not those that somebody wrote.
    printed = {part: run_part(*part, known, OF_EACH, names) for part in (subject, of_html, of_text)}
    is_stable = stable_over(frozenset({*OF_EACH, *names.constants}))
    simple = {part: simplified(items, escapes(*part), is_stable) for part, items in printed.items()}
    cuts = (one_line(printed[subject]), text(simple[of_text]), html(simple[of_html]))
    limit(cuts, is_stable)
    return _program(mail, cuts, known, names, is_stable)


def _program(
    mail: MailTemplate, cuts: Sequence[Cut], known: Mapping[str, Any], names: Names, is_stable: IsStable
) -> Program:
    mark = f"\x00{secrets.token_hex(8)}\x00"
    parts, ranges, statements, at = list[Part](), list[range](), list[nodes.Node](), 0
    for (env, file), one in zip(mail.parts, cuts, strict=True):
        if any("\r" in piece for piece in one.pieces):
            raise NotSplit(file, 1, "it writes line ends of its own")
        behind = nodes.Output([nodes.TemplateData(mark)])
        different, numbers = one.numbered(is_stable)
        body = [node for hole in different for node in (*hole, behind)]
        statements.append(escaped(joined([*body, *one.after]), escapes(env, file)))
        parts.append(Part(tuple(one.pieces), tuple(at + number for number in numbers)))
        ranges.append(range(at, at := at + len(different)))
    program = nodes.Scope(statements)  # nothing is set at the top, where Jinja would keep it for others to import
    env = mail.parts[0][0]
    quick, reading = read_once(program, OF_EACH)
    return Program(
        Shell(*parts),
        compiled(env, [quick]),
        reading,
        cache(lambda: compiled(env, [program])),  # hardly any template's mails need it
        {**env.globals, **known, **names.constants},
        mark,
        ranges[0],
        ranges[1],
        ranges[2],
        size=sum(len(piece) for one in cuts for piece in one.pieces),
        loops=program.find(nodes.For) is not None,
    )
