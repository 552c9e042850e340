"""The shell of a template's mails, and the one small template that gives all holes of a mail."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Template, nodes

from outreach.rendering.environment import MAX_CHARACTERS, readable, render
from outreach.rendering.mail import MailTemplate
from outreach.rendering.said import Part, Said, Shell
from outreach.rendering.splitting.expressions import compiled, escaped
from outreach.rendering.splitting.pieces import MOST_HOLES, SHORT, Cut, html, one_line, text
from outreach.rendering.splitting.scopes import Names, NotSplit
from outreach.rendering.splitting.verbs import run_part

_BLANK_LINES = re.compile(r"\n{3,}")
# The values of a mail that others of its campaign and locale have too.
SHARED = ("campaign", "company", "locale")
OF_EACH = ("customer", "event", "links", "offer", "zone")


class Odd(Exception):
    """Values that can't be put into holes: the mail is rendered by itself."""


@dataclass(frozen=True)
class Program:
    """What gives a mail: `template` prints the holes with a mark behind each. `size`: characters of the shell; `loops`:
    whether some loop goes on for as long as a customer's values make it."""

    shell: Shell
    template: Template
    constants: Mapping[str, Any]
    mark: str
    subject: range
    text: range
    html: range
    size: int
    loops: bool

    def said(self, values: Mapping[str, Any]) -> Said:
        """The mail. Raises Odd, or one of RENDER_ERRORS."""
        return Said(self.shell, tuple(self._in_order(self._holes(values))))

    def _holes(self, values: Mapping[str, Any]) -> list[str]:
        context = {**self.constants, **readable(values)}
        if self.loops:
            printed = render(self.template, context)
        else:
            printed = "".join(self.template.root_render_func(self.template.new_context(context, shared=True)))
        holes = printed.split(self.mark)
        if "\r" in printed or len(holes) != self.html.stop + 1 or len(printed) + self.size > MAX_CHARACTERS:
            raise Odd
        return holes[:-1]

    def _in_order(self, holes: list[str]) -> list[str]:
        """What rendering/mail.py does to a mail, done to its holes."""
        for number in self.subject:
            holes[number] = " ".join(holes[number].split())
        for number in self.text:
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
    cuts = (one_line(printed[subject]), text(printed[of_text]), html(printed[of_html]))
    shorter = SHORT
    while sum(len(one.holes) for one in cuts) > MOST_HOLES:
        shorter *= 2
        for one in cuts:
            one.merge(shorter)
    return _program(mail, cuts, names)


def _program(mail: MailTemplate, cuts: Sequence[Cut], names: Names) -> Program:
    mark = f"\x00{secrets.token_hex(8)}\x00"
    parts, ranges, statements, at = list[Part](), list[range](), list[nodes.Node](), 0
    for (env, file), one in zip(mail.parts, cuts, strict=True):
        if any("\r" in piece for piece in one.pieces):
            raise NotSplit(file, 1, "it writes line ends of its own")
        escape = env.autoescape(file) if callable(env.autoescape) else env.autoescape
        behind = nodes.Output([nodes.TemplateData(mark)])
        body = [node for hole in one.holes for node in (*hole, behind)]
        statements.append(escaped([*body, *one.after], escape))
        ranges.append(range(at, at := at + len(one.holes)))
        parts.append(Part(tuple(one.pieces), tuple(ranges[-1])))
    program = nodes.Scope(statements)  # nothing is set at the top, where Jinja would keep it for others to import
    env = mail.parts[0][0]
    return Program(
        Shell(*parts),
        compiled(env, [program]),
        {**env.globals, **names.constants},
        mark,
        ranges[0],
        ranges[1],
        ranges[2],
        size=sum(len(piece) for one in cuts for piece in one.pieces),
        loops=program.find(nodes.For) is not None,
    )
