"""Comparing what holes give with what plain Jinja gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from outreach.rendering.environment import RENDER_ERRORS
from outreach.rendering.mail import MailTemplate
from outreach.rendering.said import Said
from outreach.rendering.splitting.program import Odd, Program

FAILS = "fails"
Words = tuple[str, str, str] | str


def words(said: Said) -> Words:
    return said.subject, said.text, said.html


def plain(mail: MailTemplate, values: Mapping[str, Any]) -> Words:
    try:
        return words(mail.render(values))
    except RENDER_ERRORS:
        return FAILS


def filled(program: Program, values: Mapping[str, Any]) -> Words | None:
    """What the holes give; None where the mail has to be rendered by itself."""
    try:
        return words(program.said(values))
    except (Odd, *RENDER_ERRORS):
        return None
