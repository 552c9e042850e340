"""A mail's templates, loaded once, and the mail they give for a context."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, TemplateError, TemplateSyntaxError, meta

from crm_store.content.faults import Fault, Place, did_you_mean
from crm_store.content.sources import TEMPLATES, Sources
from outreach.rendering.environment import environment, render
from outreach.rendering.prepare import inline_css, text_from_html

SUBJECT, HTML, TEXT = "subject.j2", "body.html.j2", "body.txt.j2"


@dataclass(frozen=True)
class Rendered:
    """A mail's three parts."""

    subject: str
    html: str
    text: str


class MailTemplate:
    """The templates of one mail. Raises Fault if they can't be loaded."""

    def __init__(self, name: str, sources: Sources) -> None:
        self.name = name
        files = {path.removeprefix(f"{TEMPLATES}/"): text for path, text in sources.files.items() if path.endswith(".j2")}
        plain = environment(files)
        html = {path: text for path, text in files.items() if path.endswith(".html.j2")}
        self._html = environment({**files, **inline_css(plain, html)})
        given = f"{name}/{TEXT}" in files
        self._text = environment(files if given else text_from_html(plain, html), of_text=True)
        self._subject = plain.get_template(f"{name}/{SUBJECT}")
        self._html_body = self._html.get_template(f"{name}/{HTML}")
        self._text_body = self._text.get_template(f"{name}/{TEXT if given else HTML}")

    def render(self, context: Mapping[str, Any]) -> Rendered:
        """The mail. Raises jinja2's TemplateError, which says nothing of the values."""
        subject = " ".join(render(self._subject, context).split())
        html, text = render(self._html_body, context), render(self._text_body, context)
        return Rendered(subject, html, re.sub(r"\n{3,}", "\n\n", text).strip() + "\n")


def mail_names(sources: Sources) -> list[str]:
    """The mails there are: folders below templates/ with a body."""
    suffix = f"/{HTML}"
    return sorted(
        path.removeprefix(f"{TEMPLATES}/").removesuffix(suffix)
        for path in sources.files
        if path.startswith(f"{TEMPLATES}/") and path.endswith(suffix)
    )


def closure(name: str, sources: Sources) -> set[str]:
    """The paths of a mail's templates and all they extend, include or import. Raises Fault with the place."""
    found: set[str] = set()
    todo = [(f"{TEMPLATES}/{name}/{part}", Place(f"{TEMPLATES}/{name}", 1)) for part in (SUBJECT, HTML)]
    if f"{TEMPLATES}/{name}/{TEXT}" in sources.files:
        todo.append((f"{TEMPLATES}/{name}/{TEXT}", Place(f"{TEMPLATES}/{name}", 1)))
    env = environment({})
    while todo:
        path, named_at = todo.pop()
        if path not in sources.files:
            hint = did_you_mean(path, [known for known in sources.files if known.endswith(".j2")])
            raise Fault(named_at, f"template '{path}' is not there{hint}")
        if path not in found:
            found.add(path)
            todo += [(f"{TEMPLATES}/{used}", Place(path, 1)) for used in _used(env, path, sources.files[path])]
    return found


def _used(env: Environment, path: str, source: str) -> list[str]:
    try:
        used = list(meta.find_referenced_templates(env.parse(source)))
    except TemplateSyntaxError as error:
        raise Fault(Place(path, error.lineno), f"not Jinja: {error.message}") from None
    if None in used:
        raise Fault(Place(path, 1), "extends, include and import must name their template as a text")
    return [name for name in used if name is not None]


__all__ = ["HTML", "SUBJECT", "TEXT", "MailTemplate", "Rendered", "TemplateError", "closure", "mail_names"]
